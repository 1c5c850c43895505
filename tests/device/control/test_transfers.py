"""Transfers: what moves, how far, and how fast."""

from datetime import UTC, datetime

from device.control.transfers import Transfers
from device.model import (
    Entry,
    EntryId,
    MediaKind,
    Medium,
    MediumState,
    RecorderId,
    Recording,
    RecordingKey,
    State,
    Wait,
)
from tests.fakes.clock import FakeClock

ID = EntryId("ab" * 16)


def entry(state: State, wait: Wait | None = None) -> Entry:
    medium = Medium(
        index=0, name="a.opus", kind=MediaKind.AUDIO, content_type="audio/opus", size_bytes=1000
    )
    key = RecordingKey(recorder=RecorderId("native:1"), recording="r", generation=0)
    return Entry(
        id=ID,
        recording=Recording(key=key, media=(medium,)),
        state=state,
        media=(MediumState(medium=medium, file="audio.opus"),),
        begun_at=datetime(2026, 3, 1, tzinfo=UTC),
        wait=wait,
    )


def book() -> tuple[FakeClock, Transfers]:
    clock = FakeClock()
    return clock, Transfers(clock=clock, changed=lambda: None)


def test_the_rate_is_that_of_the_last_seconds():
    """A fast beginning is forgotten."""
    clock, transfers = book()
    transfers.uploading(ID, 0, 0, 10_000_000)
    clock.advance(1)
    transfers.uploading(ID, 0, 5_000_000, 10_000_000)
    for step in range(1, 31):
        clock.advance(1)
        transfers.uploading(ID, 0, 5_000_000 + 100 * step, 10_000_000)

    assert {
        "entry": ID,
        "medium": 0,
        "direction": "upload",
        "done_bytes": 5_003_000,
        "total_bytes": 10_000_000,
        "rate_bytes_per_s": 100,
    } == transfers.objects()[0]


def test_a_part_that_is_sent_again_has_no_negative_rate():
    """Progress may go back."""
    clock, transfers = book()
    transfers.uploading(ID, 0, 900, 1000)
    clock.advance(2)
    transfers.uploading(ID, 0, 100, 1000)

    assert 0 == transfers.objects()[0]["rate_bytes_per_s"]


def test_thousands_of_steps_keep_little():
    """A fast pull tells of each frame."""
    clock, transfers = book()
    for step in range(10_000):
        clock.advance(0.001)
        transfers.pulling(ID, 0, step, 10_000)

    assert len(transfers._moving[ID, 0, "pull"].steps) < 60


def test_what_is_sealed_is_pulled_no_more():
    """Its upload, which began meanwhile, stays."""
    _, transfers = book()
    transfers.pulling(ID, 0, 10, 10)
    transfers.uploading(ID, 0, 0, 10)
    transfers.moved(entry(State.SEALED))

    assert ["upload"] == [each["direction"] for each in transfers.objects()]


def test_what_waits_does_not_move():
    """An upload that failed is told by its reason, not by its progress."""
    _, transfers = book()
    transfers.uploading(ID, 0, 5, 10)
    transfers.moved(entry(State.SEALED, Wait(code="x", reason="y")))

    assert [] == transfers.objects()


def test_what_fell_silent_is_dropped():
    """A recorder that went away in the middle of a pull."""
    clock, transfers = book()
    transfers.pulling(ID, 0, 5, 10)
    clock.advance(121)

    assert [] == transfers.objects()
