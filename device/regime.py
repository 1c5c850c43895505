"""Regime: what decides over the uploads of one configuration, and follows the surroundings."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from device.agreed import Agreed
from device.bell import Bell
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
        self.daytime.heard(date)
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
            wake: Called when a network came up: what waits for no better reason goes now.
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
        before = self._network
        while True:
            seen = self._surroundings.changed.count
            now = self._surroundings.network
            self.ledger.moved_to(now)
            if is_better(now, before):
                await wake()
            elif now != before:
                self._changed.ring()
            before = now
            await self._surroundings.changed.after(seen)
            self._changed.ring()  # the battery may have changed as well


def is_better(now: NetworkState, before: NetworkState) -> bool:
    """Say whether what could not be reached before may be reached now."""
    if now.kind is None or now.connectivity in {Connectivity.NONE, Connectivity.PORTAL}:
        return False
    other = (now.kind, now.interface) != (before.kind, before.interface)
    through = now.connectivity is Connectivity.FULL and before.connectivity not in {
        Connectivity.FULL,
        Connectivity.UNKNOWN,
    }
    return other or through
