"""How `status` shows recorders: a table of the configured ones."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from device.cli.output import WIDE
from device.cli.recorder_words import CLOCK_NOTICED_S, percent
from device.cli.tables import table
from device.words import clock, printable, relative, shortened

_HEADS = ("RECORDER", "MODEL", "BATTERY", "STORAGE", "WAITING", "SEEN")
_RIGHT = frozenset(_HEADS[2:5])
_NAME_COLUMNS = 20
_MODEL_COLUMNS = 14

_Seen = Mapping[str, Any]
"""A `last_seen` of the status document."""


def lines(status: Mapping[str, Any], now: datetime, columns: int) -> Iterator[str]:
    """Lay out the configured recorders; below each comes what does not fit into its columns."""
    shown = _shown(status)
    if not shown:
        return
    yield "RECORDERS"
    if columns >= WIDE:
        yield from _table(shown, now, columns)
        return
    for name, seen in shown:
        yield printable(name)
        yield from _below(", ".join(_facts(seen, now)), columns)


def _shown(status: Mapping[str, Any]) -> list[tuple[str, _Seen | None]]:
    heard = [
        (str(each["recorder"]), each["last_seen"])
        for each in status["recorders"]
        if each["last_seen"] is not None
    ]
    shown: list[tuple[str, _Seen | None]] = []
    for url in status["configured"]:
        there = [(name, seen) for name, seen in heard if seen["url"] == url]
        shown += there or [(url, None)]
    return shown


def _table(shown: Sequence[tuple[str, _Seen | None]], now: datetime, columns: int) -> Iterator[str]:
    rows = [_row(name, seen, now) for name, seen in shown]
    head, *laid = table(_HEADS, rows, right=_RIGHT, width=columns).splitlines()
    yield head
    for (name, seen), row, line in zip(shown, rows, laid, strict=True):
        if not row[0]:  # whole, so that it can be copied
            yield printable(name)
        yield line
        if seen is not None and (more := ", ".join(_more(seen))):
            yield from _below(more, columns)


def _facts(seen: _Seen | None, now: datetime) -> Iterator[str]:
    """Tell in words what the table has in columns."""
    if seen is None:
        yield "never seen"
        return
    yield f"seen {relative(min(datetime.fromisoformat(seen['at']), now), now)}"
    if seen["battery_percent"] is not None:
        yield f"battery {percent(seen['battery_percent'])}"
    if seen["used_percent"] is not None:
        yield f"storage {percent(seen['used_percent'])}"
    if seen["waiting"] is not None:
        yield f"{seen['waiting']} waiting"
    yield from _more(seen)


def _below(text: str, columns: int) -> Iterator[str]:
    yield from textwrap.wrap(printable(text), columns, initial_indent="  ", subsequent_indent="  ")


def _row(name: str, seen: _Seen | None, now: datetime) -> tuple[str, ...]:
    name = name if len(name) <= _NAME_COLUMNS else ""
    if seen is None:
        return (name, "-", "-", "-", "-", "never")
    at = datetime.fromisoformat(seen["at"])
    return (
        name,
        shortened(seen["model"] or seen["driver"], _MODEL_COLUMNS),
        percent(seen["battery_percent"]),
        percent(seen["used_percent"]),
        "-" if seen["waiting"] is None else str(seen["waiting"]),
        relative(min(at, now), now),  # our own clock may have been stepped back
    )


def _more(seen: _Seen) -> Iterator[str]:
    if seen["charging"]:
        yield "charging"
    yield from seen["conditions"]
    offset_s = seen["clock_offset_s"]
    if offset_s is not None and abs(offset_s) > CLOCK_NOTICED_S:
        yield f"clock {clock(offset_s)}"
