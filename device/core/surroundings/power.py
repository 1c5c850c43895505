"""Batteries of the box itself: as UPower tells of them, and as the kernel does."""

from collections.abc import Iterable, Mapping

from device.surroundings import PowerState

_CHARGING = {1: True, 2: False, 3: False, 4: True, 5: True, 6: False}
"""UPower's state of a battery: charging, discharging, empty, full, waiting to charge, waiting to
discharge. A full one, and one that waits, hang on a supply."""

_STATUS = {"Charging": True, "Discharging": False, "Full": True, "Not charging": True}
"""The kernel's words for the same (sysfs-class-power)."""

_FULL_PERCENT = 100

Supply = Mapping[str, str]
"""One folder of /sys/class/power_supply: what its files hold, by their names."""


def of_upower(display: Mapping[str, object]) -> PowerState:
    """Read the device that UPower makes of all batteries of the box."""
    percent = display.get("Percentage")
    if display.get("IsPresent") is not True or not isinstance(percent, int | float):
        return PowerState()
    state = display.get("State")
    return PowerState(
        battery_percent=_clipped(percent),
        charging=_CHARGING.get(state) if isinstance(state, int) else None,
    )


def of_supplies(supplies: Iterable[Supply]) -> PowerState:
    """Read the batteries and mains of the box as the kernel tells of them.

    Several batteries are told as their mean. A gauge that knows no status charges if a supply is
    on-line.
    """
    supplies = list(supplies)
    batteries = [each for each in supplies if _is_ours(each)]
    percents = [percent for each in batteries if (percent := _percent(each)) is not None]
    if not percents:
        return PowerState()
    said = [_STATUS[status] for each in batteries if (status := each.get("status", "")) in _STATUS]
    online = [each["online"] != "0" for each in supplies if "online" in each]
    known = said or online
    return PowerState(
        battery_percent=_clipped(sum(percents) / len(percents)),
        charging=any(known) if known else None,
    )


def _is_ours(supply: Supply) -> bool:
    """A mouse has a battery too, of scope `Device`."""
    return (
        supply.get("type") == "Battery"
        and supply.get("scope") != "Device"
        and supply.get("present") != "0"
    )


def _percent(supply: Supply) -> float | None:
    if (capacity := _number(supply.get("capacity"))) is not None:
        return capacity
    for what in ("energy", "charge"):
        now, full = _number(supply.get(f"{what}_now")), _number(supply.get(f"{what}_full"))
        if now is not None and full:
            return _FULL_PERCENT * now / full
    return None


def _number(text: str | None) -> float | None:
    return float(text) if text is not None and text.isascii() and text.isdigit() else None


def _clipped(percent: float) -> int:
    # In this order what is no number becomes one.
    return round(min(_FULL_PERCENT, max(0, percent)))
