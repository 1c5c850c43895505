"""Read and change how a Bota recorder uploads by itself (§5.2)."""

from collections.abc import Mapping
from dataclasses import dataclass

from device.core.bota_ble import uuids
from device.core.bota_ble.settings import DeviceSettings, parse_settings
from device.core.bota_ble.settings_change import NAMES, Form, Value, form_of, rewritten
from device.drivers.bota_errand import AGAIN_HINT, refusals, require
from device.drivers.bota_session import Session
from device.errors import LinkLost, ProtocolViolation


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The settings of a recorder, and how much of them it holds itself."""

    settings: DeviceSettings
    form: Form


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """Settings before and after a change; the same where nothing had to be written."""

    before: Held
    after: Held


async def read_settings(session: Session) -> Held:
    """Read the settings. The caller holds the session's turn.

    Raises:
        LinkLost: It went away.
        LinkUnavailable: It wants to be paired.
        ProtocolViolation: It has no settings, or such as nobody here understands.
    """
    return _held(await _read(session))


async def change_settings(session: Session, changes: Mapping[str, Value]) -> Changed:
    """Change some settings, and read back that it was done. The caller holds the session's turn.

    Args:
        session: The recorder.
        changes: Legal values by field name of `DeviceSettings`.

    Raises:
        LinkLost: It went away; the sentence says whether anything was written.
        LinkUnavailable: It wants to be paired.
        ProtocolViolation: It has no settings, such as nobody here understands, or did not keep
            what it was told.
    """
    value = await _read(session)
    before = _held(value)
    wanted = rewritten(value, changes)
    if wanted == value:
        return Changed(before=before, after=before)
    connection = session.connection
    try:
        with refusals(connection, "to change its settings"):
            await connection.write(uuids.DEVICE_SETTINGS, wanted, answered=True)
        after = _held(await _read(session))
    except LinkLost as error:
        raise LinkLost(f"{error}; the settings may have changed or not", hint=AGAIN_HINT) from error
    _compare(parse_settings(wanted), after.settings)
    return Changed(before=before, after=after)


async def _read(session: Session) -> bytes:
    require(session, uuids.DEVICE_SETTINGS, "has no settings")
    with refusals(session.connection, "to tell its settings"):
        return await session.connection.read(uuids.DEVICE_SETTINGS)


def _held(value: bytes) -> Held:
    form = form_of(value)
    if form is Form.UNKNOWN:
        raise ProtocolViolation(
            f"the recorder's settings have version {value[0]}, which is not known here",
            hint="install a newer Fieldpost, or use the maker's app; nothing was changed",
        )
    return Held(settings=parse_settings(value), form=form)


def _compare(wanted: DeviceSettings, kept: DeviceSettings) -> None:
    differing = [name for name in NAMES if getattr(wanted, name) != getattr(kept, name)]
    if differing:
        raise ProtocolViolation(
            f"the recorder did not keep what it was told: {', '.join(differing)}",
            hint="look at what it holds now, without naming any setting",
        )
