"""A recorder's clock: measured first, set only afterwards and only when it needs to be."""

import logging
from datetime import UTC, datetime, timedelta

from device.clock import Clock
from device.core.link.answers import TimeIs
from device.core.link.catalog import Start
from device.core.link.requests import SetTime, Time
from device.drivers.native_session import Session

logger = logging.getLogger(__name__)

TOLERANCE_S = 2.0

PLAUSIBLE = datetime(2025, 1, 1, tzinfo=UTC)
"""Our own clock is wrong before this, and then sets nobody else's."""

LONGEST_UPTIME_MS = 1 << 40


class RecorderClock:
    """The clock behind one session."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._start: Start | None = None
        self._by: tuple[datetime, float] | None = None
        """Wall and monotonic time of the last measurement: they part when our clock is stepped."""

    async def start(self) -> Start | None:
        """Return when the recorder's up-time began; measured once per start of the recorder.

        Measured anew when our own clock was stepped, and the recorder's clock is then set again:
        a box without an RTC boots with the time it last knew, and set the recorder by that.
        """
        if self._stepped():
            await self.adjust()
        elif self._start is None:
            await self._measure()
        return self._start

    async def adjust(self) -> float | None:
        """Measure how far the recorder is ahead of us, in seconds; then set its clock if needed.

        Returns:
            The offset before the clock was set; None if the recorder had no time at all.
        """
        told, offset_s = await self._measure()
        right = offset_s is not None and abs(offset_s) <= TOLERANCE_S
        if (told.trusted and right) or self._clock.now() < PLAUSIBLE:
            return offset_s
        utc_ms = round(self._clock.now().timestamp() * 1000)
        await self._session.ask(lambda request: SetTime(request=request, utc_ms=utc_ms), TimeIs)
        logger.info("recorder clock set", extra={"offset_s": offset_s, "trusted": told.trusted})
        return offset_s

    async def _measure(self) -> tuple[TimeIs, float | None]:
        before = self._clock.now()
        began_s = self._clock.monotonic()
        told = await self._session.ask(lambda request: Time(request=request), TimeIs)
        # The recorder looked at its clock about half-way between question and answer.
        seen = before + timedelta(seconds=(self._clock.monotonic() - began_s) / 2)
        fresh = self._start is None or self._start.boot != told.boot or self._stepped()
        self._by = (before, began_s)
        if told.uptime_ms < LONGEST_UPTIME_MS and fresh:
            began = seen - timedelta(milliseconds=told.uptime_ms)
            self._start = Start(boot=told.boot, at=began)
        offset_s = None if told.utc_ms is None else told.utc_ms / 1000 - seen.timestamp()
        return told, offset_s

    def _stepped(self) -> bool:
        if self._by is None:
            return False
        wall, monotonic_s = self._by
        passed_s = self._clock.monotonic() - monotonic_s
        return abs((self._clock.now() - wall).total_seconds() - passed_s) > TOLERANCE_S
