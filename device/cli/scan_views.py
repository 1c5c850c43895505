"""How `scan` shows what it found: rows for people, and the JSON document."""

import sys
import textwrap
from collections.abc import Iterator
from typing import Any

from device.cli import recorder_words
from device.cli.around import Around, Found
from device.cli.output import NARROW
from device.cli.tables import table
from device.errors import FieldpostError
from device.links.finding import Nearby
from device.model import RecorderInfo
from device.words import count, printable, shortened

_STRONG_DBM = -65
_FAIR_DBM = -80
_URL_COLUMNS = 23
"""An address on Bluetooth; a longer URL stands on a line of its own where lines are short."""
_NAME_COLUMNS = 15


def lines(around: Around, columns: int | None) -> Iterator[str]:
    """Write all that people are shown, no line longer than `columns` but for a long URL."""
    if around.found:
        yield from _table(around, columns)
    else:
        yield "nothing found that a driver would take"
    if around.others:
        yield f"{count(around.others, 'other Bluetooth device')} seen"
    new = {each.driver for each in around.found if not each.configured_for}
    if new:
        yield 'to use one, add it to fieldpost.toml: [[recorders]] and url = "…"'
    if "bota" in new:
        yield 'where the driver is bota, also: driver = "bota"'


def _table(around: Around, columns: int | None) -> Iterator[str]:
    """Lay the rows out; below each comes what does not fit into its columns."""
    heads = ("URL", "RECORDER", "SIGNAL dBm", "DRIVER", "NOTE")
    rows = [_row(each, columns) for each in around.found]
    head, *lines = table(heads, rows, width=columns).splitlines()
    yield head
    for each, row, line in zip(around.found, rows, lines, strict=True):
        if not row[0]:
            yield printable(each.recorder.url)
        yield line
        for more in _more(each):
            yield from textwrap.wrap(
                printable(more),
                columns or sys.maxsize,
                initial_indent="  ",
                subsequent_indent="  ",
                break_long_words=False,
                break_on_hyphens=False,
            )


def _row(each: Found, columns: int | None) -> tuple[str, ...]:
    url, name = each.recorder.url, _name(each)
    if columns is not None:
        url = url if len(url) <= _URL_COLUMNS else ""
        name = shortened(name, _NAME_COLUMNS + columns - NARROW)
    return (
        url,
        name,
        _signal(each),
        each.driver,
        "configured already" if each.configured_for else "",
    )


def _name(each: Found) -> str:
    seen = _seen(each)
    return seen["name"] or seen.get("model") or ("-" if seen["link"] == "ble" else "serial port")


def _signal(each: Found) -> str:
    dbm = _seen(each)["signal_dbm"]
    if dbm is None:
        return "-"
    word = "strong" if dbm >= _STRONG_DBM else "fair" if dbm >= _FAIR_DBM else "weak"
    return f"{dbm} {word}"


def _more(each: Found) -> Iterator[str]:
    told = [*_told_unasked(each), *_told(each.info)]
    told += recorder_words.waiting(each.info, each.listing)
    if told:
        yield ", ".join(told)
    if each.configured_for not in (None, each.driver):
        yield f'configured for driver {each.configured_for}; it needs driver = "{each.driver}"'
    if each.error is not None:
        yield str(each.error)
        if each.error.hint:
            yield f"try: {each.error.hint}"


def _told_unasked(each: Found) -> Iterator[str]:
    """Tell what is known without opening it; what it says itself when asked is better."""
    seen = _seen(each)
    if seen.get("usb_id"):
        yield f"USB {seen['usb_id']}"
    if seen.get("paired") is not None:
        yield f"{'paired' if seen['paired'] else 'not paired'} with this computer"
    if seen.get("pairing"):
        yield f"pairing state {seen['pairing']}"
    if seen.get("battery_percent") is not None and each.info is None:
        yield f"battery {seen['battery_percent']} %"


def _told(info: RecorderInfo | None) -> Iterator[str]:
    if info is not None:
        if info.model:
            yield info.model
        yield from recorder_words.firmware(info)
        if info.serial:
            yield f"serial {info.serial}"
        yield from recorder_words.fares(info)


def _seen(each: Found) -> dict[str, Any]:
    """Tell what was seen without opening, in the words of the JSON document."""
    seen = each.seen
    if isinstance(seen, Nearby):
        return {
            "link": "ble",
            "name": seen.name,
            "signal_dbm": seen.rssi_dbm,
            "address": seen.address,
            "model": seen.model,
            "firmware": seen.firmware,
            "paired": seen.paired,
            "pairing": seen.pairing.name.lower() if seen.pairing is not None else None,
            "battery_percent": seen.battery_percent,
        }
    return {
        "link": "serial",
        "name": seen.description,
        "signal_dbm": None,
        "device": seen.device,
        "usb_id": seen.usb_id,
        "usb_serial": seen.serial_number,
    }


def as_object(around: Around) -> dict[str, Any]:
    """Write the same, and more, for programs."""
    return {
        "found": [
            {
                "url": each.recorder.url,
                "driver": each.driver,
                "configured": each.configured_for is not None,
                "configured_for": each.configured_for,
                **_seen(each),
                "info": each.info,
                "recordings": len(each.listing.recordings) if each.listing else None,
                "error": _problem(each.error),
            }
            for each in around.found
        ],
        "other_devices": around.others,
        "problem": _problem(around.problem),
    }


def _problem(error: FieldpostError | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {"code": error.code, "message": str(error), "hint": error.hint}
