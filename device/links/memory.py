"""A link inside one program: two ends that carry frames to each other, for tests and tools."""

import asyncio
from collections import deque
from types import TracebackType
from typing import Self

from device.core.link.framing import MAX_FRAME_BYTES
from device.errors import LinkLost

DEPTH = 64
"""Frames one direction holds before its sender waits, as a line's own buffers do."""


class _Lane:
    """One direction: a bounded queue that its readers and writers notice the end of."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self._changed = asyncio.Condition()
        self._gone = False

    async def put(self, frame: bytes) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._gone or len(self._frames) < DEPTH)
            self._check()
            self._frames.append(frame)
            self._changed.notify_all()

    async def get(self) -> bytes:
        async with self._changed:
            await self._changed.wait_for(lambda: self._gone or bool(self._frames))
            self._check()
            self._changed.notify_all()
            return self._frames.popleft()

    async def end(self) -> None:
        self._gone = True
        async with self._changed:
            self._changed.notify_all()

    def _check(self) -> None:
        if self._gone:
            raise LinkLost("the in-memory line was closed")


class MemoryLink:
    """One end of an in-memory line; `pair` makes both."""

    def __init__(self, *, incoming: _Lane, outgoing: _Lane, max_frame_bytes: int) -> None:
        self.max_frame_bytes = max_frame_bytes
        self._incoming = incoming
        self._outgoing = outgoing

    @classmethod
    def pair(cls, max_frame_bytes: int = MAX_FRAME_BYTES) -> tuple[Self, Self]:
        """Open a line; what one end sends, the other receives."""
        up, down = _Lane(), _Lane()
        return (
            cls(incoming=down, outgoing=up, max_frame_bytes=max_frame_bytes),
            cls(incoming=up, outgoing=down, max_frame_bytes=max_frame_bytes),
        )

    async def send(self, frame: bytes) -> None:
        """See `Link.send`. An empty frame stands for one that was damaged on its way."""
        if len(frame) > self.max_frame_bytes:
            raise ValueError(f"this link carries {self.max_frame_bytes} bytes, not {len(frame)}")
        await self._outgoing.put(frame)

    async def receive(self) -> bytes:
        """See `Link.receive`."""
        return await self._incoming.get()

    async def aclose(self) -> None:
        """See `Link.aclose`. The line is gone for both ends, as when a cable is pulled."""
        await self._incoming.end()
        await self._outgoing.end()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()
