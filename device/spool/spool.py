"""The spool: recordings on our own disk, from the first byte pulled to the tombstone."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Self

from device.clock import Clock
from device.config import SpoolConfig
from device.errors import EntryUnknown
from device.model import Entry, EntryId, Receipt, State
from device.spool import checks
from device.spool.carving import Carving
from device.spool.checks import Checked
from device.spool.keeping import Keeping
from device.spool.opening import open_spool
from device.spool.orders import Ordering
from device.spool.sending import Sending
from device.spool.sightings import Sightings


class Spool(Carving, Sending, Sightings, Keeping, Ordering):
    """One spool, held by its lock from `open` to `close`.

    Every method blocks on the disk and is called through `asyncio.to_thread`; every method may be
    called from any thread at any time. Changes to the index are durable when a method returns.
    Errors are `SpoolError`: `SpoolFull` and `SpoolStorageFailed` may come from any method that
    writes, `EntryUnknown` from any that takes an entry.
    """

    @classmethod
    def open(cls, config: SpoolConfig, clock: Clock) -> Self:
        """Take the lock, bring the index up to date, and recover from however the last run ended.

        Folders are created as needed (0700). A damaged index is kept aside and rebuilt. `left`
        then tells which folders belong to nothing.

        Raises:
            SpoolLocked: Another process holds it.
            SpoolTooNew: A newer Fieldpost wrote it; nothing is touched.
            SpoolFull: No space even for the index.
            SpoolStorageFailed: The disk cannot be used.
        """
        return cls(config, clock, open_spool(config, clock))

    def close(self) -> None:
        """Make open partials durable, drain the journal, give the lock up. Idempotent.

        A cancelled task leaves its thread behind: a move that one is in the middle of ends first,
        and none begins afterwards, so that whoever opens the spool next is alone with it.
        """
        self._open_media.close_all()
        self._reader.close()
        with self._moves.at_rest():
            self._journal.close()
            self._lock.release()

    def limit(self, config: SpoolConfig) -> None:
        """Go by other limits from now on; the folder stays the one that is held."""
        self._config = config

    def quarantine(self, entry: EntryId, reason: str) -> Entry:
        """Put an unsent entry out of the way of the others, bytes and all. Idempotent.

        Raises:
            IllegalMove: It is stored or released already.
        """
        self._open_media.close_entry(entry)
        return self._moves.quarantine(entry, reason)

    def quarantine_damaged(self, entry: EntryId, reason: str) -> Entry:
        """Quarantine a sealed entry whose bytes are in doubt; a requeue pulls what is bad anew.

        Raises:
            IllegalMove: It is stored or released already.
        """
        held = self.entry(entry)
        damaged = checks.damaged_media(self._layout, held) if held.state is State.SEALED else {}
        if damaged:
            return self._moves.lose_media(held, damaged)
        return self.quarantine(entry, reason)

    def requeue(self, entry: EntryId) -> Entry:
        """Put an entry back to where it came from; its attempts and its wait are cleared.

        Of one that was set aside while it went up, what was sent is forgotten: all is sent anew,
        but for media that an API has acknowledged each by itself.

        Raises:
            IllegalMove: It is released.
        """
        return self._moves.requeue(entry)

    def store(self, entry: EntryId, receipt: Receipt) -> Entry:
        """SEALED → STORED; the receipt is on the disk, twice, when this returns. Idempotent.

        Raises:
            IllegalMove: The entry is not sealed.
        """
        return self._moves.store(entry, receipt)

    def release(self, entry: EntryId) -> Entry:
        """STORED → RELEASED, after the driver read it back as gone. Idempotent.

        Tombstone and row come first, the media go last.

        Raises:
            IllegalMove: There is no receipt.
        """
        return self._moves.release(entry)

    def verify(self) -> Iterator[Checked]:
        """Re-hash every sealed medium from the disk, oldest entry first; the agent may go on."""
        for held in self.entries(State.SEALED, State.STORED):
            checked = list(checks.check(self._layout, held))
            with suppress(EntryUnknown):
                now = self.entry(held.id)
                # Released or purged meanwhile: what is missing is meant to be.
                if (now.state, now.purged) == (held.state, held.purged):
                    yield from checked
