"""How long Ogg/Opus audio lasts, by its first and last pages alone (RFC 7845 §4)."""

from device.core.ogg.opus import RATE_HZ, read_head
from device.core.ogg.pages import NO_GRANULE, Page, PageReader
from device.errors import Uncuttable

ENDS_BYTES = 128 << 10
"""A page takes 65,307 bytes at the most: the last whole one lies within so much of the end."""
_CAPTURE = b"OggS"
_MS = 1000


def length_ms(head: bytes, tail: bytes) -> int | None:
    """Return the length; None where it is not Opus, or its end is no page's end.

    Args:
        head: The first `ENDS_BYTES` of the file, or all of it.
        tail: The last.
    """
    try:
        first = next(PageReader().feed(head), None)
        pre_skip = read_head(first.body).pre_skip if first is not None else 0
    except Uncuttable:
        return None
    if first is None:
        return None
    last = _last(tail, first.serial)
    if last is None:
        return None
    return max(0, last.granule - pre_skip) * _MS // RATE_HZ


def _last(tail: bytes, serial: int) -> Page | None:
    """Find the last page that reaches to the end and on which a packet ends."""
    at = tail.rfind(_CAPTURE)
    while at >= 0:
        try:
            for page in PageReader().feed(tail[at:]):
                if page.serial == serial and page.granule != NO_GRANULE:
                    return page
        except Uncuttable:
            pass  # the letters of a capture within a page's body
        at = tail.rfind(_CAPTURE, 0, at)
    return None
