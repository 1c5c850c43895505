"""Progress that is passed on, and taken as a sign of life."""

from dataclasses import dataclass

from device.model import Entry, EntryId
from device.progress import Progress
from device.pulse import Pulse


@dataclass(frozen=True, slots=True)
class Beating:
    """Bytes that move are what shows that a loop lives, however slow they are."""

    inner: Progress
    pulse: Pulse

    def pulling(self, entry: EntryId, index: int, done_bytes: int, total_bytes: int) -> None:
        """See `Progress.pulling`."""
        self.pulse.beat()
        self.inner.pulling(entry, index, done_bytes, total_bytes)

    def uploading(self, entry: EntryId, index: int, done_bytes: int, total_bytes: int) -> None:
        """See `Progress.uploading`."""
        self.pulse.beat()
        self.inner.uploading(entry, index, done_bytes, total_bytes)

    def moved(self, entry: Entry) -> None:
        """See `Progress.moved`."""
        self.inner.moved(entry)

    def note(self, sentence: str) -> None:
        """See `Progress.note`."""
        self.inner.note(sentence)
