"""When uploads may go out: what this box and its gateway say, merged, each value with its origin.

Built-in values, then the gateway's (Bota's device settings, bota-cloud-api §4.5), then those of the
box's own files: the operator on the spot wins. A data limit is the smallest that any level names.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import time
from typing import Any, Final

from device.config import ConnectionConfig, PowerConfig, UploadConfig
from device.errors import SettingUnusable
from device.off_peak import OffPeak

GATEWAY: Final = "gateway"
BUILT_IN: Final = "default"
HERE: Final = "this box"

NETWORKS = ("wifi", "cellular")
MOST_MB = 10_000_000
_PERCENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSettings:
    """When bytes may leave; words, ranges and defaults as in Bota's device settings (§4.5).

    `daily_data_limit_mb` is of what leaves over networks that cost, 0 for none. `networks` are
    those that may be used at all.
    """

    networks: frozenset[str] = frozenset({"wifi", "cellular"})
    daily_data_limit_mb: int = 0
    allow_roaming: bool = False
    pause_on_low_battery: bool = True
    low_battery_threshold_percent: int = 20
    off_peak: OffPeak | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What holds now.

    `origins` maps `upload.allow_roaming` and the like to where the value comes from; `ignored` are
    sentences on what the gateway says and nobody can follow.
    """

    send: SendSettings
    streaming: bool
    values: Mapping[str, Any]
    origins: Mapping[str, str]
    ignored: tuple[str, ...] = ()


def merge(
    connection: ConnectionConfig,
    upload: UploadConfig,
    power: PowerConfig,
    remote: Mapping[str, Any],
) -> Merged:
    """Merge the levels.

    Args:
        connection: Of the box's own files, as `upload` and `power`; None leaves it to the gateway.
        upload: See above.
        power: See above.
        remote: The gateway's sections as it sent them; unknown ones are for later versions.
    """
    local = {"connection": connection, "upload": upload, "power": power}
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    ignored: list[str] = []
    for key, (built_in, read) in _KEYS.items():
        section, _, name = key.partition(".")
        values[key], origins[key] = built_in, BUILT_IN
        told = remote.get(section)
        if isinstance(told, Mapping) and told.get(name) is not None:
            try:
                values[key], origins[key] = read(told[name]), GATEWAY
            except SettingUnusable as error:
                ignored.append(f"the gateway's {key} {error}; it is ignored")
        mine = getattr(local[section], name, None)
        if mine is not None:
            value = read(mine)
            if key != _LIMIT or not values[key] or 0 < value < values[key]:
                values[key], origins[key] = value, HERE
    return Merged(
        send=SendSettings(
            networks=_networks_in(values, remote),
            daily_data_limit_mb=values[_LIMIT],
            allow_roaming=values["upload.allow_roaming"],
            pause_on_low_battery=values["upload.pause_on_low_battery"],
            low_battery_threshold_percent=values["power.low_battery_threshold_percent"],
            off_peak=values["upload.off_peak_hours"],
        ),
        streaming=values["upload.streaming_enabled"],
        values=values,
        origins=origins,
        ignored=tuple(ignored),
    )


def read_networks(value: object) -> tuple[str, ...]:
    """Read `wifi, cellular`, or Bota's list of them; `ble` goes by a phone and is none of ours.

    Raises:
        SettingUnusable: It names something else, or nothing.
    """
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(each, str) for each in words):
        raise SettingUnusable("must name networks by commas: wifi, cellular")
    named = [each.strip().lower() for each in words]
    if wrong := [each for each in named if each not in {*NETWORKS, "ble"}]:
        raise SettingUnusable(f'names "{wrong[0]}"; there are wifi (cables too) and cellular')
    if not named:
        raise SettingUnusable("names no network")
    return tuple(dict.fromkeys(each for each in named if each in NETWORKS))


def read_hours(value: object) -> OffPeak | None:
    """Read hours as text, or Bota's object `{enabled, start, end, timezone}`; None is all day.

    Raises:
        SettingUnusable: It is neither.
    """
    if isinstance(value, Mapping):
        if value.get("enabled") is False:
            return None
        zone = value.get("timezone")
        value = f"{value.get('start')}-{value.get('end')}" + (f" {zone}" if zone else "")
    if not isinstance(value, str):
        raise SettingUnusable('must be hours and a zone: "22:00-06:00 Europe/Berlin"')
    if not value.strip():
        return None
    hours = OffPeak.parse(value)
    return None if (hours.start, hours.end) == (time(), time.max) else hours


def read_limit_mb(value: object) -> int:
    """Read a data limit.

    Raises:
        SettingUnusable: It is no number of megabytes.
    """
    return _number(value, 0, MOST_MB)


def read_percent(value: object) -> int:
    """Read a share of a battery.

    Raises:
        SettingUnusable: It is none.
    """
    return _number(value, 0, _PERCENT)


def read_switch(value: object) -> bool:
    """Read true or false.

    Raises:
        SettingUnusable: It is neither.
    """
    if not isinstance(value, bool):
        raise SettingUnusable("must be true or false")
    return value


def _number(value: object, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise SettingUnusable(f"must be a whole number from {least} to {most}")
    return value


def _networks_in(values: Mapping[str, Any], remote: Mapping[str, Any]) -> frozenset[str]:
    """Leave out what the gateway has switched off altogether (`enabled_connections`)."""
    told = remote.get("connection")
    enabled = told.get("enabled_connections") if isinstance(told, Mapping) else None
    off = {n for n in NETWORKS if isinstance(enabled, Mapping) and enabled.get(n) is False}
    return frozenset(values["connection.upload_network_preference"]) - off


READERS: Mapping[str, Callable[[object], Any]]
"""Key → what reads a value of it, from wherever; raises `SettingUnusable`."""

_LIMIT = "upload.daily_data_limit_mb"
_DEFAULTS = {each.name: each.default for each in fields(SendSettings)}
_KEYS: Mapping[str, tuple[Any, Callable[[object], Any]]] = {
    "connection.upload_network_preference": (NETWORKS, read_networks),
    _LIMIT: (_DEFAULTS["daily_data_limit_mb"], read_limit_mb),
    "upload.allow_roaming": (_DEFAULTS["allow_roaming"], read_switch),
    "upload.pause_on_low_battery": (_DEFAULTS["pause_on_low_battery"], read_switch),
    "upload.off_peak_hours": (_DEFAULTS["off_peak"], read_hours),
    "upload.streaming_enabled": (False, read_switch),
    "power.low_battery_threshold_percent": (
        _DEFAULTS["low_battery_threshold_percent"],
        read_percent,
    ),
}
READERS = {key: read for key, (_, read) in _KEYS.items()}
