"""The words of the Bota API: what a request says, and what an answer means. Tolerant, pure.

Unknown fields are ignored, because they may be added without a new version; the few fields that
later steps rest on are demanded, because a captive portal also answers 200.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn
from urllib.parse import urljoin, urlsplit

from device.core.http_answer import ApiAnswer, asked_wait_s, looks_like_html, server_time
from device.core.uploads.order import digest_medium
from device.errors import (
    CloudConflict,
    CloudRejected,
    CloudThrottled,
    CloudUnreachable,
    CloudUnwell,
    MediaMissing,
    NotTheCloud,
    TokenRefused,
)
from device.model import Manifest, SealedMedium, Target

_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ACKNOWLEDGED = frozenset({"uploaded", "processing", "completed", "stitching"})
_FAILED = frozenset({"failed", "integrity_failure"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_MISSING_CODES = frozenset({"media_pending", "no_media_uploaded"})


def recording_body(manifest: Manifest) -> dict[str, Any]:
    """Say what is created. The same manifest always gives the same body: the key depends on it."""
    metadata = {str(k): str(v) for k, v in sorted(manifest.metadata.items())}
    metadata["fieldpost_ref"] = manifest.key.entry_id()
    if not manifest.times_trusted and (manifest.started_at or manifest.ended_at):
        metadata["fieldpost_times_trusted"] = "false"
    body: dict[str, Any] = {"metadata": metadata}
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


def completion_body(manifest: Manifest) -> dict[str, Any]:
    """Say that all is up. The digest alone: a size makes an exact replay answer 409."""
    return {"content_sha256": digest_medium(manifest).sha256}


def parse_created(answer: ApiAnswer) -> str:
    """Return the id of the created (or found) recording."""
    document = _document(answer)
    recording = document.get("id")
    if not isinstance(recording, str) or not _ID.fullmatch(recording):
        raise NotTheCloud("the answer to the create call names no recording")
    return recording


def parse_target(
    answer: ApiAnswer, medium: SealedMedium, *, base_url: str, allow_http: bool
) -> Target:
    """Read where one medium goes.

    `expires_in_s` is measured against the answer's own Date, so a wrong wall clock is harmless.
    """
    document = _document(answer)
    stated = document.get("upload_url")
    if not isinstance(stated, str):
        raise NotTheCloud("the answer to the upload-url call has no URL")
    media_id = document.get("media_id")
    protocol = document.get("upload_protocol")
    return Target(
        url=_checked_url(stated, base_url=base_url, allow_http=allow_http),
        headers=_stated_headers(document, medium),
        expires_in_s=_remaining_s(document.get("expires_at"), server_time(answer.headers)),
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
    document = _document(answer)
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
    status = answer.status
    code, message, details = _error(answer)
    said = f"cannot {doing}: HTTP {status}" + (f" {code}" if code else "")
    said += f": {message}" if message else ""
    wait_s = asked_wait_s(status, answer.headers)
    html = looks_like_html(answer.headers, answer.body)
    match status:
        case 429:
            raise CloudThrottled(said, retry_after_s=wait_s)
        case 511:
            raise NotTheCloud(said)
        case _ if status >= 500 or status == 425:  # noqa: PLR2004 - server errors, Too Early
            raise CloudUnwell(said, retry_after_s=wait_s)
        case _ if html or status < 400 or status == 407:  # noqa: PLR2004 - redirects, proxies
            raise NotTheCloud(f"{said}: this is not an answer of the API")
        case 401 | 403:
            raise TokenRefused(said)
        case 408:
            raise CloudUnreachable(said)
        case _ if not (code or message):
            # A reverse proxy whose backend is away says 404 too; no recording is to blame for it.
            raise NotTheCloud(f"{said}: this is not an answer of the API")
        case 409 if code in _MISSING_CODES:
            raise MediaMissing(said, refs=_media_ids(details))
        case 409:
            raise CloudConflict(said)
        case _:
            raise CloudRejected(said)


def _document(answer: ApiAnswer) -> dict[str, Any]:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise NotTheCloud(f"HTTP {answer.status} with a body that is not the API's JSON")
    return document


def _error(answer: ApiAnswer) -> tuple[str, str, object]:
    """Read any of the three error shapes, and RFC 9457's: code, sentence, details."""
    try:
        document = _document(answer)
    except NotTheCloud:
        return "", "", None
    error = document.get("error")
    if not isinstance(error, dict):
        return "", _plain(document.get("detail")), None
    code = error.get("code") or error.get("type")
    return _plain(code)[:80], _plain(error.get("message")), error.get("details")


def _media_ids(details: object) -> tuple[str, ...]:
    listed = details.get("media_ids") if isinstance(details, dict) else None
    return tuple(m for m in listed if isinstance(m, str)) if isinstance(listed, list) else ()


def _checked_url(stated: str, *, base_url: str, allow_http: bool) -> str:
    try:
        url = urljoin(base_url, stated)
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise NotTheCloud("the upload URL cannot be read") from error
    if _CONTROL.search(stated) or " " in stated or not host:
        raise NotTheCloud("the upload URL cannot be read")
    if parts.scheme == "https" or (parts.scheme == "http" and (allow_http or host in _LOOPBACK)):
        return url
    raise NotTheCloud("the upload URL is not https", hint="set allow_http if that is intended")


def _stated_headers(
    document: Mapping[str, Any], medium: SealedMedium
) -> tuple[tuple[str, str], ...]:
    stated = document.get("headers")
    if not isinstance(stated, dict):
        content_type = document.get("content_type")
        known = content_type if isinstance(content_type, str) else medium.content_type
        stated = {"Content-Type": known}
    for name, value in stated.items():
        if not isinstance(value, str) or not _HEADER_NAME.fullmatch(name) or _CONTROL.search(value):
            raise NotTheCloud("the upload headers cannot be sent")
    return tuple(stated.items())


def _remaining_s(expires_at: object, now: datetime | None) -> float | None:
    if now is None or not isinstance(expires_at, str):
        return None
    try:
        until = datetime.fromisoformat(expires_at)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return (until - now).total_seconds()


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(text: object) -> str:
    if not isinstance(text, str):
        return ""
    return "".join(c if c.isprintable() else " " for c in text[:200])
