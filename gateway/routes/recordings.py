"""Routes of recordings: create, list, get, delete, upload-url, upload-complete, download-url."""

import re
from datetime import UTC, datetime

from aiohttp import web

from gateway.errors import (
    AlreadyUploaded,
    DigestConflict,
    IdempotencyMismatch,
    InvalidRequest,
    MediaPending,
    MediumTooLarge,
    NoMediaUploaded,
    NotFound,
    RecordingDeleted,
    TooManySessions,
)
from gateway.model import MediaType, Medium, Recording, RecordingFilter, RecordingStatus, Scope
from gateway.routes import IDEMPOTENCY_KEY, REPLAYED, Admits, Answer, Parameter, Route
from gateway.routes import examples as example
from gateway.routes.bodies import (
    DownloadUrl,
    DownloadUrlCreate,
    RecordingCreate,
    RecordingPage,
    RecordingView,
    UploadComplete,
    UploadUrl,
    UploadUrlCreate,
    show_recording,
)
from gateway.routes.exchange import Exchange, answer, replayed

_DEFAULT_CONTENT_TYPE = {
    MediaType.AUDIO: "audio/opus",
    MediaType.IMAGE: "image/jpeg",
    MediaType.VIDEO: "video/mp4",
}
_CONTENT_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]{1,64}(; ?[a-z]+=[A-Za-z0-9.,+-]{1,40})?", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_UNSET = datetime.fromtimestamp(0, UTC)


async def create(exchange: Exchange) -> web.StreamResponse:
    """Create a recording."""
    body = await exchange.body(RecordingCreate)
    wanted = Recording(
        id="",
        created_at=_UNSET,
        device_id=body.device_id,
        end_user_id=body.end_user_id,
        name=body.name,
        started_at=_utc("started_at", body.started_at),
        ended_at=_utc("ended_at", body.ended_at),
        metadata=body.metadata,
    )
    made = await exchange.gateway.recordings.create(
        exchange.caller, wanted, exchange.intent("create-recording", "", body)
    )
    status = 200 if made.replayed else 201
    return answer(show_recording(made.value), status=status, headers=replayed(made.replayed))


async def page(exchange: Exchange) -> web.StreamResponse:
    """List recordings."""
    query = exchange.request.query
    status = query.get("status")
    if status is not None and status not in set(RecordingStatus):
        raise InvalidRequest(
            f"status must be one of {', '.join(RecordingStatus)}", details={"field": "status"}
        )
    which = RecordingFilter(
        device_id=query.get("device_id"),
        end_user_id=query.get("end_user_id"),
        status=None if status is None else RecordingStatus(status),
    )
    found, more = await exchange.gateway.recordings.page(
        exchange.caller,
        which,
        limit=exchange.number("limit", 25, least=1, most=100),
        offset=exchange.number("offset", 0, least=0, most=10**9 - 1),
    )
    return answer(RecordingPage(data=[show_recording(r) for r in found], has_more=more))


async def get(exchange: Exchange) -> web.StreamResponse:
    """Get a recording."""
    found = await exchange.gateway.recordings.find(exchange.caller, exchange.path("recording_id"))
    return answer(show_recording(found))


async def delete(exchange: Exchange) -> web.StreamResponse:
    """Delete a recording."""
    await exchange.gateway.recordings.delete(exchange.caller, exchange.path("recording_id"))
    return web.Response(status=204)


async def upload_url(exchange: Exchange) -> web.StreamResponse:
    """Say where a medium goes up."""
    body = await exchange.body(UploadUrlCreate)
    recording_id = exchange.path("recording_id")
    most = exchange.gateway.config.max_medium_bytes
    if body.file_size_bytes is not None and body.file_size_bytes > most:
        raise MediumTooLarge(f"this gateway takes media up to {most} bytes")
    wanted = Medium(
        id="",
        recording_id=recording_id,
        type=body.type,
        content_type=_content_type(body),
        created_at=_UNSET,
        file_size_bytes=body.file_size_bytes,
        declared_sha256=_declared(exchange.request.headers.get("X-Content-SHA256")),
        captured_at=_utc("captured_at", body.captured_at),
    )
    made, target, expires_at = await exchange.gateway.recordings.upload_url(
        exchange.caller,
        wanted,
        exchange.intent("upload-url", recording_id, body),
        base_url=exchange.base_url,
    )
    shown = UploadUrl(
        media_id=made.value.id,
        upload_url=target.url,
        expires_at=expires_at,
        headers={"Content-Type": made.value.content_type},
        upload_protocol=target.protocol,
    )
    return answer(shown, headers=replayed(made.replayed))


async def upload_complete(exchange: Exchange) -> web.StreamResponse:
    """Mark a recording as uploaded."""
    body = await exchange.body(UploadComplete)
    recording_id = exchange.path("recording_id")
    done = await exchange.gateway.recordings.complete(
        exchange.caller,
        recording_id,
        body.content_sha256,
        exchange.intent("upload-complete", recording_id, body),
    )
    return answer(show_recording(done))


async def download_url(exchange: Exchange) -> web.StreamResponse:
    """Say where a medium can be fetched."""
    body = await exchange.body(DownloadUrlCreate)
    medium, url, expires_at = await exchange.gateway.recordings.download_url(
        exchange.caller,
        exchange.path("recording_id"),
        body.media_id,
        base_url=exchange.base_url,
    )
    shown = DownloadUrl(
        media_id=medium.id,
        download_url=url,
        content_type=medium.content_type,
        file_size_bytes=medium.file_size_bytes or 0,
        expires_at=expires_at,
    )
    return answer(shown)


def _content_type(body: UploadUrlCreate) -> str:
    """Settle the content type; it must be of the kind that `type` says."""
    given = body.content_type or _DEFAULT_CONTENT_TYPE[body.type]
    if not _CONTENT_TYPE.fullmatch(given) or not given.startswith(f"{body.type}/"):
        raise InvalidRequest(
            f"content_type must be a type of {body.type}", details={"field": "content_type"}
        )
    return given


def _utc(name: str, at: datetime | None) -> datetime | None:
    """Turn to UTC, so that the first answer and every later one are the same."""
    try:
        return None if at is None else at.astimezone(UTC)
    except OverflowError:
        raise InvalidRequest(
            f"{name} is not within the years 1 to 9999 of UTC", details={"field": name}
        ) from None


def _declared(header: str | None) -> str | None:
    if header is None:
        return None
    if not _SHA256.fullmatch(header.lower()):
        raise InvalidRequest(
            "X-Content-SHA256 must be 64 hex digits", details={"field": "X-Content-SHA256"}
        )
    return header.lower()


_RECORDING = "/v1/recordings/{recording_id}"

ROUTES = (
    Route(
        method="POST",
        path="/v1/recordings",
        operation_id="createRecording",
        summary="Create a recording",
        run=create,
        scope=Scope.RECORDINGS_WRITE,
        body=RecordingCreate,
        example=example.RECORDING_CREATE,
        parameters=(IDEMPOTENCY_KEY,),
        answers=(
            Answer(status=201, means="Created.", body=RecordingView, example=example.RECORDING),
            Answer(
                status=200,
                means="Created before by the same request.",
                body=RecordingView,
                example=example.RECORDING,
                headers=REPLAYED,
            ),
        ),
        problems=(IdempotencyMismatch, RecordingDeleted),
    ),
    Route(
        method="GET",
        path="/v1/recordings",
        operation_id="listRecordings",
        summary="List recordings, newest first; a device sees its own",
        run=page,
        scope=Scope.RECORDINGS_READ,
        parameters=(
            Parameter(
                name="limit",
                place="query",
                means="How many at most.",
                schema={"type": "integer", "minimum": 1, "maximum": 100, "default": 25},
            ),
            Parameter(
                name="offset",
                place="query",
                means="How many to leave out.",
                schema={"type": "integer", "minimum": 0, "default": 0},
            ),
            Parameter(
                name="device_id", place="query", means="Of one device.", schema={"type": "string"}
            ),
            Parameter(
                name="end_user_id", place="query", means="Of one user.", schema={"type": "string"}
            ),
            Parameter(
                name="status",
                place="query",
                means="Of one status.",
                schema={"type": "string", "enum": list(RecordingStatus)},
            ),
        ),
        answers=(
            Answer(
                status=200,
                means="One page.",
                body=RecordingPage,
                example={"data": [example.RECORDING], "has_more": False},
            ),
        ),
    ),
    Route(
        method="GET",
        path=_RECORDING,
        operation_id="getRecording",
        summary="Get a recording with its media",
        run=get,
        scope=Scope.RECORDINGS_READ,
        answers=(
            Answer(
                status=200, means="The recording.", body=RecordingView, example=example.RECORDING
            ),
        ),
        problems=(NotFound,),
    ),
    Route(
        method="DELETE",
        path=_RECORDING,
        operation_id="deleteRecording",
        summary="Delete a recording and its objects",
        run=delete,
        admits=Admits.KEYS,
        scope=Scope.RECORDINGS_WRITE,
        answers=(Answer(status=204, means="Deleted."),),
        problems=(NotFound,),
    ),
    Route(
        method="POST",
        path=f"{_RECORDING}/upload-url",
        operation_id="createUploadUrl",
        summary="Get a URL to upload one medium to",
        run=upload_url,
        scope=Scope.RECORDINGS_WRITE,
        body=UploadUrlCreate,
        example=example.UPLOAD_URL_CREATE,
        parameters=(
            IDEMPOTENCY_KEY,
            Parameter(
                name="X-Content-SHA256",
                place="header",
                means="The medium's digest; what arrives is refused unless it has it.",
                schema={"type": "string", "pattern": "^[0-9a-fA-F]{64}$"},
            ),
        ),
        answers=(
            Answer(
                status=200,
                means="Where to PUT the medium; the same key gives the same medium.",
                body=UploadUrl,
                example=example.UPLOAD_URL,
                headers=REPLAYED,
            ),
        ),
        problems=(
            NotFound,
            AlreadyUploaded,
            RecordingDeleted,
            MediumTooLarge,
            IdempotencyMismatch,
            TooManySessions,
        ),
    ),
    Route(
        method="POST",
        path=f"{_RECORDING}/upload-complete",
        operation_id="completeUpload",
        summary="Mark a recording as uploaded, once every medium is whole",
        run=upload_complete,
        scope=Scope.RECORDINGS_WRITE,
        body=UploadComplete,
        example={"content_sha256": example.SHA256},
        parameters=(IDEMPOTENCY_KEY,),
        answers=(
            Answer(
                status=200,
                means="Uploaded and verified; the same request gives the same answer.",
                body=RecordingView,
                example=example.UPLOADED,
            ),
        ),
        problems=(NotFound, MediaPending, NoMediaUploaded, DigestConflict, IdempotencyMismatch),
    ),
    Route(
        method="POST",
        path=f"{_RECORDING}/download-url",
        operation_id="createDownloadUrl",
        summary="Get a URL to fetch one medium from",
        run=download_url,
        scope=Scope.RECORDINGS_READ,
        body=DownloadUrlCreate,
        example={"media_id": example.MEDIUM_ID},
        answers=(
            Answer(
                status=200,
                means="Where to GET the medium.",
                body=DownloadUrl,
                example=example.DOWNLOAD_URL,
            ),
        ),
        problems=(NotFound, MediaPending),
    ),
)
"""The table that the application and openapi.json are built from."""
