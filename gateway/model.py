"""What the gateway keeps, as frozen values: recordings, media, devices, keys, tokens, callers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class MediaType(StrEnum):
    """What a medium is, in the words of the Bota API."""

    AUDIO = "audio"
    IMAGE = "image"
    VIDEO = "video"


class RecordingStatus(StrEnum):
    """Where a recording stands."""

    PENDING = "pending"
    UPLOADED = "uploaded"
    INTEGRITY_FAILURE = "integrity_failure"


class MediaStatus(StrEnum):
    """Whether the object store holds a medium whole."""

    PENDING = "pending"
    UPLOADED = "uploaded"


class CommandType(StrEnum):
    """What a device can be told to do."""

    START_RECORDING = "start_recording"
    STOP_RECORDING = "stop_recording"
    TRIGGER_UPLOAD = "trigger_upload"
    FACTORY_RESET = "factory_reset"


class CommandStatus(StrEnum):
    """Where a command stands; the last four are its ends."""

    PENDING = "pending"
    DELIVERED = "delivered"
    EXECUTED = "executed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Scope(StrEnum):
    """What a restricted key may do; a secret key may do all of it.

    `admin` is the console, and what it alone needs: keys, webhooks, phones, quotas, the audit log.
    """

    RECORDINGS_READ = "recordings:read"
    RECORDINGS_WRITE = "recordings:write"
    DEVICES_READ = "devices:read"
    DEVICES_WRITE = "devices:write"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """One file of a recording.

    `declared_sha256` is what the client announced in `X-Content-SHA256`; `content_sha256` is what
    the object store counted itself once the medium was whole. `seq` orders media by creation.
    An expired medium waited too long: what was received of it is gone, until somebody asks again.
    `store_mark` is the store's own name of the version that was verified, where clients reach it.
    """

    id: str
    recording_id: str
    type: MediaType
    content_type: str
    created_at: datetime
    seq: int = 0
    status: MediaStatus = MediaStatus.PENDING
    file_size_bytes: int | None = None
    declared_sha256: str | None = None
    content_sha256: str | None = None
    captured_at: datetime | None = None
    expired_at: datetime | None = None
    store_mark: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recording and its media, oldest medium first; `key_id`: of the API key that made it."""

    id: str
    created_at: datetime
    device_id: str | None = None
    key_id: str | None = None
    end_user_id: str | None = None
    name: str | None = None
    status: RecordingStatus = RecordingStatus.PENDING
    started_at: datetime | None = None
    ended_at: datetime | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    content_sha256: str | None = None
    content_sha256_verified_at: datetime | None = None
    deleted_at: datetime | None = None
    media: tuple[Medium, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One recorder box. `name` is what it calls itself, `heartbeat` its last report as it came."""

    id: str
    serial_number: str
    created_at: datetime
    updated_at: datetime
    name: str | None = None
    model: str | None = None
    firmware_version: str | None = None
    end_user_id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    heartbeat: Mapping[str, Any] = field(default_factory=dict)
    last_heartbeat_at: datetime | None = None
    binding_generation: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceToken:
    """A device's credential; only the hash of its text is kept.

    `parent_id` is the token it replaces, `replaced_at` when its own successor was first issued.
    `enrolment` counts how often the device was enrolled by a code: of a higher one, the first use
    ends all tokens of lower ones.
    """

    id: str
    device_id: str
    token_hash: str
    created_at: datetime
    parent_id: str | None = None
    enrolment: int = 0
    first_used_at: datetime | None = None
    replaced_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolCode:
    """A one-time code that a device's token is given for; only the hash of its text is kept."""

    id: str
    device_id: str
    code_hash: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a device is told to do. `ended_at`: executed, failed or cancelled since."""

    id: str
    device_id: str
    type: CommandType
    params: Mapping[str, Any]
    created_at: datetime
    expires_at: datetime
    status: CommandStatus = CommandStatus.PENDING
    delivered_at: datetime | None = None
    ended_at: datetime | None = None
    result: Mapping[str, Any] | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Settings of one level as they were written; `version` counts their changes."""

    document: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A heartbeat of the past."""

    at: datetime
    report: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault that a device told of, in its own words."""

    event: Mapping[str, Any]
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A server's credential; only the hash of its text is kept."""

    id: str
    name: str
    key_hash: str
    scopes: frozenset[Scope]
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSession:
    """Somebody signed in to the console by `key`; only the hash of the cookie is kept."""

    session_hash: str
    key: ApiKey
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class KeyCaller:
    """A request made with an API key, or by a page of the console of whoever signed in by it."""

    key_id: str
    scopes: frozenset[Scope]
    name: str = ""
    by_console: bool = False

    @property
    def subject(self) -> str:
        """Whose requests, quota and doings these are."""
        return self.key_id

    @property
    def owner(self) -> str:
        """Whose Idempotency-Keys these are: API keys share the project's."""
        return "project"


@dataclass(frozen=True, slots=True)
class DeviceCaller:
    """A request made with a device token."""

    device_id: str
    token: DeviceToken

    @property
    def subject(self) -> str:
        """Whose requests, quota and doings these are."""
        return self.device_id

    @property
    def owner(self) -> str:
        """Whose Idempotency-Keys these are: a device's own, whatever its token is today."""
        return self.device_id


Caller = KeyCaller | DeviceCaller


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """An `Idempotency-Key` with the fingerprint of the request it came with.

    `former` is the fingerprint that earlier versions kept of the same request, if it was another.
    """

    owner: str
    operation: str
    key: str
    fingerprint: str
    at: datetime
    former: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFilter:
    """Which recordings to list; None means any."""

    device_id: str | None = None
    end_user_id: str | None = None
    status: RecordingStatus | None = None
