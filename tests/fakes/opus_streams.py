"""Ogg/Opus made packet by packet, so that a test knows each; and decoded by an independent decoder.

The packets are not written by device code: lacing and pages are laid out here by RFC 3533 alone,
and the checksum is counted bit by bit.
"""

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import soundfile
from numpy.typing import NDArray

FRAME = {120: 28, 240: 29, 480: 30, 960: 31, 1920: 10, 2880: 11}
"""Samples of a packet of one frame → the configuration number that says so."""


@dataclass(frozen=True, kw_only=True)
class Raw:
    """One page as it lies in a file, without judgement."""

    granule: int
    packets: tuple[bytes, ...] = ()
    flags: int = 0
    open: bool = False
    serial: int = 7
    sequence: int | None = None


def packet(samples: int = 960, size: int = 40, fill: int = 0) -> bytes:
    """Make a packet that says how long it is; what it holds is no sound."""
    return bytes([FRAME[samples] << 3]) + bytes([fill % 251]) * (size - 1)


def head(pre_skip: int = 312, channels: int = 1) -> bytes:
    return struct.pack("<8sBBHIhB", b"OpusHead", 1, channels, pre_skip, 48_000, 0, 0)


def tags(*comments: str, vendor: str = "a recorder", tail: bytes = b"") -> bytes:
    texts = [vendor.encode(), *(comment.encode() for comment in comments)]
    lengths = [struct.pack("<I", len(text)) + text for text in texts]
    return (
        b"OpusTags" + lengths[0] + struct.pack("<I", len(comments)) + b"".join(lengths[1:]) + tail
    )


def laid_out(pages: Sequence[Raw]) -> bytes:
    return b"".join(encoded(page, number) for number, page in enumerate(pages))


def encoded(page: Raw, number: int) -> bytes:
    lacing = b""
    for place, blob in enumerate(page.packets):
        lacing += b"\xff" * (len(blob) // 255)
        if not (page.open and place == len(page.packets) - 1):
            lacing += bytes([len(blob) % 255])
    sequence = number if page.sequence is None else page.sequence
    fields = (b"OggS", 0, page.flags, page.granule, page.serial, sequence, 0, len(lacing))
    blob = struct.pack("<4sBBqIIIB", *fields) + lacing + b"".join(page.packets)
    return blob[:22] + struct.pack("<I", crc(blob)) + blob[26:]


def _register(byte: int) -> int:
    """Shift one byte through the polynomial, bit by bit."""
    register = byte << 24
    for _ in range(8):
        register = (register << 1 ^ (0x04C11DB7 if register >> 31 else 0)) & 0xFFFF_FFFF
    return register


_REGISTERS = [_register(byte) for byte in range(256)]


def crc(blob: bytes) -> int:
    register = 0
    for byte in blob:
        register = (register << 8 & 0xFFFF_FFFF) ^ _REGISTERS[register >> 24 ^ byte]
    return register


def stream(
    pages: Sequence[Sequence[bytes]],
    lengths: Sequence[int],
    *,
    pre_skip: int = 312,
    trim: int = 0,
    base: int = 0,
) -> list[Raw]:
    """Lay packets on pages; `lengths` are the samples of each page."""
    raw = [
        Raw(granule=0, packets=(head(pre_skip),), flags=2),
        Raw(granule=0, packets=(tags(),)),
    ]
    granule = base
    for place, (packets, samples) in enumerate(zip(pages, lengths, strict=True)):
        granule += samples
        last = place == len(pages) - 1
        raw.append(
            Raw(
                granule=granule - trim if last else granule,
                packets=tuple(packets),
                flags=4 if last else 0,
            )
        )
    return raw


def sound(length_s: float, *, channels: int = 1, seed: int = 1) -> NDArray[np.float32]:
    """A wandering tone in noise, at 48 kHz."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(length_s * 48_000)) / 48_000
    tone = 0.3 * np.sin(2 * np.pi * (200 + 50 * np.sin(t)) * t) * (1 + np.sin(3 * t)) / 2
    mixed = tone + 0.05 * rng.standard_normal(len(t))
    return np.repeat(mixed[:, None], channels, axis=1).astype(np.float32)


def encoded_sound(
    length_s: float, *, channels: int = 1, level: float = 0.5, seed: int = 1
) -> bytes:
    """Encode by libsndfile; the level is from 0, the best, to 1, the smallest."""
    file = io.BytesIO()
    samples = sound(length_s, channels=channels, seed=seed)
    with soundfile.SoundFile(
        file, "w", 48_000, channels, format="OGG", subtype="OPUS", compression_level=level
    ) as writing:
        for start in range(0, len(samples), 48_000):
            writing.write(samples[start : start + 48_000])
    return file.getvalue()


def decoded(blob: bytes) -> NDArray[np.float32]:
    """Decode by libsndfile: shape (samples, channels)."""
    samples, rate = soundfile.read(io.BytesIO(blob), dtype="float32", always_2d=True)
    assert rate == 48_000
    return samples
