"""Off-peak hours: the only hours of a day in which anything goes up."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from device.errors import SettingUnusable

_HOURS = re.compile(r"(\d\d):(\d\d)\s*-\s*(\d\d):(\d\d)(?:\s+(\S+))?")
LOCAL = "local time"
"""What the zone of this box is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OffPeak:
    """From `start` to `end` by the clocks of a zone; past midnight where `end` is before `start`.

    `zone` None is this box's own, and `name` is what people call it: `Europe/Berlin`.
    """

    start: time
    end: time
    zone: tzinfo | None = None
    name: str = LOCAL

    @classmethod
    def parse(cls, text: str) -> "OffPeak":
        """Read `22:00-06:00 Europe/Berlin`; without a zone, this box's own is meant.

        Raises:
            SettingUnusable: It is something else, or no zone of this machine's database.
        """
        match = _HOURS.fullmatch(text.strip())
        if match is None:
            raise SettingUnusable('must be hours and a zone: "22:00-06:00 Europe/Berlin"')
        try:
            start = time(int(match[1]), int(match[2]))
            end = time(int(match[3]), int(match[4]))
        except ValueError as error:
            raise SettingUnusable(
                "holds a time that no clock shows; 00:00 to 23:59 exist"
            ) from error
        if start == end:
            raise SettingUnusable("begins and ends at the same time; leave it out for all day")
        return cls(start=start, end=end) if match[5] is None else cls.at(start, end, match[5])

    @classmethod
    def at(cls, start: time, end: time, zone: str) -> "OffPeak":
        """Make it for a named zone.

        Raises:
            SettingUnusable: This machine's database has no such zone.
        """
        try:
            return cls(start=start, end=end, zone=ZoneInfo(zone), name=zone)
        except (ValueError, OSError, LookupError) as error:
            raise SettingUnusable(
                f"names the zone {zone!r}, which this machine does not know"
                " (names such as Europe/Berlin or UTC; Debian package tzdata)"
            ) from error

    def __str__(self) -> str:
        """Give it as `parse` reads it."""
        zone = "" if self.zone is None else f" {self.name}"
        return f"{self.start:%H:%M}-{self.end:%H:%M}{zone}"

    def around(self, now: datetime) -> tuple[bool, datetime]:
        """Say whether these hours are on, and when (UTC) that next changes."""
        there = now.astimezone(self.zone)
        opens, closes = _next(there, self.start), _next(there, self.end)
        # Whichever comes first tells on which side of it we are.
        return closes < opens, min(opens, closes).astimezone(UTC)


def midnight(now: datetime) -> datetime:
    """Return when (UTC) the day of `now`, which is in some zone, ends there."""
    return _next(now, time()).astimezone(UTC)


def _next(now: datetime, at: time) -> datetime:
    """Return the next moment later than `now` at which clocks there show `at`."""
    today = datetime.combine(now.date(), at, tzinfo=now.tzinfo)
    if today > now:
        return today
    return datetime.combine(now.date() + timedelta(days=1), at, tzinfo=now.tzinfo)
