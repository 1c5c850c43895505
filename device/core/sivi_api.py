"""The words of the Sivi API: a presigned URL for each image, then its media record. Pure.

Every answer is an envelope with a status of its own, which may be another than HTTP's: both are
read, and only two successes are one.
"""

import re
from dataclasses import replace
from typing import Any, NoReturn

from device.core.admission import api_word, bare_type
from device.core.api_words import checked_url, document_of, header_pairs, plain, refusal_document
from device.core.api_words import refuse as refuse_any
from device.core.http_answer import ApiAnswer
from device.errors import NotTheCloud
from device.model import SealedMedium, Target

UPLOAD_URL = "sivi_upload_url"
"""Key of `Target.ref`: the URL in Sivi's own spelling, which is what the record is made of."""

_FILE_NAME = "sivi_file_name"
_METHOD = re.compile(r"[A-Z]{1,16}")
_NAME = re.compile(r"[A-Za-z0-9._/-]{1,200}")
_ID_FIELDS = ("mediaId", "id", "_id", "fileName")
_TYPE = "photo"


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
    return Target(
        url=checked_url(stated, base_url=base_url, allow_http=allow_http),
        method=method,
        headers=header_pairs(headers),
        expires_in_s=_life_s(body.get("expiresIn")),
        # The page has one way up: a PUT of the whole file, whatever the store might speak.
        protocol="single_put",
        ref={
            "media_id": str(medium.index),
            UPLOAD_URL: str(stated),
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
    body = _opened(answer, doing="register an image")
    stated = [body.get(field) for field in _ID_FIELDS] if isinstance(body, dict) else []
    names = (*stated, target.ref.get(_FILE_NAME), f"medium-{target.ref['media_id']}")
    return next(n for n in names if isinstance(n, str) and _NAME.fullmatch(n))


def refuse(answer: ApiAnswer, *, doing: str) -> NoReturn:
    """Raise what an answer other than success means."""
    refuse_any(answer, doing=doing, message=_message(answer))


def _opened(answer: ApiAnswer, *, doing: str) -> Any:
    """Open the envelope of an answer whose HTTP status is a success."""
    document = document_of(answer)
    status = document.get("status")
    if not isinstance(status, int) or isinstance(status, bool):
        raise NotTheCloud(f"HTTP {answer.status} without the envelope of a Sivi answer")
    if not 200 <= status < 300:  # noqa: PLR2004 - success
        refuse(replace(answer, status=status), doing=doing)
    return document.get("body")


def _message(answer: ApiAnswer) -> str:
    document = refusal_document(answer)
    body = document.get("body")
    return plain(body.get("message") if isinstance(body, dict) else document.get("message"))


def _life_s(stated: object) -> float | None:
    if isinstance(stated, bool) or not isinstance(stated, int | float):
        return None
    # Neither a past nor an endless life is one that can be counted on.
    return float(stated) if 0 < stated <= 604_800 else None  # noqa: PLR2004 - a week, S3's most
