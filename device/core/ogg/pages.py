"""Ogg pages (RFC 3533): reading them strictly, and writing them."""

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from device.errors import Uncuttable

_HEADER = struct.Struct("<4sBBqIIIB")
_CRC = slice(22, 26)
_CAPTURE = b"OggS"
_CONTINUED, _FIRST, _LAST = 1, 2, 4
_LACE = 255
MOST_LACES = 255
NO_GRANULE = -1
"""Granule position of a page on which no packet ends."""

_MIRRORED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page. `lacing` holds the lengths of its segments, `body` the segments themselves."""

    granule: int
    serial: int
    sequence: int
    lacing: bytes
    body: bytes
    continued: bool = False
    first: bool = False
    last: bool = False

    @property
    def size_bytes(self) -> int:
        """Bytes that it takes in a file."""
        return _HEADER.size + len(self.lacing) + len(self.body)

    @property
    def open(self) -> bool:
        """Whether its last packet goes on in the next page."""
        return self.lacing[-1:] == b"\xff"

    def encode(self) -> bytes:
        """Write it, with its checksum."""
        flags = _CONTINUED * self.continued | _FIRST * self.first | _LAST * self.last
        blob = bytearray(
            _HEADER.pack(
                _CAPTURE,
                0,
                flags,
                self.granule,
                self.serial,
                self.sequence,
                0,
                len(self.lacing),
            )
        )
        blob += self.lacing
        blob += self.body
        blob[_CRC] = checksum(blob).to_bytes(4, "little")
        return bytes(blob)

    def packets(self) -> list[bytes]:
        """Split it into packets and pieces of packets; the last is a piece if it is `open`."""
        found = []
        start = end = 0
        for lace in self.lacing:
            end += lace
            if lace < _LACE:
                found.append(self.body[start:end])
                start = end
        if self.open:
            found.append(self.body[start:])
        return found


class PageReader:
    """Reads pages of any chunking; whatever stands between pages is a refusal."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, content: bytes) -> Iterator[Page]:
        """Yield the pages that are whole by now.

        Raises:
            Uncuttable: What comes is no page, or a damaged one.
        """
        self._held += content
        start = 0
        while (page := self._page_at(start)) is not None:
            yield page
            start += page.size_bytes
        del self._held[:start]

    def close(self) -> None:
        """Say that nothing follows.

        Raises:
            Uncuttable: The file ends within a page.
        """
        if self._held:
            raise Uncuttable("its last Ogg page is cut off")

    def _page_at(self, start: int) -> Page | None:
        held = self._held
        known = bytes(held[start : start + len(_CAPTURE)])
        if known != _CAPTURE[: len(known)]:
            raise Uncuttable("it is not Ogg, or damaged between its pages")
        if len(held) - start < _HEADER.size:
            return None
        _, version, flags, granule, serial, sequence, crc, laces = _HEADER.unpack_from(held, start)
        if version or flags & ~(_CONTINUED | _FIRST | _LAST):
            raise Uncuttable("it is of an unknown version of Ogg")
        body_at = start + _HEADER.size + laces
        lacing = bytes(held[start + _HEADER.size : body_at])
        end = body_at + sum(lacing)
        if len(lacing) < laces or len(held) < end:
            return None
        whole = held[start:end]
        whole[_CRC] = bytes(4)
        if checksum(whole) != crc:
            raise Uncuttable("one of its Ogg pages is damaged")
        return Page(
            granule=granule,
            serial=serial,
            sequence=sequence,
            lacing=lacing,
            body=bytes(held[body_at:end]),
            continued=bool(flags & _CONTINUED),
            first=bool(flags & _FIRST),
            last=bool(flags & _LAST),
        )


def checksum(blob: bytes | bytearray) -> int:
    """Count Ogg's CRC-32: that of zlib with the bits mirrored, and nothing inverted."""
    mirrored = zlib.crc32(blob.translate(_MIRRORED), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_MIRRORED), "big")


def paginate(packets: Iterable[tuple[bytes, int]], *, serial: int, sequence: int) -> Iterator[Page]:
    """Lay packets on as few pages as take them, the last packet ending its page.

    Args:
        packets: Each with the granule position at its end.
        serial: Of the stream.
        sequence: Number of the first page.
    """
    blank = Page(granule=NO_GRANULE, serial=serial, sequence=sequence, lacing=b"", body=b"")
    page, lacing, body = blank, bytearray(), bytearray()
    for packet, end in packets:
        start, left = 0, len(packet)
        while left >= 0:
            if len(lacing) == MOST_LACES:
                yield replace(page, lacing=bytes(lacing), body=bytes(body))
                page = replace(blank, sequence=page.sequence + 1, continued=start > 0)
                lacing, body = bytearray(), bytearray()
            lace = min(left, _LACE)
            lacing.append(lace)
            body += packet[start : start + lace]
            start += lace
            left = left - lace if lace == _LACE else -1
        page = replace(page, granule=end)
    if lacing:
        yield replace(page, lacing=bytes(lacing), body=bytes(body))
