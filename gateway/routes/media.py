"""Routes of a recording's media: where they go up, whether all are there, where they come down."""

import re
from collections.abc import Sequence

from aiohttp import web

from gateway.bounds.rates import Counted
from gateway.errors import (
    AlreadyUploaded,
    DigestConflict,
    IdempotencyMismatch,
    InvalidRequest,
    MediaPending,
    MediumTooLarge,
    NoMediaUploaded,
    NotFound,
    QuotaReached,
    RecordingDeleted,
    StorageQuotaReached,
    TooManySessions,
)
from gateway.model import MediaType, Medium, Scope
from gateway.recordings import HandedOut
from gateway.routes import IDEMPOTENCY_KEY, REPLAYED, Answer, Parameter, Route
from gateway.routes import examples as example
from gateway.routes.bodies import (
    DownloadUrl,
    DownloadUrlCreate,
    RecordingView,
    UploadComplete,
    UploadUrl,
    UploadUrlCreate,
    UploadUrls,
    UploadUrlsCreate,
    show_recording,
)
from gateway.routes.exchange import Exchange, answer, replayed
from gateway.routes.times import UNSET, utc
from gateway.store import Asked

_DEFAULT_CONTENT_TYPE = {
    MediaType.AUDIO: "audio/opus",
    MediaType.IMAGE: "image/jpeg",
    MediaType.VIDEO: "video/mp4",
}
_CONTENT_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]{1,64}(; ?[a-z]+=[A-Za-z0-9.,+-]{1,40})?", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


async def upload_url(exchange: Exchange) -> web.StreamResponse:
    """Say where a medium goes up."""
    body = await exchange.body(UploadUrlCreate)
    asked = _asked(
        exchange,
        body,
        declared=_declared(exchange.request.headers.get("X-Content-SHA256")),
        key=exchange.request.headers.get("Idempotency-Key"),
    )
    [handed] = await _handed_out(exchange, [asked])
    return answer(_shown(handed), headers=replayed(handed.made.replayed))


async def upload_urls(exchange: Exchange) -> web.StreamResponse:
    """Say where several media go up."""
    body = await exchange.body(UploadUrlsCreate)
    keys = [item.idempotency_key for item in body.media if item.idempotency_key is not None]
    if len(set(keys)) < len(keys):
        raise InvalidRequest(
            "each idempotency_key may be there once", details={"field": "idempotency_key"}
        )
    asked = [
        _asked(
            exchange,
            item.alone(),
            declared=None if item.sha256 is None else item.sha256.lower(),
            key=item.idempotency_key,
        )
        for item in body.media
    ]
    handed = await _handed_out(exchange, asked)
    return answer(UploadUrls(media=[_shown(each) for each in handed]))


async def upload_complete(exchange: Exchange) -> web.StreamResponse:
    """Mark a recording as uploaded."""
    body = await exchange.body(UploadComplete)
    recording_id = exchange.path("recording_id")
    done = await exchange.gateway.recordings.complete(
        exchange.caller,
        recording_id,
        body.content_sha256,
        exchange.intent("upload-complete", recording_id, body),
        base_url=exchange.base_url,
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


def _asked(
    exchange: Exchange, body: UploadUrlCreate, *, declared: str | None, key: str | None
) -> Asked:
    """Check what is asked for one medium."""
    recording_id = exchange.path("recording_id")
    most = exchange.gateway.config.max_medium_bytes
    if body.file_size_bytes is not None and body.file_size_bytes > most:
        raise MediumTooLarge(f"this gateway takes media up to {most} bytes")
    wanted = Medium(
        id="",
        recording_id=recording_id,
        type=body.type,
        content_type=_content_type(body),
        created_at=UNSET,
        file_size_bytes=body.file_size_bytes,
        declared_sha256=declared,
        captured_at=utc("captured_at", body.captured_at),
    )
    # The same whichever route asks: what one of them made, the other gives again.
    # A recorder without a clock may have it reckoned otherwise the next time it is read.
    times = () if body.captured_at is None else ("captured_at",)
    intent = exchange.intent_of(key, "upload-url", recording_id, body, apart_from=times)
    return Asked(wanted, intent)


async def _handed_out(exchange: Exchange, asked: Sequence[Asked]) -> list[HandedOut]:
    return await exchange.gateway.recordings.upload_urls(
        exchange.caller, exchange.path("recording_id"), asked, base_url=exchange.base_url
    )


def _shown(handed: HandedOut) -> UploadUrl:
    return UploadUrl(
        media_id=handed.made.value.id,
        upload_url=handed.target.url,
        expires_at=handed.expires_at,
        headers=dict(handed.target.headers),
        upload_protocol=handed.target.protocol,
    )


def _content_type(body: UploadUrlCreate) -> str:
    """Settle the content type; it must be of the kind that `type` says."""
    given = body.content_type or _DEFAULT_CONTENT_TYPE[body.type]
    if not _CONTENT_TYPE.fullmatch(given) or not given.startswith(f"{body.type}/"):
        raise InvalidRequest(
            f"content_type must be a type of {body.type}", details={"field": "content_type"}
        )
    return given


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
        path=f"{_RECORDING}/upload-url",
        operation_id="createUploadUrl",
        summary="Get a URL to upload one medium to",
        run=upload_url,
        scope=Scope.RECORDINGS_WRITE,
        counted=Counted.UPLOAD_URLS,
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
            QuotaReached,
            StorageQuotaReached,
        ),
    ),
    Route(
        method="POST",
        path=f"{_RECORDING}/upload-urls",
        operation_id="createUploadUrls",
        summary="Get URLs to upload several media to, all or none",
        run=upload_urls,
        scope=Scope.RECORDINGS_WRITE,
        counted=Counted.UPLOAD_URLS,
        body=UploadUrlsCreate,
        example=example.UPLOAD_URLS_CREATE,
        answers=(
            Answer(
                status=200,
                means="Where to PUT each, in the same order; the same key gives the same medium.",
                body=UploadUrls,
                example={"media": [example.UPLOAD_URL]},
            ),
        ),
        problems=(
            NotFound,
            AlreadyUploaded,
            RecordingDeleted,
            MediumTooLarge,
            IdempotencyMismatch,
            TooManySessions,
            QuotaReached,
            StorageQuotaReached,
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
