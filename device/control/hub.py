"""Hub: everybody who listens to the agent's events, none of whom can hold it up."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from device.bell import first_of
from device.clock import Clock
from device.control.transfers import Transfers
from device.documents import plain
from device.documents.entries import entry_object
from device.logs import redact
from device.model import Entry, EntryId
from device.words import printable

MOST_LISTENERS = 16
MOST_BEHIND = 256
"""Events that a listener may be behind; whoever reads more slowly is dropped."""
PROGRESS_EVERY_S = 0.25
STATUS_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its name and its JSON."""

    name: str
    data: str


NOTHING = Event("", "")


@dataclass(eq=False)
class Listener:
    """One who listens. `dropped` is set when nothing more comes for it."""

    events: asyncio.Queue[Event | None] = field(
        default_factory=lambda: asyncio.Queue(MOST_BEHIND + 1)
    )
    dropped: bool = False

    async def next(self, within_s: float) -> Event | None:
        """Wait for an event; `NOTHING` when none came in time, None when no more will come."""
        try:
            async with asyncio.timeout(within_s):
                return await self.events.get()
        except TimeoutError:
            return NOTHING

    def offer(self, event: Event) -> None:
        """Put an event in line, or drop the listener."""
        if self.dropped:
            return
        if self.events.qsize() < MOST_BEHIND:
            self.events.put_nowait(event)
            return
        while self.events.qsize():
            self.events.get_nowait()
        self.end()

    def end(self) -> None:
        """Let nothing more come after what waits."""
        if not self.dropped:
            self.dropped = True
            self.events.put_nowait(None)


@dataclass(kw_only=True)
class Hub:
    """A `Progress` that tells everybody who listens."""

    clock: Clock
    _listeners: set[Listener] = field(default_factory=set, init=False)
    _stirred: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _changed: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _transfers: Transfers = field(init=False)

    def __post_init__(self) -> None:
        """Begin to remember what moves."""
        self._transfers = Transfers(clock=self.clock, changed=self._stirred.set)

    @property
    def full(self) -> bool:
        """Whether nobody more can listen."""
        return len(self._listeners) >= MOST_LISTENERS

    @property
    def watched(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    def transfers(self) -> list[dict[str, Any]]:
        """Describe what moves at this moment."""
        return self._transfers.objects()

    def upload_rate(self) -> int:
        """Return how many bytes a second go up at this moment, all uploads together."""
        return self._transfers.upload_rate()

    def pulling(self, entry: EntryId, index: int, done_bytes: int, total_bytes: int) -> None:
        """See `Progress.pulling`."""
        self._transfers.pulling(entry, index, done_bytes, total_bytes)

    def uploading(self, entry: EntryId, index: int, done_bytes: int, total_bytes: int) -> None:
        """See `Progress.uploading`."""
        self._transfers.uploading(entry, index, done_bytes, total_bytes)

    def moved(self, entry: Entry) -> None:
        """See `Progress.moved`."""
        self._transfers.moved(entry)
        self._changed.set()
        if self._listeners:
            self.tell("moved", {"entry": entry_object(entry)})

    def note(self, sentence: str) -> None:
        """See `Progress.note`."""
        self.tell("note", {"sentence": printable(redact(sentence))})

    def tell(self, name: str, content: Mapping[str, Any]) -> None:
        """Tell everybody."""
        if not self._listeners:
            return
        event = Event(name, plain.text(content))
        for listener in self._listeners:
            listener.offer(event)

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """Listen for the length of a connection."""
        listener = Listener()
        self._listeners.add(listener)
        self.stir()
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def end(self) -> None:
        """Tell everybody that nothing more comes."""
        for listener in self._listeners:
            listener.end()

    async def run_progress(self) -> None:
        """Tell what moves: gathered, and at most four times a second."""
        while True:
            await self._stirred.wait()
            self._stirred.clear()
            if self._listeners:
                rate = self.upload_rate()
                self.tell(
                    "progress",
                    {"transfers": self.transfers(), "upload_rate_bytes_per_s": rate},
                )
            await self.clock.sleep(PROGRESS_EVERY_S)

    async def news(self, within_s: float) -> None:
        """Wait for a change of state, or for so long; changes in quick succession are one."""
        await first_of(self._changed.wait(), self.clock.sleep(within_s))
        await self.clock.sleep(STATUS_EVERY_S)
        self._changed.clear()

    def stir(self) -> None:
        """Say that something changed which is no entry."""
        self._changed.set()
