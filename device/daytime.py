"""What time it is, on a board whose clock may stand at 1970: the cloud's word counts more."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from device.clock import Clock

SURELY_SINCE = datetime(2025, 1, 1, tzinfo=UTC)
"""No box runs this program earlier; a clock that says so was never set."""
_SURELY_BEFORE = datetime(2100, 1, 1, tzinfo=UTC)
"""Nobody's word is taken for more: a calendar's last day has no midnight to wait for."""


class Daytime:
    """The box's own time of day; from the `Date` of the API's answers once one was heard."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: tuple[datetime, float] | None = None

    def heard(self, date: str | None) -> None:
        """Take an answer's `Date` (RFC 9110 §6.6.1); what is none is left alone."""
        try:
            told = parsedate_to_datetime(date or "")
        except (ValueError, IndexError, TypeError, OverflowError):
            return
        if told.tzinfo is not None:
            self.told(told)

    def told(self, now: datetime) -> None:
        """Take the time that the cloud says, aware; what cannot be it is left alone."""
        if SURELY_SINCE <= now < _SURELY_BEFORE:
            self._heard = now.astimezone(UTC), self._clock.monotonic()

    def utc(self) -> datetime | None:
        """Return the time, aware; None while nobody knows it."""
        if self._heard is not None:
            told, at_s = self._heard
            return told + timedelta(seconds=self._clock.monotonic() - at_s)
        now = self._clock.now()
        return now if now >= SURELY_SINCE else None

    def now(self) -> datetime | None:
        """Return the time in the box's own zone; None while nobody knows it."""
        known = self.utc()
        return None if known is None else known.astimezone()

    def offset_s(self) -> float | None:
        """Return how far the box's clock is ahead of the cloud's; None while it told none."""
        known = self.utc()
        if self._heard is None or known is None:
            return None
        return (self._clock.now() - known).total_seconds()
