"""A Bota recorder's settings as words: what people write, and what each value means."""

from collections.abc import Mapping, Sequence
from typing import Any

from device.core.bota_ble.settings import ALWAYS_ON, MAX_FLUSH_S, MAX_IDLE_S, DeviceSettings, Way
from device.core.bota_ble.settings_change import NAMES, Value
from device.errors import UsageInvalid
from device.words import span

_SWITCHES = {"on": True, "off": False}
_WAYS = {way.name.lower(): way for way in Way}
_WAY_WORDS = {Way.WIFI: "WiFi", Way.BLE: "Bluetooth", Way.LTE: "4G"}
_IDLE_STEP_S = 10
_HINT = "fieldpost settings --help"

RANGES = {
    "wifi": "on or off",
    "lte": "on or off (4G)",
    "preference": "wifi, ble, lte in the order wanted, with commas between",
    "lte_idle_s": f"0 to {MAX_IDLE_S} in steps of {_IDLE_STEP_S}, or always",
    "wifi_idle_s": f"0 to {MAX_IDLE_S} in steps of {_IDLE_STEP_S}, or always",
    "streaming": "on or off",
    "flush_s": f"0 to {MAX_FLUSH_S}",
    "heartbeat_wifi": "on or off",
    "heartbeat_lte": "on or off",
}
"""What may be written for each setting."""


def parse_changes(pairs: Sequence[str]) -> dict[str, Value]:
    """Read `wifi=off flush_s=30`.

    Raises:
        UsageInvalid: All that is wrong, each with what may be written.
    """
    changes: dict[str, Value] = {}
    problems: list[str] = []
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or name not in RANGES:
            problems.append(f"{pair!r} is not NAME=VALUE with a name of {', '.join(RANGES)}")
            continue
        value = _value(name, text)
        if value is None:
            problems.append(f"{name} is {RANGES[name]}, not {text!r}")
        elif name in changes:
            problems.append(f"{name} is given twice")
        else:
            changes[name] = value
    if problems:
        raise UsageInvalid("; ".join(problems), hint=_HINT)
    return changes


def _value(name: str, text: str) -> Value | None:
    match name:
        case "preference":
            ways = [_WAYS.get(word) for word in text.split(",")]
            known = tuple(way for way in ways if way is not None)
            return known if len(set(known)) == len(ways) else None
        case "lte_idle_s" | "wifi_idle_s":
            if text == "always":
                return ALWAYS_ON
            return _number(text, MAX_IDLE_S, _IDLE_STEP_S)
        case "flush_s":
            return _number(text, MAX_FLUSH_S, 1)
        case _:
            return _SWITCHES.get(text)


def _number(text: str, most: int, step: int) -> int | None:
    if not (text.isascii() and text.isdecimal()):
        return None
    number = int(text)
    return number if number <= most and number % step == 0 else None


def written(name: str, settings: DeviceSettings) -> str:
    """Write a setting's value as `parse_changes` reads it."""
    value: Value = getattr(settings, name)
    match value:
        case bool():
            return "on" if value else "off"
        case int():
            return "always" if value == ALWAYS_ON else str(value)
        case _:
            return ",".join(way.name.lower() for way in value) or "none"


def meaning(name: str, settings: DeviceSettings) -> str:
    """Say what a setting's value has the recorder do."""
    value: Value = getattr(settings, name)
    match name:
        case "wifi" | "lte":
            way = _WAY_WORDS[_WAYS[name]]
            return f"{way} may be used" if value else f"{way} is switched off"
        case "preference":
            words = [_WAY_WORDS[way] for way in settings.preference]
            return f"uploads by {', else '.join(words)}" if words else "no way is preferred"
        case "lte_idle_s" | "wifi_idle_s":
            return _idle(_WAY_WORDS[_WAYS[name.partition("_")[0]]], int(getattr(settings, name)))
        case "streaming":
            return "recordings are streamed" if value else "recordings are not streamed"
        case "flush_s":
            return f"a flush every {settings.flush_s} s"
        case _:
            way = _WAY_WORDS[_WAYS[name.rpartition("_")[2]]]
            return f"heartbeats over {way}" if value else f"no heartbeats over {way}"


def _idle(way: str, seconds: int) -> str:
    if seconds == ALWAYS_ON:
        return f"{way} stays on without work"
    return f"{way} goes off {f'after {span(seconds)}' if seconds else 'at once'} without work"


def as_object(settings: DeviceSettings) -> Mapping[str, Any]:
    """Return the settings for programs: seconds as numbers, -1 for always."""
    values: dict[str, Any] = {name: getattr(settings, name) for name in NAMES}
    return values | {"preference": [way.name.lower() for way in settings.preference]}
