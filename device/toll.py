"""What the upload of one medium costs: bytes that leave, and those of them that went in vain."""

import asyncio
from typing import TYPE_CHECKING

from device.core.uploads import Advanced, Complete, Conflict, Outcome
from device.model import EntryId

if TYPE_CHECKING:
    from device.spool.spool import Spool


class Toll:
    """Counted as it happens and put into the ledger by `count`."""

    def __init__(self, spool: "Spool", entry: EntryId) -> None:
        self._spool = spool
        self._entry = entry
        self._uncounted_bytes = 0
        self.held_bytes = 0
        """What the store holds, as far as it has said."""
        self.unsettled_bytes = 0
        """Of the medium: left, and nobody knows yet whether in vain."""

    def spent(self, left_bytes: int) -> None:
        """Take note of bytes that left this machine, retransmissions and TLS included."""
        self._uncounted_bytes += left_bytes

    def settle(self, outcome: Outcome, offset: int, own_bytes: int | None) -> int:
        """Say how many bytes went in vain, once the store has said where it stands.

        Args:
            outcome: What an answer means.
            offset: What the store holds by it.
            own_bytes: What left with the request that was answered: the fate of what left with
                others stays open. None: the answer is about all that ever left.
        """
        if not isinstance(outcome, Advanced | Conflict | Complete):
            return 0
        if own_bytes is None or isinstance(outcome, Complete):
            own_bytes = self.unsettled_bytes
        gained = offset - self.held_bytes
        self.held_bytes = offset
        self.unsettled_bytes = max(0, self.unsettled_bytes - max(own_bytes, gained))
        return max(0, own_bytes - gained)

    async def lose(self) -> None:
        """Count all that the store held, and all in doubt: it begins at byte 0 again."""
        lost_bytes = self.held_bytes + self.unsettled_bytes
        self.held_bytes = self.unsettled_bytes = 0
        await self.count(lost_bytes)

    def take(self) -> int:
        """Say what has left since it was counted last; whoever takes it puts it into the ledger."""
        left_bytes, self._uncounted_bytes = self._uncounted_bytes, 0
        return left_bytes

    async def count(self, resent_bytes: int = 0) -> None:
        """Put into the ledger what has left since, and so many bytes that went in vain."""
        left_bytes = self.take()
        if left_bytes or resent_bytes:
            await asyncio.to_thread(self._spool.count_sent, self._entry, left_bytes, resent_bytes)
