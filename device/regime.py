"""Regime: what decides over the uploads of one configuration, and follows the surroundings."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from device.agreed import Agreed
from device.bell import Bell, first_of
from device.clock import Clock
from device.config import Config
from device.daytime import Daytime
from device.errors import SpoolError
from device.ledger import Ledger
from device.network import Surroundings
from device.permission import Permission
from device.surroundings import Connectivity, NetworkState
from device.transport import Transport

if TYPE_CHECKING:
    from device.spool.spool import Spool


logger = logging.getLogger(__name__)

CALM_S = 300.0
"""A network that comes and goes wakes uploads so seldom in the end: each attempt costs bytes."""


class Regime:
    """Puts itself between a transport and the world: nothing leaves it unasked or uncounted."""

    def __init__(  # noqa: PLR0913 - each is a seam of the composition root
        self,
        config: Config,
        *,
        spool: "Spool",
        transport: Transport,
        clock: Clock,
        surroundings: Surroundings,
        changed: Bell,
    ) -> None:
        """Take over the transport. `changed` rings when the answer may have become another."""
        self._surroundings = surroundings
        self._changed = changed
        self._network = surroundings.network
        self._clock = clock
        self._woken_s: float | None = None
        self._wakes = 0
        """In quick succession."""
        self.daytime = Daytime(clock)
        self.ledger = Ledger(spool, transport.tally, clock, self.daytime)
        self.agreed = Agreed(config, spool, changed)
        self.permission = Permission(
            ledger=self.ledger,
            clock=clock,
            daytime=self.daytime,
            settings=lambda: self.agreed.merged.send,
            network=lambda: surroundings.network,
            power=lambda: surroundings.power,
        )
        transport.heard = self._heard
        transport.leave = self.permission.leave

    def _heard(self, date: str | None) -> None:
        """The API itself answered: it knows the time, and no portal is before it."""
        knew = self.daytime.utc() is not None
        self.daytime.heard(date)
        if not knew and self.daytime.utc() is not None:
            self._changed.ring()
        if self._surroundings.network.connectivity is Connectivity.PORTAL:
            self._surroundings.reached()

    async def begin(self) -> None:
        """Take up what earlier runs left.

        Raises:
            SpoolError: It cannot be read.
        """
        self._network = self._surroundings.network
        self.ledger.moved_to(self._network)
        await self.ledger.begin()
        await self.agreed.begin()

    async def run(self, wake: Callable[[], Awaitable[None]]) -> None:
        """Follow the surroundings until cancelled, then save what left.

        Args:
            wake: Called when a network came up: what waits for no better reason goes now. Of a
                network that flaps it is called less and less often, and after the last time.
        """
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.ledger.run(), name="ledger")
                group.create_task(self._follow(wake), name="surroundings")
        finally:
            try:
                await self.ledger.save()
            except SpoolError as error:
                logger.warning("What was sent last is not kept", extra={"problem": str(error)})

    async def _follow(self, wake: Callable[[], Awaitable[None]]) -> None:
        before, owed = self._network, False
        while True:
            seen = self._surroundings.changed.count
            now = self._surroundings.network
            self.ledger.moved_to(now)
            owed = (owed and reaches_out(now)) or is_better(now, before)
            if owed and self._rests_s() <= 0:
                owed = False
                await self._wake(wake)
            elif now != before:
                self._changed.ring()
            before = now
            waits = [self._surroundings.changed.after(seen)]
            if owed:
                waits.append(self._clock.sleep(self._rests_s()))
            await first_of(*waits)
            self._changed.ring()  # the battery may have changed as well

    def _rests_s(self) -> float:
        """Return how long no wake is due after the last one; twice as long after each."""
        if self._woken_s is None:
            return 0.0
        return self._woken_s + min(CALM_S, 2.0 ** min(self._wakes, 16)) - self._clock.monotonic()

    async def _wake(self, wake: Callable[[], Awaitable[None]]) -> None:
        now_s = self._clock.monotonic()
        calm = self._woken_s is None or now_s - self._woken_s > 2 * CALM_S
        self._wakes = 1 if calm else self._wakes + 1
        self._woken_s = now_s
        try:
            await wake()
        except SpoolError as error:
            logger.warning("A network came up; pauses go on", extra={"problem": str(error)})


def reaches_out(network: NetworkState) -> bool:
    """Say whether an attempt over a network is worth its bytes."""
    away = {Connectivity.NONE, Connectivity.PORTAL}
    return network.kind is not None and network.connectivity not in away


def is_better(now: NetworkState, before: NetworkState) -> bool:
    """Say whether what could not be reached before may be reached now."""
    if not reaches_out(now):
        return False
    other = (now.kind, now.interface) != (before.kind, before.interface)
    through = now.connectivity is Connectivity.FULL and before.connectivity not in {
        Connectivity.FULL,
        Connectivity.UNKNOWN,
    }
    return other or through
