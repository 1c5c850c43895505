"""What the life of the device leaves in the spool: the ledger, small facts, failed attempts."""

from datetime import date
from typing import Any

from device.model import Attempt, EntryId, Kept, Spent
from device.spool import figures
from device.spool.holding import Holding


class Keeping(Holding):
    """See `Spool`: what belongs to the box and not to a recording."""

    def spend(self, day: date, more: Spent) -> None:
        """Add bytes that have left to the ledger of a day."""
        self._journal.run(figures.spend, day, more)

    def spent(self, day: date) -> tuple[Spent, ...]:
        """Look up what left on a day, by network; retransmissions and TLS included."""
        return self._reader.spent(day)

    def paid(self) -> dict[date, int]:
        """Sum up, for each day, what left over networks that cost."""
        return self._reader.paid()

    def sent_bytes(self, day: date) -> int:
        """Sum up what left on a day."""
        return self._reader.sent_bytes(day)

    def keep(self, name: str, value: Any) -> None:
        """Keep a small fact (any JSON) under a name, in place of what was there; None drops it."""
        self._journal.run(figures.keep, name, self._clock.now(), value)

    def kept(self, name: str) -> Kept | None:
        """Look up a small fact."""
        return self._reader.kept(name)

    def note_attempt(self, entry: EntryId, attempt: Attempt) -> None:
        """Keep that an attempt failed, and why; the last few of each entry are kept."""
        self._journal.run(figures.note_attempt, entry, attempt)
