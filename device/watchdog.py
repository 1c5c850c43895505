"""Watchdog: the service manager hears that we live for as long as every loop gets on."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from device.clock import Clock
from device.notify import notify, watchdog_s
from device.pulse import Pulses

logger = logging.getLogger(__name__)

UNASKED_S = 30.0
"""Where nobody asks for pings a stuck loop is looked for this often; the log tells of it."""


@dataclass(kw_only=True)
class Watchdog:
    """Sends WATCHDOG=1 while nobody is overdue, and says who is."""

    pulses: Pulses
    clock: Clock
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    _told: frozenset[str] = frozenset()

    async def run(self) -> None:
        """Watch until cancelled."""
        within_s = watchdog_s(self.environ)
        while True:
            self.look(ping=within_s is not None)
            # Twice as often as is asked for, as sd_watchdog_enabled(3) advises.
            await self.clock.sleep(within_s / 2 if within_s is not None else UNASKED_S)

    def look(self, *, ping: bool) -> None:
        """Look once."""
        overdue = self.pulses.overdue()
        if not overdue and ping:
            notify("WATCHDOG=1")
        names = frozenset(each.name for each in overdue)
        for each in overdue:
            if each.name not in self._told:
                logger.error(
                    "A loop is stuck; the watchdog is not fed",
                    extra={"loop": each.name, "overdue_s": round(each.by_s)},
                )
        if self._told and not names:
            logger.warning("Every loop gets on again", extra={"loops": sorted(self._told)})
        self._told = names
