"""The words of the Bota API: what a request says, and what an answer means. Tolerant, pure.

Unknown fields are ignored, because they may be added without a new version; the few fields that
later steps rest on are demanded, because a captive portal also answers 200.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

from device.core.api_words import (
    checked_url,
    document_of,
    header_pairs,
    refusal_document,
    remaining_s,
    said,
)
from device.core.api_words import refuse as refuse_any
from device.core.http_answer import ApiAnswer, asked_wait_s, plain, server_time
from device.core.uploads.order import digest_medium
from device.errors import CloudConflict, CloudUnwell, MediaMissing, NotTheCloud, OverQuota
from device.model import Manifest, SealedMedium, Target

_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
_ACKNOWLEDGED = frozenset({"uploaded", "processing", "completed", "stitching"})
_FAILED = frozenset({"failed", "integrity_failure"})
_CONFLICT = 409
_MOST_AT_ONCE = 1000
_TOKEN = re.compile(r"dtok_[!-~]{1,1019}")
_MISSING_CODES = frozenset({"media_pending", "no_media_uploaded"})
_QUOTAS = frozenset({(429, "quota_exceeded"), (507, "storage_quota_exceeded")})


def recording_body(
    manifest: Manifest, *, device_id: str = "", end_user_id: str = ""
) -> dict[str, Any]:
    """Say what is created. The same manifest always gives the same body: the key depends on it.

    With an API key (`sk_`, `rk_`) the device and the end user are named; a device token names
    them itself.
    """
    metadata = {str(k): str(v) for k, v in sorted(manifest.metadata.items())}
    metadata["fieldpost_ref"] = manifest.key.entry_id()
    if not manifest.times_trusted and (manifest.started_at or manifest.ended_at):
        metadata["fieldpost_times_trusted"] = "false"
    body: dict[str, Any] = {"metadata": metadata}
    if device_id:
        body["device_id"] = device_id
    if end_user_id:
        body["end_user_id"] = end_user_id
    if manifest.started_at is not None:
        body["started_at"] = _iso(manifest.started_at)
    if manifest.ended_at is not None:
        body["ended_at"] = _iso(manifest.ended_at)
    return body


def medium_body(medium: SealedMedium) -> dict[str, Any]:
    """Say which upload URL is wanted."""
    body: dict[str, Any] = {
        "type": medium.kind.value,
        "content_type": medium.content_type,
        "file_size_bytes": medium.size_bytes,
    }
    if medium.captured_at is not None:
        body["captured_at"] = _iso(medium.captured_at)
    return body


def media_body(media: Iterable[tuple[SealedMedium, str]]) -> dict[str, Any]:
    """Say which upload URLs are wanted, each medium with its Idempotency-Key. Our gateway's own."""
    return {
        "media": [
            {**medium_body(medium), "idempotency_key": key, "sha256": medium.sha256}
            for medium, key in media
        ]
    }


def completion_body(manifest: Manifest) -> dict[str, Any]:
    """Say that all is up. The digest alone: a size makes an exact replay answer 409."""
    return {"content_sha256": digest_medium(manifest).sha256}


def parse_token(answer: ApiAnswer) -> str:
    """Return the device token that was handed out.

    Raises:
        NotTheCloud: There is none.
    """
    token = document_of(answer).get("device_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise NotTheCloud("the answer holds no device token")
    return token


def parse_created(answer: ApiAnswer) -> str:
    """Return the id of the created (or found) recording."""
    document = document_of(answer)
    recording = document.get("id")
    if not isinstance(recording, str) or not _ID.fullmatch(recording):
        raise NotTheCloud("the answer to the create call names no recording")
    return recording


def parse_at_once(answer: ApiAnswer) -> int:
    """Return how many upload URLs the API hands out at once: 1 where it does not say."""
    stated = document_of(answer).get("batch_upload_url")
    return stated if isinstance(stated, int) and 1 < stated <= _MOST_AT_ONCE else 1


def parse_target(
    answer: ApiAnswer, medium: SealedMedium, *, base_url: str, allow_http: bool
) -> Target:
    """Read where one medium goes.

    `expires_in_s` is measured against the answer's own Date, so a wrong wall clock is harmless.
    """
    return _target(document_of(answer), answer, medium, base_url=base_url, allow_http=allow_http)


def parse_targets(
    answer: ApiAnswer, media: Sequence[SealedMedium], *, base_url: str, allow_http: bool
) -> list[Target]:
    """Read where several media go; see `parse_target`.

    Raises:
        NotTheCloud: It does not speak of just these.
    """
    listed = document_of(answer).get("media")
    if not isinstance(listed, list) or len(listed) != len(media):
        raise NotTheCloud("the answer does not name one upload URL for each medium")
    return [
        _target(
            document if isinstance(document, dict) else {},
            answer,
            medium,
            base_url=base_url,
            allow_http=allow_http,
        )
        for document, medium in zip(listed, media, strict=True)
    ]


def _target(
    document: Mapping[str, Any],
    answer: ApiAnswer,
    medium: SealedMedium,
    *,
    base_url: str,
    allow_http: bool,
) -> Target:
    stated = document.get("upload_url")
    media_id = document.get("media_id")
    protocol = document.get("upload_protocol")
    return Target(
        url=checked_url(stated, base_url=base_url, allow_http=allow_http),
        headers=_stated_headers(document, medium),
        expires_in_s=remaining_s(document.get("expires_at"), server_time(answer.headers)),
        protocol=protocol if isinstance(protocol, str) else None,
        ref={"media_id": media_id} if isinstance(media_id, str) else {},
    )


def parse_receipt(answer: ApiAnswer, *, recording: str, sha256: str) -> str | None:
    """Check the acknowledgement of upload-complete; return the digest that the cloud echoed.

    Raises:
        CloudConflict: It speaks of another recording, another digest, or a failed one.
        CloudUnwell: The recording is still pending: not an acknowledgement.
        NotTheCloud: The answer has not the shape of a recording.
    """
    document = document_of(answer)
    if document.get("id") != recording:
        raise NotTheCloud("the answer to the upload-complete call is not about our recording")
    status = document.get("status")
    if status in _FAILED:
        raise CloudConflict(f"the cloud says that the recording is {status}")
    if status not in _ACKNOWLEDGED:
        raise CloudUnwell("the cloud answered upload-complete and still calls it pending")
    echoed = document.get("content_sha256")
    if echoed is None:
        return None
    if not isinstance(echoed, str) or echoed.lower() != sha256:
        raise CloudConflict("the cloud holds another digest than the one we sealed")
    return sha256


def refuse(answer: ApiAnswer, *, doing: str) -> NoReturn:
    """Raise what an answer other than success means.

    Args:
        answer: The answer.
        doing: What was asked, for the sentence: "create the recording".
    """
    code, message, details = _error(answer)
    if answer.status == _CONFLICT and code in _MISSING_CODES:
        raise MediaMissing(
            said(answer, doing=doing, code=code, message=message), refs=_media_ids(details)
        )
    if (answer.status, code) in _QUOTAS:
        raise OverQuota(
            said(answer, doing=doing, code=code, message=message),
            retry_after_s=asked_wait_s(answer.status, answer.headers),
        )
    refuse_any(answer, doing=doing, code=code, message=message)


def _error(answer: ApiAnswer) -> tuple[str, str, object]:
    """Read any of the three error shapes, and RFC 9457's: code, sentence, details."""
    document = refusal_document(answer)
    error = document.get("error")
    if not isinstance(error, dict):
        return "", plain(document.get("detail")), None
    code = error.get("code") or error.get("type")
    return plain(code)[:80], plain(error.get("message")), error.get("details")


def _media_ids(details: object) -> tuple[str, ...]:
    listed = details.get("media_ids") if isinstance(details, dict) else None
    return tuple(m for m in listed if isinstance(m, str)) if isinstance(listed, list) else ()


def _stated_headers(
    document: Mapping[str, Any], medium: SealedMedium
) -> tuple[tuple[str, str], ...]:
    stated = document.get("headers")
    if not isinstance(stated, dict):
        content_type = document.get("content_type")
        known = content_type if isinstance(content_type, str) else medium.content_type
        stated = {"Content-Type": known}
    return header_pairs(stated)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
