"""The JSON bodies of the API, in Bota's words. Fields are only ever added.

Requests that take an Idempotency-Key leave out defaults when they are encoded: a field that is
added later must not turn a repeated request into another one.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from gateway.model import Device, MediaStatus, MediaType, Medium, Recording, RecordingStatus

Instant = Annotated[datetime, Meta(tz=True)]
Text = Annotated[str, Meta(max_length=1024)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]

MOST_UPLOAD_URLS = 50
"""How many media one request may ask upload URLs for."""


class RecordingCreate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Body of create recording; with a device token the two ids are the token's own."""

    device_id: Text | None = None
    end_user_id: Annotated[str, Meta(max_length=255)] | None = None
    name: Text | None = None
    started_at: Instant | None = None
    ended_at: Instant | None = None
    metadata: dict[str, Any] = {}


class UploadUrlCreate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Body of upload-url."""

    type: MediaType
    content_type: Annotated[str, Meta(max_length=128)] | None = None
    file_size_bytes: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    captured_at: Instant | None = None


class MediumAsked(Struct, frozen=True, kw_only=True):
    """One item of upload-urls: the body of upload-url, and what there are its headers."""

    type: MediaType
    content_type: Annotated[str, Meta(max_length=128)] | None = None
    file_size_bytes: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    captured_at: Instant | None = None
    idempotency_key: Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,255}$")] | None = None
    sha256: Annotated[str, Meta(pattern="^[0-9a-fA-F]{64}$")] | None = None

    def alone(self) -> UploadUrlCreate:
        """Give the body of upload-url that asks for the same."""
        return UploadUrlCreate(
            type=self.type,
            content_type=self.content_type,
            file_size_bytes=self.file_size_bytes,
            captured_at=self.captured_at,
        )


class UploadUrlsCreate(Struct, frozen=True, kw_only=True):
    """Body of upload-urls."""

    media: Annotated[list[MediumAsked], Meta(min_length=1, max_length=MOST_UPLOAD_URLS)]


class UploadComplete(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Body of upload-complete: the digest of the (first) audio medium."""

    content_sha256: Sha256 | None = None


class DownloadUrlCreate(Struct, frozen=True, kw_only=True):
    """Body of download-url."""

    media_id: Text


class DeviceCreate(Struct, frozen=True, kw_only=True):
    """Body of register device."""

    serial_number: Annotated[str, Meta(min_length=1, max_length=255)]
    model: Annotated[str, Meta(max_length=64)] | None = None
    device_type: Annotated[str, Meta(max_length=64)] | None = None
    firmware_version: Annotated[str, Meta(max_length=64)] | None = None
    metadata: dict[str, Any] = {}


class DeviceBind(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Body of bind."""

    end_user_id: Annotated[str, Meta(min_length=1, max_length=255)]


class MediumView(Struct, frozen=True, kw_only=True):
    """A medium as the API shows it."""

    id: str
    type: MediaType
    mime_type: str
    file_size_bytes: int | None
    status: MediaStatus
    content_sha256: str | None
    captured_at: datetime | None
    created_at: datetime


class RecordingView(Struct, frozen=True, kw_only=True):
    """A recording as the API shows it. `batch_upload_url` only in the answer that made it."""

    id: str
    device_id: str | None
    end_user_id: str | None
    name: str | None
    status: RecordingStatus
    started_at: datetime | None
    ended_at: datetime | None
    media: list[MediumView]
    metadata: Mapping[str, Any]
    content_sha256: str | None
    content_sha256_verified_at: datetime | None
    created_at: datetime
    duration_ms: int | None = None
    transcription_id: str | None = None
    batch_upload_url: int | None = None


class RecordingPage(Struct, frozen=True, kw_only=True):
    """Recordings, newest first."""

    data: list[RecordingView]
    has_more: bool


class UploadUrl(Struct, frozen=True, kw_only=True):
    """Where a medium goes up. `upload_protocol` names what the URL speaks beyond a plain PUT."""

    media_id: str
    upload_url: str
    expires_at: datetime
    headers: dict[str, str]
    upload_protocol: str | None = None


class UploadUrls(Struct, frozen=True, kw_only=True):
    """Where media go up, in the order in which they were asked for."""

    media: list[UploadUrl]


class PartView(Struct, frozen=True, kw_only=True):
    """Where one part goes up, by a plain PUT."""

    number: int
    url: str


class HeldPartView(Struct, frozen=True, kw_only=True):
    """A part that the object store holds."""

    number: int
    etag: str
    size_bytes: int


class PartsDocument(Struct, frozen=True, kw_only=True):
    """The next parts of an upload. All have `part_bytes` but the last, which has what is left."""

    part_bytes: int
    parts: list[PartView]
    complete_url: str
    held: list[HeldPartView]


class UploadedMedium(Struct, frozen=True, kw_only=True):
    """The answer to the last byte of a medium."""

    media_id: str
    file_size_bytes: int
    content_sha256: str


class DownloadUrl(Struct, frozen=True, kw_only=True):
    """Where a medium can be fetched."""

    media_id: str
    download_url: str
    content_type: str
    file_size_bytes: int
    expires_at: datetime


class DeviceView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A device as the API shows it; `device_token` only in the answer that made it."""

    id: str
    serial_number: str
    status: str
    end_user_id: str | None
    device_name: str | None
    model: str | None
    firmware_version: str | None
    battery_percent: int | None
    storage_used_mb: int | None
    storage_total_mb: int | None
    signal_strength_dbm: int | None
    last_heartbeat_at: datetime | None
    recording_state: dict[str, Any]
    metadata: Mapping[str, Any]
    binding_generation: int
    created_at: datetime
    updated_at: datetime
    device_token: str | None = None


class DevicePage(Struct, frozen=True, kw_only=True):
    """Devices, oldest first."""

    data: list[DeviceView]
    has_more: bool


class TokenView(Struct, frozen=True, kw_only=True):
    """A new device token, shown once."""

    device_token: str


class Status(Struct, frozen=True, kw_only=True):
    """Alive."""

    status: str


class Readiness(Struct, frozen=True, kw_only=True):
    """Ready or not, and each check's own word: `ok` or what is wrong."""

    status: str
    checks: dict[str, str]


class Version(Struct, frozen=True, kw_only=True):
    """What runs here."""

    name: str
    version: str
    api: str


class BotaError(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The error in Bota's shape."""

    code: str
    message: str
    request_id: str
    details: dict[str, Any] | None = None


class Problem(Struct, frozen=True, kw_only=True):
    """An error in both shapes: RFC 9457's members, and Bota's `error`."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    error: BotaError


def show_recording(recording: Recording, *, batch_upload_url: int | None = None) -> RecordingView:
    """Show a recording."""
    return RecordingView(
        id=recording.id,
        device_id=recording.device_id,
        end_user_id=recording.end_user_id,
        name=recording.name,
        status=recording.status,
        started_at=recording.started_at,
        ended_at=recording.ended_at,
        media=[show_medium(medium) for medium in recording.media],
        metadata=recording.metadata,
        content_sha256=recording.content_sha256,
        content_sha256_verified_at=recording.content_sha256_verified_at,
        created_at=recording.created_at,
        batch_upload_url=batch_upload_url,
    )


def show_medium(medium: Medium) -> MediumView:
    """Show a medium."""
    return MediumView(
        id=medium.id,
        type=medium.type,
        mime_type=medium.content_type,
        file_size_bytes=medium.file_size_bytes,
        status=medium.status,
        content_sha256=medium.content_sha256,
        captured_at=medium.captured_at,
        created_at=medium.created_at,
    )


def show_device(device: Device, *, device_token: str | None = None) -> DeviceView:
    """Show a device with what its last heartbeat said."""
    said = device.heartbeat
    shown = ("device_state", "pending_recordings", "flags", "connection_type")
    return DeviceView(
        id=device.id,
        serial_number=device.serial_number,
        status="unbound" if device.end_user_id is None else "bound",
        end_user_id=device.end_user_id,
        device_name=device.name,
        model=device.model,
        firmware_version=device.firmware_version,
        battery_percent=said.get("battery_percent"),
        storage_used_mb=said.get("storage_used_mb"),
        storage_total_mb=said.get("storage_total_mb"),
        signal_strength_dbm=said.get("signal_strength_dbm"),
        last_heartbeat_at=device.last_heartbeat_at,
        recording_state={name: said[name] for name in shown if name in said},
        metadata=device.metadata,
        binding_generation=device.binding_generation,
        created_at=device.created_at,
        updated_at=device.updated_at,
        device_token=device_token,
    )
