"""Whether what a recorder tells now differs, for an operator, from what is on the disk."""

from dataclasses import replace

from device.model import RecorderInfo

BATTERY_STEP = 5
STORAGE_STEP = 1
"""Percent; smaller changes are not worth a write to an SD card."""

CLOCK_STEP_S = 1.0


def differs(kept: RecorderInfo, now: RecorderInfo) -> bool:
    """Tell whether an operator would see a difference."""
    return (
        _apart(kept.battery_percent, now.battery_percent, BATTERY_STEP)
        or _apart(kept.used_percent, now.used_percent, STORAGE_STEP)
        or _apart(kept.clock_offset_s, now.clock_offset_s, CLOCK_STEP_S)
        or _unmeasured(kept) != _unmeasured(now)
    )


def _apart(kept: float | None, now: float | None, step: float) -> bool:
    if kept is None or now is None:
        return kept is not now
    return abs(now - kept) >= step


def _unmeasured(info: RecorderInfo) -> RecorderInfo:
    """Leave out the figures that always move a little."""
    return replace(info, battery_percent=None, used_bytes=None, clock_offset_s=None)
