"""Who a Bota recorder is and how it is: what it says of itself beside its recordings."""

from device.core.bota_ble import uuids
from device.core.bota_ble.status import Activity, DeviceStatus, parse_status
from device.drivers.bota_session import Session
from device.errors import ProtocolViolation
from device.model import Condition, RecorderId, RecorderInfo

FULL_PERCENT = 100
"""A gauge that tells more has no reading."""


async def info_of(session: Session, recorder: RecorderId) -> RecorderInfo:
    """Ask it. The caller holds the session's turn.

    Raises:
        LinkLost: It went away.
        ProtocolViolation: It does not say how much it holds.
    """
    storage = await session.storage()
    status = await _status(session)
    return RecorderInfo(
        recorder=recorder,
        driver="bota",
        model=await _name(session, uuids.MODEL),
        serial=session.serial,
        firmware=await _name(session, uuids.FIRMWARE),
        capacity_bytes=storage.total_bytes,
        used_bytes=storage.used_bytes,
        battery_percent=_percent(status.battery_percent) if status else None,
        charging=status.charging if status else None,
        pending=storage.pending,
        conditions=_conditions(status) if status else (),
    )


async def _status(session: Session) -> DeviceStatus | None:
    """Read how it is; None where it does not say: only pulling cannot do without."""
    value = await session.text(uuids.DEVICE_STATUS)
    try:
        return parse_status(value) if value is not None else None
    except ProtocolViolation:
        return None


async def _name(session: Session, characteristic: str) -> str | None:
    value = await session.text(characteristic)
    if value is None:
        return None
    name = value.rstrip(b"\0").decode(errors="replace").strip()
    return name if name and name.isprintable() else None


def _percent(told: int) -> int | None:
    return told if told <= FULL_PERCENT else None


def _conditions(status: DeviceStatus) -> tuple[Condition, ...]:
    """Tell flags and state as one: firmware sets either."""
    activity = status.activity
    told = {
        Condition.RECORDING: activity is Activity.RECORDING,
        Condition.UPLOADING: status.sync_active or activity is Activity.UPLOADING,
        Condition.LOW_BATTERY: status.low_battery or activity is Activity.LOW_BATTERY,
        Condition.STORAGE_FULL: status.storage_full or activity is Activity.STORAGE_FULL,
        Condition.FAULT: activity is Activity.ERROR,
    }
    return tuple(condition for condition in Condition if told[condition])
