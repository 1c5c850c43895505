"""Sizes, times and names as people read them."""

from datetime import UTC, datetime

_KIB = 1024
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_MINUTE_S = 60
_HOUR_S = 3600
_DAY_S = 86_400


def size(count_bytes: float) -> str:
    """Write a size in IEC units: `0 B`, `1.4 GiB`."""
    amount = float(count_bytes)
    for unit in _UNITS:
        if abs(amount) < _KIB or unit == _UNITS[-1]:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= _KIB
    raise AssertionError  # the loop always returns


def span(seconds: float) -> str:
    """Write a length of time in its largest one or two units: `5 s`, `2 h 5 min`, `4 d`."""
    whole = max(0, round(seconds))
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min"
    if whole < _DAY_S:
        hours, rest = divmod(whole, _HOUR_S)
        minutes = rest // _MINUTE_S
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, rest = divmod(whole, _DAY_S)
    hours = rest // _HOUR_S
    return f"{days} d {hours} h" if hours else f"{days} d"


def relative(moment: datetime | None, now: datetime) -> str:
    """Write a time as seen from now: `3 min ago`, `in 5 s`, `now`; `-` for none."""
    if moment is None:
        return "-"
    seconds = (moment - now).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"in {span(seconds)}" if seconds > 0 else f"{span(-seconds)} ago"


def clock(offset_s: float) -> str:
    """Write a clock's difference as `3 s ahead`, `2 h behind`."""
    return f"{span(abs(offset_s))} {'ahead' if offset_s > 0 else 'behind'}"


def rfc3339(moment: datetime | None) -> str | None:
    """Write a time for programs: UTC with a Z."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def printable(text: str) -> str:
    """Take out what could steer a terminal: recorders choose names."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def shortened(text: str, width: int) -> str:
    """Cut a text to a width, saying so with `…`."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Write `1 recording`, `2 recordings`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
