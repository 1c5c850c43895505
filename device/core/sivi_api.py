"""The words of the Sivi API: a presigned URL for each image, then its media record. Pure.

Every answer is an envelope with a status of its own, which may be another than HTTP's: both are
read, and only two successes are one.
"""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any, NoReturn

from device.core.admission import api_word, bare_type
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
from device.model import SealedMedium, Target

UPLOAD_URL = "sivi_upload_url"
"""Key of `Target.ref`: the URL in Sivi's own spelling, which is what the record is made of."""

_FILE_NAME, _EXPIRES_AT = "sivi_file_name", "sivi_expires_at"
_PERMANENT = frozenset({400, 404, 409, 410, 422})
_METHOD = re.compile(r"[A-Z]{1,16}")
_NAME = re.compile(r"[A-Za-z0-9._/-]{1,200}")
_ID_FIELDS = ("mediaId", "id", "_id", "fileName")
_TYPE = "photo"
_REGISTER = "register an image"


def intent_body(medium: SealedMedium, *, life_s: int) -> dict[str, Any]:
    """Say which upload URL is wanted; `life_s` 0 leaves its life to Sivi."""
    body: dict[str, Any] = {
        "type": _TYPE,
        "extension": api_word("sivi", medium),
        "contentType": bare_type(medium),
    }
    return {**body, "expiresIn": life_s} if life_s else body


def registration_body(target: Target) -> dict[str, Any]:
    """Say of which upload a media record is made; the same every time."""
    return {"type": _TYPE, "uploadUrl": target.ref[UPLOAD_URL]}


def parse_target(
    answer: ApiAnswer, medium: SealedMedium, *, base_url: str, allow_http: bool
) -> Target:
    """Read where one image goes, and by which method.

    Raises:
        NotTheCloud: The answer has not the shape of a presigned URL.
        CloudError: The envelope tells a refusal.
    """
    body = _opened(answer, doing="get an upload URL")
    if not isinstance(body, dict):
        raise NotTheCloud("the envelope of the answer holds no upload URL")
    stated, headers = body.get("uploadUrl"), body.get("headers")
    method, name = body.get("method", "PUT"), body.get("fileName")
    if not isinstance(method, str) or not _METHOD.fullmatch(method):
        raise NotTheCloud("the upload method in the answer cannot be used")
    if not isinstance(headers, dict):
        headers = {"Content-Type": bare_type(medium)}
    life_s = _life_s(body.get("expiresIn"))
    return Target(
        url=checked_url(stated, base_url=base_url, allow_http=allow_http),
        method=method,
        headers=header_pairs(headers),
        expires_in_s=life_s,
        # The page has one way up: a PUT of the whole file, whatever the store might speak.
        protocol="single_put",
        ref={
            "media_id": str(medium.index),
            UPLOAD_URL: str(stated),
            _EXPIRES_AT: _end(answer, life_s),
            _FILE_NAME: name if isinstance(name, str) and _NAME.fullmatch(name) else "",
        },
    )


def parse_registered(answer: ApiAnswer, target: Target) -> str:
    """Return Sivi's name for the media record; the file's, where the answer tells no other.

    The page does not show what this call answers: a success in the envelope is what is demanded.

    Raises:
        NotTheCloud: It is not Sivi's envelope.
        CloudError: The envelope tells a refusal.
    """
    body = _opened(answer, doing=_REGISTER, target=target)
    stated = [body.get(field) for field in _ID_FIELDS] if isinstance(body, dict) else []
    names = (*stated, target.ref.get(_FILE_NAME), f"medium-{target.ref['media_id']}")
    return next(n for n in names if isinstance(n, str) and _NAME.fullmatch(n))


def _refuse(answer: ApiAnswer, *, doing: str, target: Target | None) -> NoReturn:
    """Raise what an answer other than success means.

    A record is made of an upload URL. A device may have been offline until that was dead: then
    the image is sent again, to a fresh one.
    """
    message = _message(answer)
    end = target.ref.get(_EXPIRES_AT) if target is not None else None
    left_s = remaining_s(end, server_time(answer.headers))
    late = left_s is not None and left_s <= 0
    if target is not None and late and message and answer.status in _PERMANENT:
        sentence = said(answer, doing=doing, message=message)
        raise MediaMissing(sentence, refs=(target.ref["media_id"],))
    refuse_any(answer, doing=doing, message=message)


def _opened(answer: ApiAnswer, *, doing: str, target: Target | None = None) -> Any:
    """Open the envelope: the status of HTTP must be a success, and then the envelope's too."""
    if not _success(answer.status):
        _refuse(answer, doing=doing, target=target)
    document = document_of(answer)
    status = document.get("status")
    if not isinstance(status, int) or isinstance(status, bool):
        raise NotTheCloud(f"HTTP {answer.status} without the envelope of a Sivi answer")
    if not _success(status):
        _refuse(replace(answer, status=status), doing=doing, target=target)
    return document.get("body")


def _success(status: int) -> bool:
    return 200 <= status < 300  # noqa: PLR2004 - 2xx


def _message(answer: ApiAnswer) -> str:
    document = refusal_document(answer)
    body = document.get("body")
    return plain(body.get("message") if isinstance(body, dict) else document.get("message"))


def _life_s(stated: object) -> float | None:
    if isinstance(stated, bool) or not isinstance(stated, int | float):
        return None
    # Neither a past nor an endless life is one that can be counted on.
    return float(stated) if 0 < stated <= 604_800 else None  # noqa: PLR2004 - a week, S3's most


def _end(answer: ApiAnswer, life_s: float | None) -> str:
    """Say when the URL dies, by the server's own clock; empty where nobody can tell."""
    now = server_time(answer.headers)
    if now is None or life_s is None:
        return ""
    try:
        return (now + timedelta(seconds=life_s)).isoformat()
    except OverflowError:
        return ""
