"""Resumable uploads for HTTP (IETF draft, interop 6 to 8): what request headers say.

Fields that do not have their form count as absent, as structured fields do. What the versions
differ in (interim answers, problem types) is nothing that a request says.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Mapping

from gateway.core.brought import Append, Begin
from gateway.core.tus import media_type
from gateway.errors import InvalidRequest, LengthMismatch, MediaTypeRefused

MEDIA_TYPE = "application/partial-upload"

_INTEROP = "Upload-Draft-Interop-Version"
_SPOKEN = frozenset({"6", "7", "8"})
_NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)
_SHA256 = re.compile(r"(?:^|,)[ \t]*sha-256=:([A-Za-z0-9+/]{43}=):[ \t]*(?=,|$)", re.ASCII)


def completes(headers: Mapping[str, str]) -> bool | None:
    """Read Upload-Complete; None if absent."""
    return {"?1": True, "?0": False}.get(headers.get("Upload-Complete", "").strip(" \t"))


def creation(headers: Mapping[str, str], content_length: int | None) -> Begin:
    """Say what a POST or PUT with Upload-Complete creates.

    Args:
        headers: Those of the request, found whatever their case.
        content_length: The body's announced size, None when it is sent without one.

    Raises:
        InvalidRequest: It speaks another version, or does not say whether it completes.
        LengthMismatch: Upload-Length and the body's size disagree.
    """
    total = _total(headers, 0, content_length)
    return Begin(total=total, size_bytes=content_length, sha256=_stated_sha256(headers))


def append(headers: Mapping[str, str], content_length: int | None) -> Append:
    """Say what a PATCH appends; arguments as in `creation`.

    Raises:
        InvalidRequest: As in `creation`, or it does not say at which offset.
        LengthMismatch: As in `creation`.
        MediaTypeRefused: Its body has another type.
    """
    if media_type(headers) != MEDIA_TYPE:
        raise MediaTypeRefused(f"bytes come as {MEDIA_TYPE}")
    first = _number(headers, "Upload-Offset")
    if first is None:
        raise InvalidRequest("Upload-Offset is needed", details={"field": "Upload-Offset"})
    total = _total(headers, first, content_length)
    return Append(first=first, size_bytes=content_length, total=total)


def repr_digest(sha256: str) -> str:
    """Write Repr-Digest (RFC 9530) of a SHA-256 in hex."""
    return f"sha-256=:{b64encode(bytes.fromhex(sha256)).decode()}:"


def limits(max_bytes: int, life_s: int | None = None) -> str:
    """Write Upload-Limit; `life_s` is how long the upload URL still opens, where it is known."""
    age = "" if life_s is None else f", max-age={life_s}"
    return f"min-size=0, max-size={max_bytes}{age}"


def _total(headers: Mapping[str, str], first: int, content_length: int | None) -> int | None:
    """Say how large the upload is to be, by Upload-Length or by a body that completes it."""
    interop = headers.get(_INTEROP)
    if interop is not None and interop.strip(" \t") not in _SPOKEN:
        raise InvalidRequest(
            f"this gateway speaks the interop versions {', '.join(sorted(_SPOKEN))}",
            details={"field": _INTEROP},
        )
    last = completes(headers)
    if last is None:
        raise InvalidRequest("Upload-Complete is needed", details={"field": "Upload-Complete"})
    stated = _number(headers, "Upload-Length")
    if content_length is None:
        return stated
    end = first + content_length
    if stated is not None and (end > stated or (last and end < stated)):
        raise LengthMismatch(f"Upload-Length is {stated}, and the body ends at {end}")
    return end if last else stated


def _stated_sha256(headers: Mapping[str, str]) -> str | None:
    found = _SHA256.search(headers.get("Repr-Digest", ""))
    return b64decode(found[1]).hex() if found else None


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "").strip(" \t")
    return int(text) if _NUMBER.fullmatch(text) else None
