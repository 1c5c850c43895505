"""The moment a JPEG says it was taken: DateTimeOriginal with OffsetTimeOriginal (EXIF 2.31)."""

import re
import struct
from datetime import UTC, datetime

HEAD_BYTES = 131_072
"""EXIF sits in the first segments, each at most 64 KiB: more of a file need not be read."""

_EXIF_IFD = 0x8769
_TAKEN = 0x9003
_OFFSET = 0x9011
_SUBSECOND = 0x9291
_ASCII = 2
_LONG = 4
_INLINE_BYTES = 4
_MAX_ENTRIES = 512
_MAX_TEXT_BYTES = 64
_DATE = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)")
_ZONE = re.compile(r"[+-]\d\d:\d\d|Z")


def taken_at(head: bytes) -> datetime | None:
    """Read when a JPEG was taken, in UTC.

    Args:
        head: The file's first `HEAD_BYTES`, whatever it is; never trusted.

    Returns:
        None unless both the time and its offset are there and make sense.
    """
    tiff = _tiff(head)
    if tiff is None:
        return None
    try:
        return _moment(tiff)
    except (struct.error, ValueError, OverflowError):
        return None


def _tiff(jpeg: bytes) -> bytes | None:
    """Find the TIFF block in the segments before the image proper."""
    at = 2
    if not jpeg.startswith(b"\xff\xd8"):
        return None
    # 0xDA starts the image; no APP1 can follow.
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF and jpeg[at + 1] != 0xDA:  # noqa: PLR2004 - JPEG markers (ITU-T T.81 table B.1)
        size = int.from_bytes(jpeg[at + 2 : at + 4], "big")
        body = jpeg[at + 4 : at + 2 + size]
        if jpeg[at + 1] == 0xE1 and body.startswith(b"Exif\0\0"):  # noqa: PLR2004 - APP1
            return body[6:]
        at += 2 + max(size, 2)
    return None


def _moment(tiff: bytes) -> datetime | None:
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return None
    (first,) = struct.unpack_from(order + "I", tiff, 4)
    pointer = _directory(tiff, order, first).get(_EXIF_IFD)
    if not isinstance(pointer, int):
        return None
    tags = _directory(tiff, order, pointer)
    taken, zone, fraction = (tags.get(tag) for tag in (_TAKEN, _OFFSET, _SUBSECOND))
    if not (isinstance(taken, str) and isinstance(zone, str)):
        return None
    date = _DATE.fullmatch(taken)
    if date is None or _ZONE.fullmatch(zone) is None:
        return None
    digits = fraction if isinstance(fraction, str) and re.fullmatch(r"[0-9]+", fraction) else "0"
    text = f"{date[1]}-{date[2]}-{date[3]}T{date[4]}.{digits.ljust(6, '0')[:6]}{zone}"
    return datetime.fromisoformat(text).astimezone(UTC)


def _directory(tiff: bytes, order: str, at: int) -> dict[int, str | int]:
    """Read the text and pointer entries of one image file directory; everything else is skipped."""
    (count,) = struct.unpack_from(order + "H", tiff, at)
    entries: dict[int, str | int] = {}
    for index in range(min(count, _MAX_ENTRIES)):
        start = at + 2 + 12 * index
        tag, kind, length, value = struct.unpack_from(order + "HHII", tiff, start)
        if kind == _LONG and length == 1:
            entries[tag] = value
        elif kind == _ASCII and 0 < length <= _MAX_TEXT_BYTES:
            where = start + 8 if length <= _INLINE_BYTES else value
            raw = tiff[where : where + length]
            entries[tag] = raw.rstrip(b"\0 ").decode("ascii", "replace")
    return entries
