"""The XML of S3 that this gateway reads: lists of objects, of uploads, of parts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gateway.errors import StorageFailed, Unavailable

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


_MARKERS = {"key-marker": "NextKeyMarker", "upload-id-marker": "NextUploadIdMarker"}


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key of the bucket."""

    key: str
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class ListedUpload:
    """A multipart upload that has not been completed."""

    key: str
    upload_id: str
    initiated_at: datetime


@dataclass(frozen=True, slots=True)
class ListedPart:
    """A part that is up."""

    number: int
    etag: str
    size_bytes: int


def upload_id(body: bytes) -> str:
    """Read the id of an upload that was begun."""
    return _text(_root(body), "UploadId")


def keys(body: bytes) -> list[ListedKey]:
    """Read ListObjectsV2."""
    return [
        ListedKey(_text(each, "Key"), _moment(_text(each, "LastModified")))
        for each in _all(_root(body), "Contents")
    ]


def uploads(body: bytes) -> list[ListedUpload]:
    """Read ListMultipartUploads."""
    return [
        ListedUpload(_text(each, "Key"), _text(each, "UploadId"), _moment(_text(each, "Initiated")))
        for each in _all(_root(body), "Upload")
    ]


def after_uploads(body: bytes) -> dict[str, str]:
    """Read with which query ListMultipartUploads goes on; empty at its end.

    Not every store has both markers.
    """
    root = _root(body)
    if not any(each.text == "true" for each in _all(root, "IsTruncated")):
        return {}
    return {
        asked: each.text
        for asked, told in _MARKERS.items()
        for each in _all(root, told)
        if each.text
    }


def check_copied(body: bytes) -> None:
    """Read CopyObject, which says OK before it knows."""
    if body:
        _root(body)


def parts(body: bytes) -> list[ListedPart]:
    """Read ListParts."""
    return [
        ListedPart(_number(each, "PartNumber"), _text(each, "ETag"), _number(each, "Size"))
        for each in _all(_root(body), "Part")
    ]


def _root(body: bytes) -> "Element":
    # The store is the operator's own, and expat itself refuses entities that explode.
    from xml.etree.ElementTree import ParseError, fromstring  # noqa: PLC0415 - see above

    try:
        root = fromstring(body)  # noqa: S314 - see above
    except ParseError as error:
        raise StorageFailed("the object store answers what is not XML") from error
    if root.tag.rpartition("}")[2] == "Error":
        raise Unavailable("the object store failed after saying OK")
    return root


def _all(element: "Element", name: str) -> Iterator["Element"]:
    return (child for child in element if child.tag.rpartition("}")[2] == name)


def _text(element: "Element", name: str) -> str:
    for child in _all(element, name):
        return child.text or ""
    raise StorageFailed(f"the object store answers without {name}")


def _number(element: "Element", name: str) -> int:
    text = _text(element, name)
    if not (text.isascii() and text.isdigit()):
        raise StorageFailed(f"the object store answers with a {name} that is no number")
    return int(text)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise StorageFailed("the object store answers with a time that is none") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
