"""The conformance suite over every upload protocol and every dialect of store."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.uploads import Cargo, Request, Response, UploadProtocol
from device.core.uploads.classify import CHUNKED_PUT, SINGLE_PUT, begin, resume
from device.model import UploadSession
from tests.device.core.uploads.conformance import (
    TARGET,
    CutAfter,
    Event,
    LostAnswer,
    Whole,
    check_any_journey,
)
from tests.fakes.chunked_store import QUANTUM_BYTES, ChunkedStore
from tests.fakes.uploads import noise

CHUNK_BYTES = 2 * QUANTUM_BYTES
CONTENT = noise(3 * CHUNK_BYTES + 12_345)

events = st.lists(
    st.one_of(
        st.just(Whole()),
        st.just(LostAnswer()),
        st.builds(CutAfter, st.floats(0, 1, allow_nan=False)),
    ),
    max_size=12,
)
sizes = st.sampled_from([0, 1, QUANTUM_BYTES, CHUNK_BYTES, CHUNK_BYTES + 1, len(CONTENT)])


class PlainDouble:
    """Atomic: a body that is not whole leaves nothing."""

    def __init__(self) -> None:
        self.object: bytes | None = None

    def take(self, request: Request, body: bytes) -> Response:
        assert ("Content-Type", "a/b") in request.headers
        if any(name == "Content-Range" for name, _ in request.headers):
            return Response(status=501)
        if len(body) == request.body_bytes:
            self.object = body
        return Response(status=200, headers={"etag": '"e"'})

    def content(self) -> bytes | None:
        return self.object


@dataclass
class ChunkedDouble:
    store: ChunkedStore
    first: list[str] = field(default_factory=list)

    def take(self, request: Request, body: bytes) -> Response:
        span = dict(request.headers)["Content-Range"]
        self.first.append(span)
        status, headers, content = self.store.put(span, body, declared_bytes=request.body_bytes)
        assert status < 400, content
        lower = {name.lower(): value for name, value in headers.items()}
        return Response(status=status, headers=lower, body=content)

    def content(self) -> bytes | None:
        return bytes(self.store.held) if self.store.done else None


def _opened(session: UploadSession | None, protocol: str, size: int) -> UploadProtocol:
    cargo = Cargo(size_bytes=size, chunk_bytes=CHUNK_BYTES)
    return begin(TARGET, cargo, protocol) if session is None else resume(session, cargo)


def _single(session: UploadSession | None, size: int) -> UploadProtocol:
    return _opened(session, SINGLE_PUT, size)


def _chunked(session: UploadSession | None, size: int) -> UploadProtocol:
    return _opened(session, CHUNKED_PUT, size)


restarts = st.one_of(st.none(), st.integers(0, 6))


@given(events=events, size=sizes, restart_at=restarts)
def test_single_put(events: list[Event], size: int, restart_at: int | None) -> None:
    """Any cuts and lost answers end in the whole object; each costs at most all of it."""
    check_any_journey(
        lambda session: _single(session, size),
        PlainDouble(),
        CONTENT[:size],
        events,
        grain_bytes=size,
        restart_at=restart_at,
    )


@pytest.mark.parametrize("quantum_bytes", [1, QUANTUM_BYTES])
@given(events=events, size=sizes, restart_at=restarts)
def test_chunked_put(
    quantum_bytes: int, events: list[Event], size: int, restart_at: int | None
) -> None:
    """Any cuts and lost answers end in the whole object; each costs at most one chunk."""
    check_any_journey(
        lambda session: _chunked(session, size),
        ChunkedDouble(ChunkedStore(size, quantum_bytes)),
        CONTENT[:size],
        events,
        grain_bytes=CHUNK_BYTES,
        restart_at=restart_at,
    )


def test_a_resumed_session_asks_before_it_sends() -> None:
    """After a restart the store's offset is the truth, so the first request is the query."""
    session = UploadSession(target=TARGET, protocol=CHUNKED_PUT)

    request = resume(session, Cargo(size_bytes=9, chunk_bytes=CHUNK_BYTES)).next_request()

    assert 0 == request.body_bytes
    assert "bytes */9" == dict(request.headers)["Content-Range"]
