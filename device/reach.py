"""Reach: one recorder's driver while it is open, for whoever else has something to tell it."""

from dataclasses import dataclass, field

from device.bell import Bell, first_of
from device.clock import Clock
from device.drivers import Driver, Records
from device.errors import LinkError, RecorderBusy
from device.model import RecordOrder, Take

AGAIN_S = 2.0
"""A line that was lost is tried again so soon, if nobody has opened it anew before."""


@dataclass(kw_only=True)
class Reach:
    """Whether and how a recorder is reached now. A visit opens and closes it."""

    clock: Clock
    can_record: bool | None = None
    """Whether it may be told to record; None before it was ever reached."""
    _driver: Driver | None = field(default=None, init=False)
    _opened: Bell = field(default_factory=Bell, init=False)

    def open(self, driver: Driver) -> None:
        """Take note of a driver that answers."""
        self._driver = driver
        self.can_record = isinstance(driver, Records) and driver.records
        self._opened.ring()

    def close(self) -> None:
        """Take note that the driver is given back. Idempotent."""
        self._driver = None

    async def record(self, order: RecordOrder) -> Take | None:
        """Give an order to record, as soon as the recorder is there, until it has answered.

        Returns:
            What came of it; None if the recorder cannot be told.

        Raises:
            RecorderError: It was refused.
        """
        while True:
            opened, pause_s = self._opened.count, None
            if (driver := self._driver) is not None:
                if not (isinstance(driver, Records) and driver.records):
                    return None
                try:
                    return await driver.record(order)
                except LinkError:
                    pause_s = AGAIN_S  # the same order again is no second one
                except RecorderBusy as busy:
                    pause_s = max(AGAIN_S, busy.retry_after_s)
            if pause_s is None:
                await self._opened.after(opened)
            else:
                await first_of(self._opened.after(opened), self.clock.sleep(pause_s))
