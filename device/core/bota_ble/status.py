"""How a Bota recorder is: DEVICE_STATUS in its three lengths, and STORAGE_INFO (§4)."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from device.errors import ProtocolViolation

_STATUS = struct.Struct("<BBBBIBHHB")
"""Battery, LTE, state, pending, last TIME_SYNC, flags, total and used MB, CSQ: 14 bytes."""

_RADIO_AT = 14
_MILLIVOLTS_AT = 15
_TEXT_AT = 17
MAX_FACTS = 64

_STORAGE = struct.Struct("<IIHH")
KIB = 1024


class Activity(IntEnum):
    """What a recorder is doing."""

    IDLE = 0
    RECORDING = 1
    SYNCING = 2
    UPLOADING = 3
    CHARGING = 4
    LOW_BATTERY = 5
    STORAGE_FULL = 6
    ERROR = 7

    @classmethod
    def _missing_(cls, value: object) -> "Activity":
        """Take what newer firmware may do for idle, as the SDKs do."""
        del value
        return cls.IDLE


CHARGING = 0x01
LOW_BATTERY = 0x02
STORAGE_FULL = 0x04
SYNC_ACTIVE = 0x20


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStatus:
    """One reading of DEVICE_STATUS. What older firmware does not say is None or empty.

    `sync_active`: the recorder uploads by itself and owns its recordings; nobody else may pull.
    """

    battery_percent: int
    lte: int
    activity: Activity
    pending: int
    """Recordings not uploaded yet; 255 stands for that many and more."""
    last_time_sync_s: int | None
    charging: bool
    low_battery: bool
    storage_full: bool
    sync_active: bool
    total_mb: int
    used_mb: int
    signal_csq: int | None
    wifi: int | None = None
    battery_mv: int | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageInfo:
    """One reading of STORAGE_INFO; which of the two counts a listing has is not written down."""

    total_bytes: int
    used_bytes: int
    recordings: int
    pending: int


def parse_status(value: bytes) -> DeviceStatus:
    """Read DEVICE_STATUS.

    Raises:
        ProtocolViolation: It is shorter than the shortest form.
    """
    if len(value) < _STATUS.size:
        raise ProtocolViolation(f"a device status of {len(value)} bytes")
    battery, lte, state, pending, synced, flags, total, used, csq = _STATUS.unpack_from(value)
    millivolts = int.from_bytes(value[_MILLIVOLTS_AT:_TEXT_AT], "little")
    return DeviceStatus(
        battery_percent=battery,
        lte=lte,
        activity=Activity(state),
        pending=pending,
        last_time_sync_s=synced or None,
        charging=bool(flags & CHARGING),
        low_battery=bool(flags & LOW_BATTERY),
        storage_full=bool(flags & STORAGE_FULL),
        sync_active=bool(flags & SYNC_ACTIVE),
        total_mb=total,
        used_mb=used,
        signal_csq=None if csq in (99, 255) else csq,
        wifi=value[_RADIO_AT] if len(value) > _RADIO_AT else None,
        battery_mv=millivolts or None if len(value) >= _TEXT_AT else None,
        facts=_facts(value[_TEXT_AT:]),
    )


def encode_status(status: DeviceStatus) -> bytes:
    """Write DEVICE_STATUS in its long form of 17 bytes, without text: the simulator's side."""
    flags = (
        CHARGING * status.charging
        | LOW_BATTERY * status.low_battery
        | STORAGE_FULL * status.storage_full
        | SYNC_ACTIVE * status.sync_active
    )
    fixed = _STATUS.pack(
        status.battery_percent,
        status.lte,
        status.activity,
        status.pending,
        status.last_time_sync_s or 0,
        flags,
        status.total_mb,
        status.used_mb,
        99 if status.signal_csq is None else status.signal_csq,
    )
    return fixed + struct.pack("<BH", status.wifi or 0, status.battery_mv or 0)


def parse_storage(value: bytes) -> StorageInfo:
    """Read STORAGE_INFO.

    Raises:
        ProtocolViolation: It is shorter than its four figures.
    """
    if len(value) < _STORAGE.size:
        raise ProtocolViolation(f"a storage info of {len(value)} bytes")
    total, used, recordings, pending = _STORAGE.unpack_from(value)
    return StorageInfo(
        total_bytes=total * KIB, used_bytes=used * KIB, recordings=recordings, pending=pending
    )


def encode_storage(info: StorageInfo) -> bytes:
    """Write STORAGE_INFO in its full 16 bytes: the simulator's side."""
    fixed = _STORAGE.pack(
        info.total_bytes // KIB, info.used_bytes // KIB, info.recordings, info.pending
    )
    return fixed + bytes(4)


def _facts(text: bytes) -> dict[str, str]:
    facts: dict[str, str] = {}
    for line in text.decode(errors="replace").splitlines()[:MAX_FACTS]:
        key, equals, value = line.partition("=")
        if equals and key.isprintable() and value.isprintable():
            facts[key] = value
    return facts
