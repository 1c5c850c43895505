"""How `status` shows recorders: a table, sentences that warn, and objects for programs."""

import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from device.cli import recorder_words
from device.cli.output import NARROW
from device.cli.tables import table
from device.cli.words import count, printable, relative, shortened, span
from device.config import RecorderConfig
from device.model import Condition, LastSeen, RecorderInfo, Unreached

LOW_BATTERY_PERCENT = 15
FULL_STORAGE_PERCENT = 90
WRONG_CLOCK_S = 60.0
OLD_S = 3600.0
"""What was seen before is told with its age."""

_HEADS = ("RECORDER", "MODEL", "BATTERY", "STORAGE", "WAITING", "SEEN")
_RIGHT = frozenset(_HEADS[2:5])
_NAME_COLUMNS = 20
_MODEL_COLUMNS = 14


def lines(
    recorders: Sequence[RecorderConfig], last_seen: Sequence[LastSeen], now: datetime
) -> Iterator[str]:
    """Lay out the configured recorders; below each comes what does not fit into its columns."""
    shown: list[tuple[str, LastSeen | None]] = []
    for recorder in recorders:
        heard = [each for each in last_seen if each.url == recorder.url]
        shown += [(each.info.recorder, each) for each in heard] or [(recorder.url, None)]
    if not shown:
        return
    yield "RECORDERS"
    rows = [_row(name, seen, now) for name, seen in shown]
    head, *laid = table(_HEADS, rows, right=_RIGHT, width=NARROW).splitlines()
    yield head
    for (name, seen), row, line in zip(shown, rows, laid, strict=True):
        if not row[0]:  # whole, so that it can be copied
            yield printable(name)
        yield line
        if seen is not None and (more := ", ".join(_more(seen.info))):
            yield from textwrap.wrap(
                printable(more), NARROW, initial_indent="  ", subsequent_indent="  "
            )


def warnings(
    recorder: RecorderConfig,
    last_seen: Sequence[LastSeen],
    unreached: Unreached | None,
    *,
    now: datetime,
    running: bool,
) -> Iterator[str]:
    """Say of one configured recorder what a person should know, and what to do about it."""
    heard = [each for each in last_seen if each.url == recorder.url]
    if unreached is not None:
        known = f" ({_newest(heard).info.recorder})" if heard else ""
        remedy = f"; try: {unreached.hint}" if unreached.hint else ""
        since = span((now - unreached.since).total_seconds())
        told = (
            f"not readable for {since}"
            if running
            else f"not readable when the agent last ran, first {since} ago"
        )
        yield f"{recorder.url}{known}: {told}: {unreached.problem}{remedy}"
    for seen in heard:
        age_s = (now - seen.seen_at).total_seconds()
        age = f" (seen {relative(seen.seen_at, now)})" if age_s > OLD_S else ""
        for complaint in _complaints(seen.info, recorder):
            yield f"{seen.info.recorder}: {complaint}{age}"


def as_object(seen: LastSeen) -> dict[str, Any]:
    """Write the last that was heard of a recorder for programs."""
    info = seen.info
    return {
        "at": seen.seen_at,
        "url": seen.url,
        "driver": info.driver,
        "model": info.model,
        "serial": info.serial,
        "firmware": info.firmware,
        "battery_percent": info.battery_percent,
        "charging": info.charging,
        "capacity_bytes": info.capacity_bytes,
        "used_bytes": info.used_bytes,
        "used_percent": info.used_percent,
        "waiting": info.pending,
        "dropped_recordings": info.dropped_recordings,
        "clock_offset_s": info.clock_offset_s,
        "conditions": info.conditions,
    }


def _row(name: str, seen: LastSeen | None, now: datetime) -> tuple[str, ...]:
    name = name if len(name) <= _NAME_COLUMNS else ""
    if seen is None:
        return (name, "-", "-", "-", "-", "never")
    info = seen.info
    return (
        name,
        shortened(info.model or info.driver, _MODEL_COLUMNS),
        recorder_words.percent(info.battery_percent),
        recorder_words.percent(info.used_percent),
        "-" if info.pending is None else str(info.pending),
        relative(min(seen.seen_at, now), now),  # our own clock may have been stepped back
    )


def _more(info: RecorderInfo) -> Iterator[str]:
    if info.charging:
        yield "charging"
    yield from recorder_words.state(info)


def _complaints(info: RecorderInfo, recorder: RecorderConfig) -> Iterator[str]:
    battery, used = info.battery_percent, info.used_percent
    low = battery is not None and battery <= LOW_BATTERY_PERCENT
    if (low or Condition.LOW_BATTERY in info.conditions) and not info.charging:
        told = "low" if battery is None else f"at {battery} %"
        yield f"its battery is {told}; charge it"
    full = used is not None and used >= FULL_STORAGE_PERCENT
    if full or Condition.STORAGE_FULL in info.conditions:
        told = "full" if used is None else f"{used} % full"
        remedy = (
            "recordings leave it once the cloud has them"
            if recorder.release == "delete"
            else f"make room on it: with release = {recorder.release} nothing is deleted there"
        )
        yield f"its storage is {told}; {remedy}"
    if Condition.FAULT in info.conditions:
        yield "it reports a fault; switch it off and on, and have it looked at if that stays"
    if info.clock_offset_s is not None and abs(info.clock_offset_s) > WRONG_CLOCK_S:
        yield (
            f"its clock was {recorder_words.clock(info.clock_offset_s)} when it was connected;"
            " check the times of its recordings"
        )
    if info.dropped_recordings:
        many = count(info.dropped_recordings, "recording")
        yield f"it has itself lost, or not taken, {many} since it was made"


def _newest(heard: Sequence[LastSeen]) -> LastSeen:
    return max(heard, key=lambda each: each.seen_at)
