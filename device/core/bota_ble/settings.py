"""DEVICE_SETTINGS: how a Bota recorder uploads by itself, read and written as a whole (§5.2)."""

from dataclasses import dataclass
from enum import IntEnum

SHORT_BYTES = 8
LONG_BYTES = 12
ALWAYS_ON = -1
MAX_IDLE_S = 2540
MAX_FLUSH_S = 128

_STEP_S = 10
_ALWAYS = 255
_WIFI = 0x01
_LTE = 0x02
_EXPLICIT = 0x80


class Way(IntEnum):
    """A way for recordings to leave the recorder."""

    WIFI = 1
    BLE = 2
    LTE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSettings:
    """The settings, with the firmware's own defaults.

    Idle times are in seconds, 0 for at once and -1 for never; the wire rounds them down to 10 s.
    """

    wifi: bool = True
    lte: bool = True
    preference: tuple[Way, ...] = (Way.WIFI, Way.BLE, Way.LTE)
    lte_idle_s: int = 180
    wifi_idle_s: int = 180
    streaming: bool = True
    flush_s: int = 60
    heartbeat_wifi: bool = True
    heartbeat_lte: bool = True


def parse_settings(value: bytes) -> DeviceSettings:
    """Read either version; what is neither means the defaults, as the recorder takes it."""
    if len(value) < SHORT_BYTES or value[0] not in (1, 2):
        return DeviceSettings()
    preference: list[Way] = []
    for way in value[2:5]:
        if way not in tuple(Way):
            break
        preference.append(Way(way))
    whole = value[0] > 1 and len(value) >= LONG_BYTES
    heartbeat = value[9] if whole and value[9] & _EXPLICIT else _WIFI | _LTE
    return DeviceSettings(
        wifi=bool(value[1] & _WIFI),
        lte=bool(value[1] & _LTE),
        preference=tuple(preference),
        lte_idle_s=_idle_s(value[5]),
        wifi_idle_s=_idle_s(value[6]),
        streaming=bool(value[7]),
        flush_s=min(value[8], MAX_FLUSH_S) if whole else DeviceSettings().flush_s,
        heartbeat_wifi=bool(heartbeat & _WIFI),
        heartbeat_lte=bool(heartbeat & _LTE),
    )


def encode_settings(settings: DeviceSettings) -> bytes:
    """Write version 2.

    Raises:
        ValueError: An idle time or the preference is not what a recorder can hold.
    """
    ways = settings.preference
    if len(set(ways)) != len(ways):
        raise ValueError("a way to upload is preferred twice")
    heartbeat = _EXPLICIT | _WIFI * settings.heartbeat_wifi | _LTE * settings.heartbeat_lte
    return bytes(
        (
            2,
            _WIFI * settings.wifi | _LTE * settings.lte,
            *ways,
            *(0,) * (len(Way) - len(ways)),
            _idle(settings.lte_idle_s),
            _idle(settings.wifi_idle_s),
            settings.streaming,
            max(0, min(settings.flush_s, MAX_FLUSH_S)),
            heartbeat,
            0,
            0,
        )
    )


def _idle_s(step: int) -> int:
    return ALWAYS_ON if step == _ALWAYS else step * _STEP_S


def _idle(seconds: int) -> int:
    if seconds == ALWAYS_ON:
        return _ALWAYS
    if not 0 <= seconds <= MAX_IDLE_S:
        raise ValueError(f"an idle time is -1 or 0 to {MAX_IDLE_S} seconds, not {seconds}")
    # Less than a step would mean at once.
    return max(1, seconds // _STEP_S) if seconds else 0
