"""What events say of recordings and devices, in Bota's words; written as they happen."""

from datetime import datetime
from typing import Any

from gateway.model import Device, Medium, Recording

_KNOWN = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "vnd.wave": "wav", "x-m4a": "m4a"}


def recording_created(recording: Recording) -> dict[str, Any]:
    """Say that a recording was created; its consent where its metadata tells of one."""
    consent = recording.metadata.get("consent_obtained")
    return {
        **_recording(recording),
        "consent_obtained": consent if isinstance(consent, bool) else None,
        "created_at": text_of(recording.created_at),
    }


def recording_uploaded(recording: Recording, medium: Medium, at: datetime) -> dict[str, Any]:
    """Say that a recording is uploaded.

    Args:
        recording: The recording.
        medium: The one whose digest stands for the recording: size and format are its.
        at: When it was completed.
    """
    begun, ended = recording.started_at, recording.ended_at
    lasted = None if begun is None or ended is None else (ended - begun).total_seconds()
    return {
        **_recording(recording),
        "media_id": medium.id,
        "duration_seconds": lasted,
        "file_size_bytes": medium.file_size_bytes,
        "format": format_of(medium.content_type),
        "content_sha256": medium.content_sha256,
        "uploaded_at": text_of(at),
    }


def recording_deleted(recording: Recording, at: datetime) -> dict[str, Any]:
    """Say that a recording was deleted."""
    return {**_recording(recording), "status": "deleted", "deleted_at": text_of(at)}


def device(device: Device, end_user_id: str | None, at: datetime) -> dict[str, Any]:
    """Say that something became of a device, and with which user it has to do."""
    return {
        "id": device.id,
        "serial_number": device.serial_number,
        "end_user_id": end_user_id,
        "binding_generation": device.binding_generation,
        "at": text_of(at),
    }


def format_of(content_type: str) -> str:
    """Name the format of a medium: `audio/ogg; codecs=opus` is `ogg`."""
    subtype = content_type.partition(";")[0].strip().partition("/")[2].lower()
    return _KNOWN.get(subtype, subtype)


def text_of(at: datetime | None) -> str | None:
    """Write a time as the API does."""
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def _recording(recording: Recording) -> dict[str, Any]:
    return {
        "id": recording.id,
        "end_user_id": recording.end_user_id,
        "device_id": recording.device_id,
        "status": recording.status,
        "name": recording.name,
        "started_at": text_of(recording.started_at),
        "ended_at": text_of(recording.ended_at),
        "metadata": dict(recording.metadata),
    }
