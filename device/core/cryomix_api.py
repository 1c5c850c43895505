"""The words of the Cryo-Mix API: one signed URL for each audio file, and nothing after it. Pure."""

from typing import Any, NoReturn

from device.core.admission import bare_type
from device.core.api_words import checked_url, document_of, refusal_document
from device.core.api_words import refuse as refuse_any
from device.core.http_answer import ApiAnswer, plain
from device.errors import NotTheCloud
from device.model import EntryId, Evidence, SealedMedium, Target

FOLDER = "folder"
DEFAULT_LIFE_S = 600
"""How long a URL lives if nothing else is asked for."""

_EXTENSIONS = {
    "audio/wav": "wav",
    "audio/wave": "wav",
    "audio/x-wav": "wav",
    "audio/vnd.wave": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/aac": "aac",
    "audio/mp4": "m4a",
    "audio/x-m4a": "m4a",
    "audio/ogg": "ogg",
    "audio/opus": "opus",
    "audio/flac": "flac",
    "audio/x-flac": "flac",
    "audio/webm": "webm",
    "audio/aiff": "aiff",
    "audio/x-aiff": "aiff",
}


def session_id(entry: EntryId, medium: SealedMedium) -> str:
    """Return the file reference of a medium: the same whenever it is asked for."""
    return f"fp-{entry}-{medium.index}"


def object_name(entry: EntryId, medium: SealedMedium) -> str:
    """Return a name of ours with the right extension; the recorder's own is never used."""
    return f"{session_id(entry, medium)}.{_EXTENSIONS.get(bare_type(medium), 'bin')}"


def intent_body(name: str, medium: SealedMedium, *, life_s: int) -> dict[str, Any]:
    """Say what goes up; `life_s` 0 leaves the life of the URL to the API."""
    body: dict[str, Any] = {"object_names": [name], "content_type": medium.content_type}
    return {**body, "expiration_seconds": life_s} if life_s else body


def parse_target(  # noqa: PLR0913 - what was asked for, and what may be answered
    answer: ApiAnswer,
    name: str,
    medium: SealedMedium,
    *,
    life_s: int,
    base_url: str,
    allow_http: bool,
) -> Target:
    """Read where one file goes. The answer names no end of the URL's life: it is what was asked.

    Raises:
        NotTheCloud: The answer has not the shape of signed URLs, or none for our file.
    """
    document = document_of(answer)
    data = document.get("data")
    if document.get("status") != "success" or not isinstance(data, dict):
        raise NotTheCloud("the answer to the multi-upload call is no success of Cryo-Mix")
    folder, urls = data.get("upload_folder_name"), data.get("upload_object_names")
    if not isinstance(folder, str) or not folder or not isinstance(urls, dict):
        raise NotTheCloud("the answer to the multi-upload call names no folder or no files")
    return Target(
        url=checked_url(urls.get(name), base_url=base_url, allow_http=allow_http),
        headers=(("Content-Type", medium.content_type),),
        expires_in_s=float(life_s or DEFAULT_LIFE_S),
        ref={"media_id": str(medium.index), FOLDER: folder},
    )


def proves(evidence: Evidence, medium: SealedMedium) -> bool:
    """Tell whether the store itself named the digest of what it holds, and it is ours.

    Google states an MD5 with every plain upload; as an ETag it counts only where it is the same,
    because an ETag need not be one.
    """
    if evidence.md5 is not None:
        return evidence.md5 == medium.md5
    return evidence.etag is not None and evidence.etag.strip('"').lower() == medium.md5


def refuse(answer: ApiAnswer, *, doing: str) -> NoReturn:
    """Raise what an answer other than success means: `{message, status: "error", code}`."""
    message = plain(refusal_document(answer).get("message"))
    refuse_any(answer, doing=doing, message=message)
