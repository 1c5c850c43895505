"""The ledger: what left this box today, by network, retransmissions and TLS included."""

import asyncio
import logging
from datetime import date
from typing import TYPE_CHECKING

from device.clock import Clock
from device.core.policy import costs
from device.daytime import SURELY_SINCE, Daytime
from device.errors import SpoolError
from device.model import Spent
from device.surroundings import NetworkState
from device.tally import Tally

if TYPE_CHECKING:
    from device.spool.spool import Spool

logger = logging.getLogger(__name__)

LOOK_S = 10.0
SAVE_S = 600.0
SAVE_BYTES = 65_536
"""A heartbeat a minute must not cost a write a minute: small sums wait longer.

A power cut forgets what left since the last save: ten seconds of an upload, some heartbeats.
"""
_UNKNOWN = "unknown"


class Ledger:
    """Keeps what `tally` counts; `used_bytes` is today's over networks that cost."""

    def __init__(self, spool: "Spool", tally: Tally, clock: Clock, daytime: Daytime) -> None:
        self._spool = spool
        self._tally = tally
        self._clock = clock
        self._daytime = daytime
        self._network = NetworkState()
        self._unsaved: dict[tuple[date, str, bool], int] = {}
        self._saved: dict[date, int] = {}
        """Of every day: what is in the spool, over networks that cost."""
        self._saving = asyncio.Lock()
        self._saved_s = clock.monotonic()

    async def begin(self) -> None:
        """Look up what was sent before, whichever day it turns out to be. Repeatable.

        Days of a clock that was never set begin anew: no other clock would ever end them.
        """
        paid = await asyncio.to_thread(self._spool.paid)
        self._saved = {day: n for day, n in paid.items() if day >= SURELY_SINCE.date()}

    def moved_to(self, network: NetworkState) -> None:
        """Take note of another network: what has left so far left by the one before."""
        self._look()
        self._network = network

    def used_bytes(self) -> int:
        """Return what left today over networks that cost, up to this moment."""
        self._look()
        day = self._day()
        unsaved = sum(n for (at, _, paid), n in self._unsaved.items() if paid and at == day)
        return self._saved.get(day, 0) + unsaved

    async def spent(self, day: date) -> tuple[Spent, ...]:
        """Return what left on a day up to this moment, by network, saved or not.

        Raises:
            SpoolError: The spool cannot be read.
        """
        async with self._saving:  # a sum that is just being saved would count twice, or not
            sums = {
                (each.kind, each.costs): each.sent_bytes
                for each in await asyncio.to_thread(self._spool.spent, day)
            }
            self._look()
            for (at, kind, paid), sent_bytes in self._unsaved.items():
                if at == day:
                    sums[kind, paid] = sums.get((kind, paid), 0) + sent_bytes
        return tuple(
            Spent(kind=kind, costs=paid, sent_bytes=sent_bytes)
            for (kind, paid), sent_bytes in sorted(sums.items())
        )

    async def save(self) -> None:
        """Put into the spool what has left since the last time.

        Raises:
            SpoolError: Our own disk does not take it; it is kept in memory for the next time.
        """
        async with self._saving:
            self._look()
            for (day, kind, paid), sent_bytes in list(self._unsaved.items()):
                more = Spent(kind=kind, costs=paid, sent_bytes=sent_bytes)
                await self._spend(day, more)
            self._saved_s = self._clock.monotonic()

    async def run(self) -> None:
        """Save what nobody else does, now and then, until cancelled."""
        while True:
            await self._clock.sleep(LOOK_S)
            self._look()
            due = self._clock.monotonic() - self._saved_s >= SAVE_S
            if sum(self._unsaved.values()) >= (1 if due else SAVE_BYTES):
                try:
                    await self.save()
                except SpoolError as error:
                    logger.warning("What was sent is not kept yet", extra={"problem": str(error)})

    def _look(self) -> None:
        new_bytes = self._tally.take()
        if new_bytes:
            kind = self._network.kind
            key = self._day(), kind.value if kind else _UNKNOWN, costs(self._network)
            self._unsaved[key] = self._unsaved.get(key, 0) + new_bytes

    def _day(self) -> date:
        """Return the day of the box's own zone; of a clock that was never set, what it says."""
        now = self._daytime.now()
        return (now or self._clock.now()).date()

    async def _spend(self, day: date, more: Spent) -> None:
        """Move a sum from memory to the spool; when cancelled meanwhile, not twice."""
        spending = asyncio.create_task(
            asyncio.to_thread(self._spool.spend, day, more), name="ledger entry"
        )
        try:
            await asyncio.shield(spending)
        except asyncio.CancelledError:
            await asyncio.wait({spending})
            if spending.exception() is None:
                self._spent(day, more)
            raise
        self._spent(day, more)

    def _spent(self, day: date, more: Spent) -> None:
        key = day, more.kind, more.costs
        self._unsaved[key] -= more.sent_bytes
        if not self._unsaved[key]:
            del self._unsaved[key]
        if more.costs:
            self._saved[day] = self._saved.get(day, 0) + more.sent_bytes
