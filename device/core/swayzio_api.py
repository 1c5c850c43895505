"""The words of the Swayzio API: an upload intent for each audio file, then finalize. Pure.

Its page names errors by a word and does not show the body around it, so the word is looked for
wherever such bodies have one; the finalize union's own `status` counts as one too.
"""

import re
from datetime import timedelta
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

from device.core.admission import bare_type
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
from device.core.swayzio_names import file_name
from device.core.waveform import Sound
from device.errors import CloudConflict, CloudRejected, MediaMissing, NotTheCloud, TokenRefused
from device.model import Manifest, MediaKind, SealedMedium, Target

UPLOAD_ID, TRACK_ID = "swayzio_upload", "swayzio_track"
_ASSET_ID, _FINALIZE_URL = "swayzio_asset", "swayzio_finalize_url"
"""Keys of `Target.ref`: what an intent allocated."""

_ID = re.compile(r"[A-Za-z0-9._:-]{1,200}")
_METHOD = re.compile(r"[A-Z]{1,16}")
_DONE = frozenset({"finalized", "already_finalized"})
_MISMATCH = frozenset({"asset_mismatch", "upload_asset_mismatch"})
_ABSENT = re.compile(r"[a-z_]*(missing|not_found|not_uploaded)")
_CLIENT_ERRORS = range(400, 500)

_ELSEWHERE = {
    "use_track_versions_upload_route": "drafts go to POST /v1/tracks/:trackId/versions/uploads",
    "use_track_artwork_upload_route": "artwork goes to POST /v1/tracks/:trackId/artwork/uploads",
    "use_track_documents_upload_route": (
        "documents go to POST /v1/tracks/:trackId/documents/uploads"
    ),
}


def intent_body(medium: SealedMedium) -> dict[str, Any]:
    """Say what goes up."""
    return {
        "fileName": file_name(medium),
        "contentType": bare_type(medium),
        "byteSize": medium.size_bytes,
    }


def parse_target(
    answer: ApiAnswer, medium: SealedMedium, *, base_url: str, allow_http: bool
) -> Target:
    """Read where one file goes, and what the intent allocated.

    Raises:
        NotTheCloud: The answer has not the shape of an upload intent.
    """
    document = document_of(answer)
    headers, method = document.get("requiredHeaders"), document.get("method", "PUT")
    if not isinstance(headers, dict):
        raise NotTheCloud("the upload intent has no requiredHeaders")
    if not isinstance(method, str) or not _METHOD.fullmatch(method):
        raise NotTheCloud("the upload method in the answer cannot be used")
    finalize_url = document.get("finalizeUrl")
    return Target(
        url=checked_url(document.get("signedUrl"), base_url=base_url, allow_http=allow_http),
        method=method,
        headers=header_pairs(headers),
        expires_in_s=remaining_s(document.get("expiresAt"), server_time(answer.headers)),
        # The page has one way up: a PUT of the whole file, whatever the store might speak.
        protocol="single_put",
        ref={
            "media_id": str(medium.index),
            UPLOAD_ID: _id(document, "uploadId"),
            TRACK_ID: _id(document, "trackId"),
            _ASSET_ID: _id(document, "assetId"),
            _FINALIZE_URL: finalize_url if isinstance(finalize_url, str) else "",
        },
    )


def finalize_url(target: Target, *, base_url: str) -> str:
    """Return where an intent is finalized: where it said, if that is the API's own origin.

    The bearer goes along, so any other place gives way to the route that the page has.
    """
    stated = target.ref[_FINALIZE_URL]
    # What one parser takes for a path, another may take for a host: only what all read alike.
    plain_url = stated.isascii() and stated.isprintable() and not {" ", "\\"} & set(stated)
    own = _origin(base_url)
    if plain_url and own is not None and _origin(stated) == own:
        return stated
    return f"{base_url}/uploads/{quote(target.ref[UPLOAD_ID], safe='')}/finalize"


def finalize_body(manifest: Manifest, target: Target, sound: Sound | None) -> dict[str, Any]:
    """Say what the audio is. Whatever is not known is left out: Swayzio finds it out itself."""
    body: dict[str, Any] = {"assetId": target.ref[_ASSET_ID]}
    duration_ms = sound.duration_ms if sound is not None else _by_the_clock_ms(manifest)
    if duration_ms > 0:
        body["durationMs"] = duration_ms
    if sound is not None and sound.peaks:
        body["waveform"] = {
            "peaks": list(sound.peaks),
            "sampleRateHz": sound.rate_hz,
            "channels": sound.channels,
        }
    return body


def parse_finalized(answer: ApiAnswer, target: Target) -> str:
    """Return the track that now has the audio.

    Raises:
        NotTheCloud: The answer is not an acknowledgement of our upload.
        CloudError: It is one of the union's refusals.
    """
    document = document_of(answer)
    status = document.get("status")
    if not isinstance(status, str):
        raise NotTheCloud("the answer to the finalize call has no status")
    if status in _MISMATCH or status == "upload_intent_not_found":
        refuse_finalize(answer, target)
    if status not in _DONE:
        raise NotTheCloud("the answer to the finalize call is not an acknowledgement")
    for field, key in (("uploadId", UPLOAD_ID), ("trackId", TRACK_ID), ("assetId", _ASSET_ID)):
        stated = document.get(field)
        if stated is not None and stated != target.ref[key]:
            raise NotTheCloud(f"the answer to the finalize call has another {field}")
    return target.ref[TRACK_ID]


def refuse_intent(answer: ApiAnswer) -> NoReturn:
    """Raise what a refused upload intent means."""
    code, message = _stated_error(refusal_document(answer))
    if where := _ELSEWHERE.get(code):
        raise CloudRejected(
            f"{said(answer, doing='begin an upload', code=code)}: Fieldpost sends the original"
            f" audio of new tracks only, and Swayzio took it for something else ({where})"
        )
    _refuse_all(answer, doing="begin an upload", code=code, message=message)


def refuse_finalize(answer: ApiAnswer, target: Target) -> NoReturn:
    """Raise what a refused finalize means.

    Raises:
        MediaMissing: The intent is no more, or its bytes never arrived: all begins anew.
        CloudConflict: The asset is not the one of this intent.
    """
    doing = "finalize the upload"
    code, message = _stated_error(refusal_document(answer))
    sentence = said(answer, doing=doing, code=code, message=message)
    if code in _MISMATCH:
        raise CloudConflict(
            f"{sentence}: upload {target.ref[UPLOAD_ID]} has another asset than"
            f" {target.ref[_ASSET_ID]}, which Swayzio named for it"
        )
    absent = _ABSENT.fullmatch(code) is not None
    if absent and (answer.status in _CLIENT_ERRORS or answer.status == 200):  # noqa: PLR2004 - a union
        raise MediaMissing(sentence, refs=(target.ref["media_id"],))
    _refuse_all(answer, doing=doing, code=code, message=message)


def processing_words(answer: ApiAnswer) -> str:
    """Say how far the processing of a track is, if the answer can be read; for people."""
    return plain(refusal_document(answer).get("status")) or f"HTTP {answer.status}"


def _refuse_all(answer: ApiAnswer, *, doing: str, code: str, message: str) -> NoReturn:
    if code == "entitlement_required":
        raise TokenRefused(
            f"{said(answer, doing=doing, code=code, message=message)}: the account that the token"
            " stands for may not upload",
            hint="give the account an upload entitlement at Swayzio; recordings are kept meanwhile",
        )
    refuse_any(answer, doing=doing, code=code, message=message)


def _stated_error(document: dict[str, Any]) -> tuple[str, str]:
    error = document.get("error")
    inner = error if isinstance(error, dict) else document
    words = (inner.get("code"), error, document.get("status"))
    code = next((w for w in words if isinstance(w, str) and re.fullmatch(r"[a-z_]{1,80}", w)), "")
    message = plain(inner.get("message"))
    return code, message or ("" if code else plain(error))


def _id(document: dict[str, Any], field: str) -> str:
    stated = document.get(field)
    if not isinstance(stated, str) or not _ID.fullmatch(stated):
        raise NotTheCloud(f"the upload intent has no {field}")
    return stated


def _origin(url: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    except ValueError:
        return None
    if not parts.hostname or parts.username is not None or parts.password is not None:
        return None
    return parts.scheme, parts.hostname, port


def _by_the_clock_ms(manifest: Manifest) -> int:
    """Return how long the recorder recorded, if its clock can be trusted and it was one audio."""
    begun, ended = manifest.started_at, manifest.ended_at
    audio = [m for m in manifest.media if m.kind is MediaKind.AUDIO]
    if not manifest.times_trusted or begun is None or ended is None or len(audio) != 1:
        return 0
    return (ended - begun) // timedelta(milliseconds=1)
