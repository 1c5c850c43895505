"""What the upload of one medium brings: bytes that the store holds, and those in vain."""

import asyncio
from typing import TYPE_CHECKING

from device.core.uploads import Advanced, Complete, Conflict, Outcome
from device.model import EntryId

if TYPE_CHECKING:
    from device.spool.spool import Spool


class Toll:
    """What leaves the machine is counted by the tally of its connections; this is of the medium."""

    def __init__(self, spool: "Spool", entry: EntryId) -> None:
        self._spool = spool
        self._entry = entry
        self.held_bytes = 0
        """What the store holds, as far as it has said."""
        self.unsettled_bytes = 0
        """Of the medium: left, and nobody knows yet whether in vain."""

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

    async def count(self, resent_bytes: int) -> None:
        """Keep with the entry that so many bytes went in vain."""
        if resent_bytes:
            await asyncio.to_thread(self._spool.count_resent, self._entry, resent_bytes)
