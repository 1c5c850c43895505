"""What an Opus packet and the two headers of Ogg/Opus say (RFC 6716 §3, RFC 7845 §5)."""

import struct
from dataclasses import dataclass

from device.errors import Uncuttable

RATE_HZ = 48_000
"""Granule positions count samples at this rate, whatever the audio was recorded at."""

_SILK = (480, 960, 1920, 2880)
_HYBRID = (480, 960)
_CELT = (120, 240, 480, 960)
_FIRST_HYBRID, _FIRST_CELT = 12, 16
_MOST_SAMPLES = 5760
_COUNTED = 3
_HEAD = struct.Struct("<8sBBHIhB")
_PRE_SKIP = slice(10, 12)
_MAGIC_HEAD, _MAGIC_TAGS = b"OpusHead", b"OpusTags"
_MOST_COMMENTS = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The identification header; `blob` is all of it."""

    blob: bytes
    pre_skip: int

    def skipping(self, pre_skip: int) -> bytes:
        """Write it with another pre-skip."""
        blob = bytearray(self.blob)
        blob[_PRE_SKIP] = pre_skip.to_bytes(2, "little")
        return bytes(blob)


def packet_samples(packet: bytes) -> int:
    """Count the samples at 48 kHz that a packet decodes to, by its first two bytes.

    Raises:
        Uncuttable: No decoder would take it.
    """
    if not packet:
        raise Uncuttable("it holds an empty packet")
    config, code = packet[0] >> 3, packet[0] & 3
    if config < _FIRST_HYBRID:
        frame = _SILK[config % 4]
    elif config < _FIRST_CELT:
        frame = _HYBRID[config % 2]
    else:
        frame = _CELT[config % 4]
    if code == _COUNTED:
        if len(packet) < 2:  # noqa: PLR2004 - the count is the second byte
            raise Uncuttable("it holds a packet that is cut off")
        frames = packet[1] & 0x3F
    else:
        frames = 1 if code == 0 else 2
    if not 0 < frames * frame <= _MOST_SAMPLES:
        raise Uncuttable("it holds a packet of an impossible length")
    return frames * frame


def read_head(packet: bytes) -> Head:
    """Read the first packet of a stream.

    Raises:
        Uncuttable: It is not Opus, or of a version that is not known.
    """
    if len(packet) < _HEAD.size or packet[:8] != _MAGIC_HEAD:
        raise Uncuttable("it is Ogg, but not Opus")
    _, version, channels, pre_skip, *_ = _HEAD.unpack_from(packet)
    if version >> 4 or not channels:
        raise Uncuttable("it is of an unknown version of Opus in Ogg")
    return Head(blob=packet, pre_skip=pre_skip)


def add_comments(tags: bytes, comments: tuple[str, ...]) -> bytes:
    """Add comments to the second packet of a stream; what follows the comments stays.

    Raises:
        Uncuttable: It is not what RFC 7845 §5.2 describes.
    """
    if tags[:8] != _MAGIC_TAGS:
        raise Uncuttable("its second packet holds no Opus tags")
    count_at = _after(tags, 8)
    count = _number(tags, count_at)
    if count > _MOST_COMMENTS:
        raise Uncuttable("its Opus tags are damaged")
    end = count_at + 4
    for _ in range(count):
        end = _after(tags, end)
    added = b"".join(
        struct.pack("<I", len(blob)) + blob for blob in (text.encode() for text in comments)
    )
    total = struct.pack("<I", count + len(comments))
    return tags[:count_at] + total + tags[count_at + 4 : end] + added + tags[end:]


def _after(tags: bytes, at: int) -> int:
    """Give where a text ends whose length stands at `at`."""
    end = at + 4 + _number(tags, at)
    if end > len(tags):
        raise Uncuttable("its Opus tags are damaged")
    return end


def _number(tags: bytes, at: int) -> int:
    if at + 4 > len(tags):
        raise Uncuttable("its Opus tags are damaged")
    return int.from_bytes(tags[at : at + 4], "little")
