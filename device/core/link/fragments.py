"""Frames in GATT values: fragments with a sequence, and a CRC-32 per frame (PROTOCOL.md §14)."""

from collections.abc import Iterator
from zlib import crc32

from device.core.link.framing import CRC_BYTES, MAX_FRAME_BYTES
from device.core.link.messages import MIN_FRAME_BYTES

FIRST = 0x80
LAST = 0x40
SEQUENCE = 0x3F
"""The bits of a fragment's first byte."""

HEADER_BYTES = 1
ATT_HEADER_BYTES = 3
MIN_VALUE_BYTES = 20
"""What every Bluetooth LE connection carries: an ATT MTU of 23."""

_FULL_PDU_VALUE_BYTES = (495, 244)
"""Values that fill whole link-layer packets of 251 bytes, with L2CAP's and ATT's 7 bytes."""

_BEST_FRAME_BYTES = 2000
_MOST_FRAGMENTS = 16


def value_bytes(largest_bytes: int) -> int:
    """Return how long the values of a stream are, on a line that could carry `largest_bytes`.

    A value a little longer than a full packet costs a packet more: 514 bytes are 11 % slower
    than 495.
    """
    return next((size for size in _FULL_PDU_VALUE_BYTES if size <= largest_bytes), largest_bytes)


def frame_bytes(size_bytes: int) -> int:
    """Return the frame body that suits values of this size: it fills whole fragments.

    Longer frames would carry little more payload and cost more for each lost notification.
    """
    payload = size_bytes - HEADER_BYTES
    fragments = max(1, min(_MOST_FRAGMENTS, _BEST_FRAME_BYTES // payload))
    return max(MIN_FRAME_BYTES, fragments * payload - CRC_BYTES)


class Fragmenter:
    """Cuts the frames of one direction of one connection."""

    def __init__(self) -> None:
        self._sequence = 0

    def fragments(self, frame: bytes, size_bytes: int) -> Iterator[bytes]:
        """Yield the values that carry one frame body, each at most `size_bytes` long.

        Raises:
            ValueError: The body is empty or larger than `MAX_FRAME_BYTES`; an error of the caller.
        """
        if not 0 < len(frame) <= MAX_FRAME_BYTES:
            raise ValueError(f"a frame body has 1 to {MAX_FRAME_BYTES} bytes, not {len(frame)}")
        checked = frame + crc32(frame).to_bytes(CRC_BYTES, "little")
        room = size_bytes - HEADER_BYTES
        for start in range(0, len(checked), room):
            end = start + room
            flags = (0 if start else FIRST) | (LAST if end >= len(checked) else 0)
            header = flags | self._sequence
            self._sequence = (self._sequence + 1) & SEQUENCE
            yield bytes([header]) + checked[start:end]


class Reassembler:
    """Joins the fragments of one direction of one connection; never raises, memory is bounded."""

    def __init__(self) -> None:
        self._sequence = 0
        self._held = bytearray()
        self._open = False
        self._known_lost = False

    def feed(self, value: bytes) -> list[bytes]:
        """Take one value; return the frame it completes, if any.

        Returns:
            Frame bodies; `b""` stands once where something was lost, cut short or damaged.
        """
        if len(value) <= HEADER_BYTES:
            return self._drop()
        header = value[0]
        found: list[bytes] = []
        if header & SEQUENCE != self._sequence:
            found += self._drop()
        elif self._open if header & FIRST else not self._open:
            found += self._drop()  # an end is missing, or a beginning
        self._sequence = (header + 1) & SEQUENCE
        if header & FIRST:
            self._held.clear()
            self._open, self._known_lost = True, False
        if not self._open:
            return found
        self._held += value[HEADER_BYTES:]
        if len(self._held) > MAX_FRAME_BYTES + CRC_BYTES:
            return found + self._drop()
        return found + self._finish() if header & LAST else found

    def _finish(self) -> list[bytes]:
        checked = bytes(self._held)
        body, sum_bytes = checked[:-CRC_BYTES], checked[-CRC_BYTES:]
        if not body or crc32(body).to_bytes(CRC_BYTES, "little") != sum_bytes:
            return self._drop()
        self._held.clear()
        self._open = False
        return [body]

    def _drop(self) -> list[bytes]:
        """Give the frame up; one loss is told once, however many fragments it took."""
        self._held.clear()
        self._open = False
        if self._known_lost:
            return []
        self._known_lost = True
        return [b""]
