"""Settings of devices: their words and ranges, how a change is read, how two levels are merged."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from device.errors import SettingUnusable
from device.off_peak import OffPeak

GATEWAY = "gateway"
"""The level that holds for all devices."""

DEVICE = "device"
"""The level of one device; it wins."""

_LIMIT = "upload.daily_data_limit_mb"
_HOURS = "upload.off_peak_hours"
_PREFERENCE = "connection.upload_network_preference"
_SHORTEST_TIMEOUT_S = 10

Percent = Annotated[int, Meta(ge=0, le=100)]
IdleTimeout = Annotated[int, Meta(ge=-1, le=2540)]
TimeOfDay = Annotated[str, Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Radios(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A switch for each network."""

    wifi: bool | None = None
    cellular: bool | None = None


class PowerManagement(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How long a radio stays on with nothing to do: -1 always, 0 not at all, else 10 to 2540."""

    wifi_idle_timeout_seconds: IdleTimeout | None = None
    cellular_idle_timeout_seconds: IdleTimeout | None = None


class Connection(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which networks are used, in which order."""

    enabled_connections: Radios | None = None
    heartbeat_enabled_connections: Radios | None = None
    upload_network_preference: (
        Annotated[list[Literal["wifi", "ble", "cellular"]], Meta(min_length=1, max_length=3)] | None
    ) = None
    power_management: PowerManagement | None = None


class OffPeakHours(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The only hours of a day in which anything goes up; not enabled: all day."""

    enabled: bool
    start: TimeOfDay | None = None
    end: TimeOfDay | None = None
    timezone: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class Upload(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When and how recordings go up."""

    streaming_enabled: bool | None = None
    streaming_chunk_kb: Annotated[int, Meta(ge=64, le=1024)] | None = None
    streaming_flush_interval_seconds: Annotated[int, Meta(ge=0, le=255)] | None = None
    daily_data_limit_mb: Annotated[int, Meta(ge=0, le=10000)] | None = None
    allow_roaming: bool | None = None
    pause_on_low_battery: bool | None = None
    off_peak_hours: OffPeakHours | None = None


class Audio(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a recorder writes."""

    codec: Literal["opus", "aac", "wav"] | None = None
    sample_rate_khz: Literal[16, 24, 48] | None = None
    bitrate_kbps: Annotated[int, Meta(ge=8, le=320)] | None = None


class Power(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a low battery and idleness mean."""

    low_battery_threshold_percent: Percent | None = None
    auto_sleep_minutes: Annotated[int, Meta(ge=0, le=1440)] | None = None


class Settings(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Every setting there is; what is absent (or null) is left to the next level."""

    connection: Connection | None = None
    upload: Upload | None = None
    audio: Audio | None = None
    power: Power | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """A setting that cannot be: where it stands, and why."""

    field: str
    reason: str


def patched(own: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Merge a change into a document: objects deeply, null removes, anything else replaces."""
    merged = dict(own)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping):
            before = merged.get(name)
            inner = patched(before if isinstance(before, Mapping) else {}, value)
            merged[name] = inner
            if not inner:
                del merged[name]
        else:
            merged[name] = value
    return merged


def wrongs(document: Mapping[str, Any]) -> list[Wrong]:
    """Name everything in a document without nulls that is no setting or out of its range."""
    return list(_wrongs(document, Settings, ""))


def merged(
    general: Mapping[str, Any], own: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Merge what holds for all devices with a device's own.

    A data limit is the smallest that a level names, 0 being none; all else is the device's own.

    Returns:
        The settings, and for each (`upload.allow_roaming`) the level it comes from.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for level, document in ((GATEWAY, general), (DEVICE, own)):
        for path, value in _leaves(document, ""):
            if path == _LIMIT and values.get(path) and not 0 < value < values[path]:
                continue
            values[path], origins[path] = value, level
    return _tree(values), origins


def _wrongs(document: Mapping[str, Any], shape: type[Struct], at: str) -> Iterator[Wrong]:
    hints = get_type_hints(shape, include_extras=True)
    for name, value in document.items():
        path = f"{at}{name}"
        if name not in hints:
            yield Wrong(field=path, reason=f"is no setting; there are {', '.join(hints)}")
            continue
        inner = _section(hints[name])
        if inner is None or path == _HOURS:
            yield from _wrong_value(path, value, hints[name])
        elif isinstance(value, Mapping):
            yield from _wrongs(value, inner, f"{path}.")
        else:
            yield Wrong(field=path, reason="must be an object")


def _wrong_value(path: str, value: Any, kind: Any) -> Iterator[Wrong]:
    try:
        read = msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$")
        yield Wrong(field=path + place.rstrip("`"), reason=reason)
        return
    if isinstance(read, OffPeakHours):
        reason = _wrong_hours(read)
    elif path == _PREFERENCE and len(set(read)) < len(read):
        reason = "names a network twice"
    elif path.endswith("idle_timeout_seconds") and 0 < read < _SHORTEST_TIMEOUT_S:
        reason = "must be -1, 0, or 10 to 2540"
    else:
        return
    if reason:
        yield Wrong(field=path, reason=reason)


def _wrong_hours(hours: OffPeakHours) -> str:
    if not hours.enabled:
        return ""
    if None in (hours.start, hours.end, hours.timezone):
        return "needs start, end and timezone while enabled"
    try:
        OffPeak.parse(f"{hours.start}-{hours.end} {hours.timezone}")
    except SettingUnusable as error:
        return str(error)
    return ""


def _section(kind: Any) -> type[Struct] | None:
    """Give the struct of an optional section, None for a value."""
    if get_origin(kind) in (Union, UnionType):
        for each in get_args(kind):
            if isinstance(each, type) and issubclass(each, Struct):
                return each
    return None


def _leaves(document: Mapping[str, Any], at: str) -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        path = f"{at}{name}"
        if isinstance(value, Mapping) and path != _HOURS:
            yield from _leaves(value, f"{path}.")
        else:
            yield path, value


def _tree(values: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, value in values.items():
        *sections, name = path.split(".")
        place = tree
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = value
    return tree
