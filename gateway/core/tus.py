"""tus 1.0: what its request headers say, and when an upload URL ends."""

import re
from collections.abc import Mapping
from email.utils import formatdate

from gateway.core.brought import Append, Begin
from gateway.errors import InvalidRequest, LengthMismatch, MediaTypeRefused, VersionRefused

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration"
MEDIA_TYPE = "application/offset+octet-stream"

_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)


def check_version(headers: Mapping[str, str]) -> None:
    """Let a request pass that speaks our version.

    Raises:
        VersionRefused: It speaks another.
    """
    if headers.get("Tus-Resumable", "").strip() != VERSION:
        raise VersionRefused(f"Tus-Resumable must be {VERSION}", headers={"Tus-Version": VERSION})


def creation(headers: Mapping[str, str], content_length: int | None) -> Begin:
    """Say what a POST creates.

    Args:
        headers: Those of the request, found whatever their case.
        content_length: The body's announced size, None when it is sent without one.

    Raises:
        InvalidRequest: It does not say how large the upload is.
        LengthMismatch: Its body is larger than that.
        MediaTypeRefused: It has a body of another type.
        VersionRefused: It speaks another version.
    """
    check_version(headers)
    total = number(headers, "Upload-Length")
    if total is None:
        raise InvalidRequest("Upload-Length is needed", details={"field": "Upload-Length"})
    if content_length != 0:
        _check_type(headers)
    if content_length is not None and content_length > total:
        raise LengthMismatch("the body is larger than Upload-Length")
    return Begin(total=total, size_bytes=content_length)


def append(headers: Mapping[str, str], content_length: int | None) -> Append:
    """Say what a PATCH appends; arguments as in `creation`.

    Raises:
        InvalidRequest: It does not say at which offset.
        MediaTypeRefused, VersionRefused: As in `creation`.
    """
    check_version(headers)
    _check_type(headers)
    first = number(headers, "Upload-Offset")
    if first is None:
        raise InvalidRequest("Upload-Offset is needed", details={"field": "Upload-Offset"})
    return Append(first=first, size_bytes=content_length)


def number(headers: Mapping[str, str], name: str) -> int | None:
    """Read a header that is a whole number; None if absent.

    Raises:
        InvalidRequest: It is anything else.
    """
    text = headers.get(name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text.strip(" \t")):
        raise InvalidRequest(f"{name} must be a whole number", details={"field": name})
    return int(text)


def expires_header(expires_s: int) -> str:
    """Write Upload-Expires of Unix seconds, as RFC 9110 writes times."""
    return formatdate(expires_s, usegmt=True)


def _check_type(headers: Mapping[str, str]) -> None:
    if media_type(headers) != MEDIA_TYPE:
        raise MediaTypeRefused(f"bytes come as {MEDIA_TYPE}")


def media_type(headers: Mapping[str, str]) -> str:
    """Read the type of the body, without parameters; empty if absent."""
    return headers.get("Content-Type", "").partition(";")[0].strip().lower()
