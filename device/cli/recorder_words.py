"""How a recorder fares, in the words that `status`, `recorders` and `scan` share."""

from collections.abc import Iterator

from device.model import Listing, RecorderInfo
from device.words import clock, count

CLOCK_NOTICED_S = 2.0
"""A smaller difference is the measurement's own."""


def percent(told: int | None) -> str:
    """Write a figure that may be unknown."""
    return "-" if told is None else f"{told} %"


def firmware(info: RecorderInfo) -> Iterator[str]:
    """Tell the firmware's version, where known."""
    if info.firmware:
        yield f"firmware {info.firmware}"


def power(info: RecorderInfo) -> Iterator[str]:
    """Tell battery and charging, where known."""
    if info.battery_percent is not None:
        yield f"battery {info.battery_percent} %"
    if info.charging:
        yield "charging"


def state(info: RecorderInfo) -> Iterator[str]:
    """Tell what it says of itself, and whether its clock was off."""
    yield from info.conditions
    if info.clock_offset_s is not None and abs(info.clock_offset_s) > CLOCK_NOTICED_S:
        yield f"clock {clock(info.clock_offset_s)}"


def fares(info: RecorderInfo) -> list[str]:
    """Tell battery, storage and condition, as far as they are known."""
    used = [f"storage {info.used_percent} % used"] if info.used_percent is not None else []
    return [*power(info), *used, *info.conditions]


def waiting(info: RecorderInfo | None, listing: Listing | None) -> list[str]:
    """Tell how many recordings wait, by the listing, else as the recorder counts them itself."""
    told = len(listing.recordings) if listing else info.pending if info else None
    return [] if told is None else [f"{count(told, 'recording')} waiting"]
