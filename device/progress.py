"""The Progress seam: how loops tell whoever watches what is moving. Display only, never control."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from device.model import Entry, EntryId


class Progress(Protocol):
    """Whoever watches. Calls are cheap, never fail, and may go backwards on a resumed part."""

    def pulling(self, entry: EntryId, index: int, done_bytes: int, total_bytes: int) -> None:
        """Bytes of one medium now on our disk."""
        ...

    def uploading(self, entry: EntryId, index: int, done_bytes: int, total_bytes: int) -> None:
        """Bytes of one medium now acknowledged or in the network beyond our socket."""
        ...

    def moved(self, entry: Entry) -> None:
        """An entry changed its state, or why it waits."""
        ...

    def note(self, sentence: str) -> None:
        """Something a person wants to know that belongs to no entry (a recorder went away)."""
        ...


@dataclass(frozen=True, slots=True)
class Watchers:
    """Several watch: each is told everything."""

    watchers: Sequence[Progress]

    def pulling(self, entry: EntryId, index: int, done_bytes: int, total_bytes: int) -> None:
        """See `Progress.pulling`."""
        for each in self.watchers:
            each.pulling(entry, index, done_bytes, total_bytes)

    def uploading(self, entry: EntryId, index: int, done_bytes: int, total_bytes: int) -> None:
        """See `Progress.uploading`."""
        for each in self.watchers:
            each.uploading(entry, index, done_bytes, total_bytes)

    def moved(self, entry: Entry) -> None:
        """See `Progress.moved`."""
        for each in self.watchers:
            each.moved(entry)

    def note(self, sentence: str) -> None:
        """See `Progress.note`."""
        for each in self.watchers:
            each.note(sentence)


class Silent:
    """Nobody watches."""

    def pulling(self, entry: EntryId, index: int, done_bytes: int, total_bytes: int) -> None:
        """See `Progress.pulling`."""

    def uploading(self, entry: EntryId, index: int, done_bytes: int, total_bytes: int) -> None:
        """See `Progress.uploading`."""

    def moved(self, entry: Entry) -> None:
        """See `Progress.moved`."""

    def note(self, sentence: str) -> None:
        """See `Progress.note`."""
