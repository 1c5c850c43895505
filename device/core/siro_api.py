"""The words of the Siro API: signed-urls for each audio file, then recordings upload. Pure.

From its pages on signed URLs (with a signed Content-Type and size range) and on recordings upload,
which demands `fileUrl`, `fileType` and one name of a user, and refuses fields it does not know.
"""

from datetime import UTC
from typing import Any, NoReturn

from device.core.admission import api_word
from device.core.api_words import (
    checked_url,
    document_of,
    header_pairs,
    refusal_document,
    remaining_s,
    said,
)
from device.core.api_words import refuse as refuse_any
from device.core.http_answer import ApiAnswer, plain, server_time
from device.errors import MediaMissing, NotTheCloud
from device.model import Manifest, SealedMedium, Target

FILE_URL = "file_url"
EXPIRES_AT = "expires_at"
_PERMANENT = frozenset({400, 404, 409, 410, 422})


def intent_body(medium: SealedMedium) -> dict[str, Any]:
    """Say what goes up."""
    return {"fileType": api_word("siro", medium), "fileSize": medium.size_bytes}


def parse_target(
    answer: ApiAnswer, medium: SealedMedium, *, base_url: str, allow_http: bool
) -> Target:
    """Read where one file goes. Its download URL is what the recording is made of later.

    Raises:
        NotTheCloud: The answer has not the shape of signed URLs.
    """
    data = _data(answer)
    headers, file_url = data.get("uploadHeaders"), data.get("downloadUrl")
    if not isinstance(headers, dict) or not isinstance(file_url, str) or not file_url:
        raise NotTheCloud("the answer to the signed-urls call lacks headers or a download URL")
    expires_at = data.get("expiresAt")
    return Target(
        url=checked_url(data.get("uploadUrl"), base_url=base_url, allow_http=allow_http),
        headers=header_pairs(headers),
        expires_in_s=remaining_s(expires_at, server_time(answer.headers)),
        ref={
            "media_id": str(medium.index),
            FILE_URL: file_url,
            EXPIRES_AT: expires_at if isinstance(expires_at, str) else "",
        },
    )


def registration_body(
    manifest: Manifest, medium: SealedMedium, target: Target, *, user: str
) -> dict[str, Any]:
    """Say what the recording is made of; the same every time.

    The title is our name for the medium, so that a recording can be found again at Siro.
    """
    body: dict[str, Any] = {
        "fileUrl": target.ref[FILE_URL],
        "fileType": api_word("siro", medium),
        "title": f"fp-{manifest.key.entry_id()}-{medium.index}",
        _user_field(user): user,
    }
    if manifest.started_at is not None and manifest.times_trusted:
        begun = manifest.started_at.astimezone(UTC).isoformat(timespec="milliseconds")
        body["dateCreated"] = begun.replace("+00:00", "Z")
    return body


def parse_registered(answer: ApiAnswer) -> str:
    """Return the id of the recording that Siro has made of a file.

    Raises:
        NotTheCloud: The answer names none: not an acknowledgement.
    """
    recording = _data(answer).get("id")
    if not isinstance(recording, str) or not recording:
        raise NotTheCloud("the answer to the recordings-upload call names no recording")
    return recording


def refuse(answer: ApiAnswer, *, doing: str) -> NoReturn:
    """Raise what an answer other than success means; the pages do not give its shape."""
    code, message = _stated_error(refusal_document(answer))
    refuse_any(answer, doing=doing, code=code, message=message)


def refuse_registration(answer: ApiAnswer, target: Target) -> NoReturn:
    """Raise what a refused recordings-upload call means.

    The URL that it names lives as briefly as the one for the upload, and a device may have been
    offline in between: then the file is sent again, to fresh URLs.
    """
    doing = "make a recording of the file"
    code, message = _stated_error(refusal_document(answer))
    if answer.status in _PERMANENT and (code or message) and _expired(answer, target):
        raise MediaMissing(
            said(answer, doing=doing, code=code, message=message),
            refs=(target.ref["media_id"],),
        )
    refuse_any(answer, doing=doing, code=code, message=message)


def _expired(answer: ApiAnswer, target: Target) -> bool:
    left_s = remaining_s(target.ref.get(EXPIRES_AT), server_time(answer.headers))
    return left_s is not None and left_s <= 0


def _data(answer: ApiAnswer) -> dict[str, Any]:
    data = document_of(answer).get("data")
    if not isinstance(data, dict):
        raise NotTheCloud(f"HTTP {answer.status} without the data that Siro answers")
    return data


def _user_field(user: str) -> str:
    if "@" in user:
        return "userEmail"
    return "userPhone" if user.startswith("+") else "userId"


def _stated_error(document: dict[str, Any]) -> tuple[str, str]:
    error = document.get("error")
    inner = error if isinstance(error, dict) else document
    code = plain(inner.get("code"))[:80]
    message = plain(inner.get("message")) or plain(error)
    return code, message
