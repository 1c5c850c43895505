"""Bytes in flight, for whoever watches: a hub within this process that remembers nothing."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from gateway.core.brought import Append, Brought, Chunk
from gateway.model import Medium
from gateway.pumping import Body

_MOST_MEDIA = 512


class Listener:
    """What one page has not been told yet: of each medium the latest alone."""

    def __init__(self) -> None:
        self._news: dict[str, Mapping[str, Any]] = {}
        self._missed = False

    def hear(self, medium_id: str, document: Mapping[str, Any]) -> None:
        """Take news; of too many media at once none is kept."""
        if len(self._news) >= _MOST_MEDIA and medium_id not in self._news:
            self._missed = True
            return
        self._news[medium_id] = document

    def take(self) -> tuple[list[Mapping[str, Any]], bool]:
        """Give what came since the last time, and whether some of it was missed."""
        news, missed = list(self._news.values()), self._missed
        self._news, self._missed = {}, False
        return news, missed


class Live:
    """Tells listeners of this process how far media are that it receives itself."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()

    @property
    def listening(self) -> int:
        """How many listen."""
        return len(self._listeners)

    @contextmanager
    def listen(self) -> Iterator[Listener]:
        """Listen until the block ends."""
        listener = Listener()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def progress(self, medium: Medium, received_bytes: int, size_bytes: int | None) -> None:
        """Tell how much of a medium has arrived; not all of it need be durable yet."""
        for listener in self._listeners:
            listener.hear(
                medium.id,
                {
                    "recording_id": medium.recording_id,
                    "medium_id": medium.id,
                    "received_bytes": received_bytes,
                    "size_bytes": size_bytes,
                },
            )

    def watched(self, body: Body, medium: Medium, brought: Brought, total: int | None) -> Body:
        """Give a body that tells how far it is as it is read."""
        first = brought.first if isinstance(brought, Chunk | Append) else 0
        return _Watched(body, self, medium, first, total)


class _Watched:
    """See `Live.watched`."""

    def __init__(
        self, body: Body, live: Live, medium: Medium, first: int, total: int | None
    ) -> None:
        self._body = body
        self._live = live
        self._medium = medium
        self._at = first
        self._total = total

    async def next(self) -> bytes:
        """See `Body.next`."""
        block = await self._body.next()
        if block:
            self._at += len(block)
            self._live.progress(self._medium, self._at, self._total)
        return block

    def rest(self) -> bytes:
        """See `Body.rest`."""
        return self._body.rest()
