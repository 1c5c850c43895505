"""Serial framing: COBS with a CRC-32 per frame, so damage is seen at once (PROTOCOL.md §3)."""

from zlib import crc32

from cobs import cobs  # type: ignore[import-untyped]  # the package ships no stubs

DELIMITER = b"\0"
CRC_BYTES = 4
MAX_FRAME_BYTES = 4096
"""Largest frame body that a serial link carries, and so the most a decoder holds."""

CONTROL = 0x01
"""First byte of a control frame; every other type is carried without a leading delimiter."""


def encoded_bound(frame_bytes: int) -> int:
    """Return the most bytes a frame body of this size takes on the wire, with delimiters."""
    body = frame_bytes + CRC_BYTES
    return body + body // 254 + 1 + 2 * len(DELIMITER)


def encode(frame: bytes) -> bytes:
    """Put one frame body on the wire form: COBS(body + CRC-32) and the delimiter.

    A control frame also gets a delimiter in front, so that noise on an idle line, or a data frame
    that lost its end, cannot swallow it.

    Raises:
        ValueError: The body is empty or larger than `MAX_FRAME_BYTES`; an error of the caller.
    """
    if not 0 < len(frame) <= MAX_FRAME_BYTES:
        raise ValueError(f"a frame body has 1 to {MAX_FRAME_BYTES} bytes, not {len(frame)}")
    coded: bytes = cobs.encode(frame + crc32(frame).to_bytes(CRC_BYTES, "little")) + DELIMITER
    return DELIMITER + coded if frame[0] == CONTROL else coded


class FrameDecoder:
    """Turns any chunking of the wire into frame bodies; never raises, memory is bounded."""

    def __init__(self, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self._max_coded_bytes = encoded_bound(max_frame_bytes)
        self._max_frame_bytes = max_frame_bytes
        self._tail = b""
        self._skipping = False

    def feed(self, received: bytes) -> list[bytes]:
        """Take bytes from the line; return the frames they complete, oldest first.

        Returns:
            Frame bodies; `b""` stands where something damaged (or too long) arrived instead.
        """
        first, *rest = received.split(DELIMITER)
        if not rest:
            return self._hold(self._tail + first)
        if self._skipping:
            self._skipping = False
        else:
            rest.insert(0, self._tail + first)
        self._tail = b""
        tail = rest.pop()
        return [self._body(coded) for coded in rest if coded] + self._hold(tail)

    def _hold(self, tail: bytes) -> list[bytes]:
        """Keep the unfinished end, unless no frame can be that long."""
        if self._skipping:
            return []
        if len(tail) <= self._max_coded_bytes:
            self._tail = tail
            return []
        self._tail = b""
        self._skipping = True
        return [b""]

    def _body(self, coded: bytes) -> bytes:
        if len(coded) > self._max_coded_bytes:
            return b""
        try:
            checked = cobs.decode(coded)
        except cobs.DecodeError:
            return b""
        body, sum_bytes = checked[:-CRC_BYTES], checked[-CRC_BYTES:]
        if not 0 < len(body) <= self._max_frame_bytes:
            return b""
        return body if crc32(body).to_bytes(CRC_BYTES, "little") == sum_bytes else b""
