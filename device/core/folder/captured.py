"""When a medium was captured: which source is believed, in which order."""

import re
from datetime import UTC, datetime, timedelta, timezone

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_IN_NAME = re.compile(
    r"(?<!\d)(\d{4})(-?)(\d\d)\2(\d\d)[Tt_ ](\d\d)([-:.]?)(\d\d)\6(\d\d)"
    r"(?:[.,](\d{1,9}))?(?!\d)(?:([Zz])|([+])(\d\d):?(\d\d)?|(-)(\d\d):(\d\d))?"
)


def time_in_name(name: str) -> tuple[datetime, bool] | None:
    """Read an ISO 8601 time of day from a file name.

    Accepts basic and extended form, `-` or `.` for the colons that FAT forbids, and `_` or a space
    for the T. The offset is `Z`, `+hh[[:]mm]` or `-hh:mm`: a bare `-0100` is as likely the
    hundredth file. A date alone is no time.

    Returns:
        The time in UTC and whether it says its offset; without one it is read as UTC.
    """
    found = _IN_NAME.search(name)
    if found is None:
        return None
    year, _, month, day, hour, _, minute, second, fraction, zulu, *signed = found.groups()
    plus, plus_h, plus_m, minus, minus_h, minus_m = signed
    try:
        hours = int(plus_h or minus_h or 0) * (-1 if minus else 1)
        minutes = int(plus_m or minus_m or 0) * (-1 if minus else 1)
        zone = timezone(timedelta(hours=hours, minutes=minutes))
        moment = datetime(
            int(year),
            int(month),
            int(day),
            int(hour),
            int(minute),
            int(second),
            int((fraction or "0").ljust(6, "0")[:6]),
            tzinfo=zone,
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment, bool(zulu or plus or minus)


def time_of_change(mtime_ns: int) -> datetime | None:
    """Turn a file's mtime into UTC; None where it lies outside the calendar."""
    try:
        return _EPOCH + timedelta(milliseconds=mtime_ns // 1_000_000)
    except OverflowError:
        return None


def captured(
    *, sidecar: datetime | None, exif: datetime | None, name: str, mtime_ns: int
) -> tuple[datetime | None, bool]:
    """Choose a medium's captured_at and whether it is trusted.

    In order: recording.json, EXIF with an offset, the name with an offset; then, not trusted, the
    name without an offset and the file's mtime (which a copy or a wrong clock makes meaningless).
    """
    if sidecar is not None:
        return sidecar, True
    if exif is not None:
        return exif, True
    if (named := time_in_name(name)) is not None:
        return named
    return time_of_change(mtime_ns), False
