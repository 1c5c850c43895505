"""The conformance suite over every upload protocol and every dialect of store."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.uploads import Cargo, Complete
from device.core.uploads.classify import CHUNKED_PUT, resume
from device.model import UploadSession
from tests.device.core.uploads.conformance import (
    TARGET,
    CutAfter,
    Event,
    Expires,
    FallsBack,
    LostAnswer,
    RunsAhead,
    Says,
    Store,
    Vanishes,
    Whole,
    check_any_journey,
    drive,
    drive_abreast,
)
from tests.device.core.uploads.doubles import (
    AzureDouble,
    ChunkedDouble,
    GoogleDouble,
    IetfDouble,
    PartsDouble,
    PlainDouble,
    TusDouble,
)
from tests.fakes.chunked_store import QUANTUM_BYTES
from tests.fakes.uploads import noise

PIECE = 1000


@dataclass(frozen=True)
class Dialect:
    """A protocol on one kind of store; one mishap costs at most `grain_bytes`."""

    name: str
    make: Callable[[int], Store]
    chunk_bytes: int
    grain_bytes: int | None

    def cargo(self, content: bytes) -> Cargo:
        return Cargo(
            size_bytes=len(content),
            chunk_bytes=self.chunk_bytes,
            sha256=hashlib.sha256(content).hexdigest(),
            content_type="audio/opus",
        )

    def content(self, size: str) -> bytes:
        sizes = {
            "empty": 0,
            "one byte": 1,
            "a piece": self.chunk_bytes,
            "a piece and one": self.chunk_bytes + 1,
            "several": 4 * self.chunk_bytes + self.chunk_bytes // 7,
        }
        return noise(sizes[size])


_LIMITED = {"max-append-size": PIECE, "min-append-size": 10}
DIALECTS = [
    Dialect("single_put", lambda _: PlainDouble(), PIECE, None),
    Dialect("chunked_put", ChunkedDouble, QUANTUM_BYTES, QUANTUM_BYTES),
    Dialect("google", lambda n: ChunkedDouble(n, QUANTUM_BYTES), QUANTUM_BYTES, QUANTUM_BYTES),
    Dialect("google-start", lambda n: GoogleDouble(n, QUANTUM_BYTES), QUANTUM_BYTES, QUANTUM_BYTES),
    Dialect("s3_parts", lambda _: PartsDouble(PIECE), PIECE, PIECE),
    Dialect("s3_parts-told", lambda _: PartsDouble(PIECE, tells=True), PIECE, PIECE),
    Dialect("tus", TusDouble, PIECE, 0),
    Dialect("tus-lossy", lambda n: TusDouble(n, keeps_bytes=300), PIECE, 300),
    Dialect("ietf-8", IetfDouble, PIECE, 0),
    Dialect("ietf-8-limited", lambda n: IetfDouble(n, limits=_LIMITED), PIECE, 0),
    Dialect("ietf-8-lossy", lambda n: IetfDouble(n, keeps_bytes=300), PIECE, 300),
    Dialect("ietf-6", lambda n: IetfDouble(n, interop="6"), PIECE, 0),
    Dialect("azure_blocks", lambda _: AzureDouble(), PIECE, PIECE),
]
SIZES = ["empty", "one byte", "a piece", "a piece and one", "several"]
RESUMABLE = [d for d in DIALECTS if d.grain_bytes is not None]
EVERY = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda d: d.name)
ABREAST = pytest.mark.parametrize(
    "dialect", [d for d in DIALECTS if d.name.startswith("s3_parts")], ids=lambda d: d.name
)
"""Whose pieces do not depend on each other."""

mishaps = st.one_of(
    st.just(Whole()),
    st.just(LostAnswer()),
    st.builds(CutAfter, st.floats(0, 1, allow_nan=False)),
    st.builds(Says, st.sampled_from([408, 425, 429, 500, 503])),
)
upsets = st.sampled_from([Vanishes(), Expires(), FallsBack(), RunsAhead()])
sizes = st.sampled_from(SIZES)
restarts = st.one_of(st.none(), st.integers(0, 8))


@EVERY
@given(events=st.lists(mishaps, max_size=12), size=sizes, restart_at=restarts)
def test_any_mishaps(
    dialect: Dialect, events: list[Event], size: str, restart_at: int | None
) -> None:
    """Any cuts, lost answers, throttling and a restart cost one grain each, and it arrives."""
    content = dialect.content(size)
    grain_bytes = len(content) if dialect.grain_bytes is None else dialect.grain_bytes

    check_any_journey(
        dialect.make(len(content)),
        dialect.cargo(content),
        content,
        events,
        grain_bytes=grain_bytes,
        restart_at=restart_at,
    )


@EVERY
@given(events=st.lists(st.one_of(mishaps, upsets), max_size=12), size=sizes, restart_at=restarts)
def test_any_upsets(
    dialect: Dialect, events: list[Event], size: str, restart_at: int | None
) -> None:
    """Sessions that vanish, URLs that expire, offsets behind and ahead: still the whole object."""
    content = dialect.content(size)

    check_any_journey(
        dialect.make(len(content)),
        dialect.cargo(content),
        content,
        events,
        grain_bytes=len(content),
        restart_at=restart_at,
    )


lanes = st.integers(2, 4)
turns = st.lists(st.integers(0, 3), max_size=12)


@ABREAST
@given(
    events=st.lists(mishaps, max_size=12), size=sizes, lanes=lanes, turns=turns, restart_at=restarts
)
def test_any_mishaps_abreast(  # noqa: PLR0913, PLR0917 - each is drawn
    dialect: Dialect,
    events: list[Event],
    size: str,
    lanes: int,
    turns: list[int],
    restart_at: int | None,
) -> None:
    """With several under way, in any order, each cut still costs no more than its own grain."""
    content = dialect.content(size)
    store = dialect.make(len(content))

    journey = drive_abreast(
        store,
        dialect.cargo(content),
        content,
        events,
        lanes=lanes,
        turns=turns,
        restart_at=restart_at,
    )

    grain_bytes = len(content) if dialect.grain_bytes is None else dialect.grain_bytes
    most = journey.mishaps + (restart_at is not None)
    assert content == store.content()
    assert journey.sent_bytes <= len(content) + most * grain_bytes


@ABREAST
@given(
    events=st.lists(st.one_of(mishaps, upsets), max_size=12),
    size=sizes,
    lanes=lanes,
    turns=turns,
    restart_at=restarts,
)
def test_any_upsets_abreast(  # noqa: PLR0913, PLR0917 - each is drawn
    dialect: Dialect,
    events: list[Event],
    size: str,
    lanes: int,
    turns: list[int],
    restart_at: int | None,
) -> None:
    """Whatever befalls the upload while several are under way, the whole object is there."""
    content = dialect.content(size)
    store = dialect.make(len(content))

    drive_abreast(
        store,
        dialect.cargo(content),
        content,
        events,
        lanes=lanes,
        turns=turns,
        restart_at=restart_at,
    )

    assert content == store.content()


@EVERY
@pytest.mark.parametrize("size", SIZES)
def test_nothing_goes_wrong_abreast(dialect: Dialect, size: str) -> None:
    """Only where pieces do not depend on each other are several under way; each leaves once."""
    content = dialect.content(size)

    journey = drive_abreast(
        dialect.make(len(content)), dialect.cargo(content), content, [], lanes=3, turns=[2, 1] * 9
    )

    apart = size in {"a piece and one", "several"} and dialect.name.startswith("s3_parts")
    assert len(content) == journey.sent_bytes
    assert apart == (journey.most_under_way > 1)


@EVERY
@pytest.mark.parametrize("size", SIZES)
def test_nothing_goes_wrong(dialect: Dialect, size: str) -> None:
    """Without mishaps every byte leaves once."""
    content = dialect.content(size)

    journey = check_any_journey(
        dialect.make(len(content)), dialect.cargo(content), content, [], grain_bytes=0
    )

    assert len(content) == journey.sent_bytes


@EVERY
def test_a_cut_at_every_step(dialect: Dialect) -> None:
    """Whichever request is cut in its middle, it costs at most one grain."""
    content = dialect.content("several")
    store = dialect.make(len(content))
    steps = len(drive(store, dialect.cargo(content), content, []).requests)

    for step in range(steps):
        check_any_journey(
            dialect.make(len(content)),
            dialect.cargo(content),
            content,
            [*[Whole()] * step, CutAfter(0.5)],
            grain_bytes=len(content) if dialect.grain_bytes is None else dialect.grain_bytes,
        )


@pytest.mark.parametrize("dialect", RESUMABLE, ids=lambda d: d.name)
@pytest.mark.parametrize("after", range(12))
def test_a_restart_after_any_request(dialect: Dialect, after: int) -> None:
    """The saved session goes on where it stopped; nothing that arrived is sent again."""
    content = dialect.content("several")

    journey = check_any_journey(
        dialect.make(len(content)),
        dialect.cargo(content),
        content,
        [],
        grain_bytes=0,
        restart_at=after,
    )

    assert len(content) == journey.sent_bytes


@EVERY
@pytest.mark.parametrize("size", SIZES)
def test_a_lost_final_answer(dialect: Dialect, size: str) -> None:
    """When only the last answer is lost, the upload still ends, and costs at most one grain."""
    content = dialect.content(size)
    plain = drive(dialect.make(len(content)), dialect.cargo(content), content, [])
    events = [*[Whole()] * (len(plain.requests) - 1), LostAnswer()]

    journey = check_any_journey(
        dialect.make(len(content)),
        dialect.cargo(content),
        content,
        events,
        grain_bytes=len(content) if dialect.grain_bytes is None else 0,
    )

    assert isinstance(journey.outcomes[-1], Complete)


@EVERY
@pytest.mark.parametrize("step", range(8))
def test_a_wrong_digest_begins_anew(dialect: Dialect, step: int) -> None:
    """A store that finds another digest (422) gets the medium again from its first byte."""
    content = dialect.content("several")

    check_any_journey(
        dialect.make(len(content)),
        dialect.cargo(content),
        content,
        [*[Whole()] * step, Says(422)],
        grain_bytes=len(content),
    )


def test_a_resumed_session_asks_before_it_sends() -> None:
    """After a restart the store's offset is the truth, so the first request is the query."""
    session = UploadSession(target=TARGET, protocol=CHUNKED_PUT)

    request = resume(session, Cargo(size_bytes=9, chunk_bytes=PIECE)).next_request()

    assert 0 == request.body_bytes
    assert "bytes */9" == dict(request.headers)["Content-Range"]
