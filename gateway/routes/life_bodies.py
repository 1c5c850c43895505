"""The JSON bodies of device life: heartbeats, commands, settings, enrolment by code."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from gateway.core.settings import Settings
from gateway.model import Command, CommandStatus, CommandType, Fault, Report

MOST_FAULTS = 100
"""How many faults one heartbeat may tell of."""

MOST_TTL_S = 7 * 24 * 3600

KeyText = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,255}$")]
Megabytes = Annotated[int, Meta(ge=0, le=2**53)]


class FaultEvent(Struct, frozen=True, kw_only=True):
    """One fault of a device; more of it than this is kept as it came."""

    event_id: Annotated[str, Meta(min_length=1, max_length=64)]


class Diagnostics(Struct, frozen=True, kw_only=True):
    """A batch of faults; those whose ids are in the answer may be forgotten by the device."""

    schema_version: Literal[1]
    events: Annotated[list[dict[str, Any]], Meta(max_length=MOST_FAULTS)]


class Heartbeat(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Body of heartbeat; every field may be absent.

    `device_state` is one of `idle`, `recording`, `syncing`, `uploading`, `charging`, `lowBattery`,
    `storageFull`, `error`; of `flags` bit 0 is charging, 1 low battery, 2 storage full, 3 Wi-Fi,
    4 LTE, 5 sync active. `connection_type` names `wifi`, `4g`, `ble`.
    """

    battery_percent: Annotated[int, Meta(ge=0, le=100)] | None = None
    storage_used_mb: Megabytes | None = None
    storage_total_mb: Megabytes | None = None
    signal_strength_dbm: Annotated[int, Meta(ge=-200, le=0)] | None = None
    firmware_version: Annotated[str, Meta(max_length=64)] | None = None
    device_name: Annotated[str, Meta(max_length=64)] | None = None
    device_state: Annotated[str, Meta(max_length=32)] | None = None
    pending_recordings: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    flags: Annotated[int, Meta(ge=0, le=255)] | None = None
    connection_type: (
        Annotated[list[Annotated[str, Meta(max_length=32)]], Meta(max_length=8)] | None
    ) = None
    diagnostics: Diagnostics | None = None


class Order(Struct, frozen=True, kw_only=True):
    """A command as its device is told; the same again until its result came, or it expired."""

    id: str
    type: CommandType
    params: Mapping[str, Any]
    expires_at: datetime


class AcceptedFaults(Struct, frozen=True, kw_only=True):
    """Which faults are kept."""

    accepted_event_ids: list[str]


class HeartbeatAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to a heartbeat; `diagnostics` only where the heartbeat had some."""

    status: str
    server_time: datetime
    commands: list[Order]
    settings: Settings
    settings_version: int
    diagnostics: AcceptedFaults | UnsetType = UNSET


class ReportView(Struct, frozen=True, kw_only=True):
    """A heartbeat as it came."""

    at: datetime
    report: Mapping[str, Any]


class ReportPage(Struct, frozen=True, kw_only=True):
    """Heartbeats, newest first; the last 100 of a device are kept."""

    data: list[ReportView]


class FaultView(Struct, frozen=True, kw_only=True):
    """A fault as it came."""

    received_at: datetime
    event: Mapping[str, Any]


class FaultPage(Struct, frozen=True, kw_only=True):
    """Faults, newest first; the last 1000 of a device are kept."""

    data: list[FaultView]


RecorderName = Annotated[str, Meta(min_length=1, max_length=512)]


class StartRecording(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Params of `start_recording`. A device with several recorders needs to be told which one."""

    max_duration_sec: Annotated[int, Meta(ge=1, le=86400)] = 3600
    upload_immediately: bool = True
    metadata: dict[str, Any] = {}
    recorder: RecorderName | UnsetType = UNSET


class StopRecording(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Params of `stop_recording`. `recorder` as in `start_recording`."""

    recorder: RecorderName | UnsetType = UNSET


class NoParams(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Params of every other command."""


PARAMS: Mapping[CommandType, type[Struct]] = {
    CommandType.START_RECORDING: StartRecording,
    CommandType.STOP_RECORDING: StopRecording,
    CommandType.TRIGGER_UPLOAD: NoParams,
    CommandType.FACTORY_RESET: NoParams,
}


class CommandCreate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Body of a command; `params` by its type. The key may be here or in the header."""

    type: CommandType
    params: dict[str, Any] = {}
    ttl_seconds: Annotated[int, Meta(ge=1, le=MOST_TTL_S)] = 300
    idempotency_key: KeyText | None = None


class CommandResult(Struct, frozen=True, kw_only=True):
    """What came of a command."""

    status: Literal["executed", "failed"]
    result: dict[str, Any] | None = None
    error: Annotated[str, Meta(max_length=4096)] | None = None


class CommandView(Struct, frozen=True, kw_only=True):
    """A command as the API shows it; `executed_at` is also that of a failure."""

    id: str
    device_id: str
    type: CommandType
    status: CommandStatus
    params: Mapping[str, Any]
    result: Mapping[str, Any] | None
    error: str | None
    created_at: datetime
    expires_at: datetime
    delivered_at: datetime | None
    executed_at: datetime | None
    cancelled_at: datetime | None


class CommandPage(Struct, frozen=True, kw_only=True):
    """Commands, newest first."""

    data: list[CommandView]
    has_more: bool


class SettingsView(Struct, frozen=True, kw_only=True):
    """Settings as the device is told them; what nobody set is left to the device.

    `own` is this level's part of them. `origins` names the level of each: `gateway`, `device`.
    """

    device_id: str | None
    value: Settings
    own: Settings
    origins: Mapping[str, str]
    settings_version: int


class EnrolCodeView(Struct, frozen=True, kw_only=True):
    """A one-time code, shown once."""

    device_id: str
    code: str
    expires_at: datetime


class EnrolCreate(Struct, frozen=True, kw_only=True):
    """Body of enrol: the code as it was typed.

    With an `enrol_nonce`, which the client makes up and keeps to itself, the same code gives the
    same token again while it lives: an answer that is lost costs nothing.
    """

    code: Annotated[str, Meta(max_length=64)]
    enrol_nonce: Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{16,128}$")] | None = None


class Enrolled(Struct, frozen=True, kw_only=True):
    """A device's id and its new token."""

    device_id: str
    device_token: str


def show_order(command: Command) -> Order:
    """Show a command to its device."""
    return Order(
        id=command.id, type=command.type, params=command.params, expires_at=command.expires_at
    )


def show_command(command: Command) -> CommandView:
    """Show a command."""
    cancelled = command.status is CommandStatus.CANCELLED
    return CommandView(
        id=command.id,
        device_id=command.device_id,
        type=command.type,
        status=command.status,
        params=command.params,
        result=command.result,
        error=command.error,
        created_at=command.created_at,
        expires_at=command.expires_at,
        delivered_at=command.delivered_at,
        executed_at=None if cancelled else command.ended_at,
        cancelled_at=command.ended_at if cancelled else None,
    )


def show_report(report: Report) -> ReportView:
    """Show a heartbeat of the past."""
    return ReportView(at=report.at, report=report.report)


def show_fault(fault: Fault) -> FaultView:
    """Show a fault."""
    return FaultView(received_at=fault.received_at, event=fault.event)
