"""Short audio files: WAV by hand, the rest by the decoder's own library."""

import io
import struct

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE_HZ = 48_000


def ramp(length_s: float, channels: int = 1) -> NDArray[np.float32]:
    """A tone that grows from silence to half of full scale."""
    t = np.arange(int(length_s * RATE_HZ)) / RATE_HZ
    tone = np.sin(2 * np.pi * 440 * t) * 0.5 * t / length_s
    return np.repeat(tone[:, None], channels, axis=1).astype(np.float32)


def encoded(kind: str, subtype: str, length_s: float = 2.0, channels: int = 1) -> bytes:
    file = io.BytesIO()
    samples = ramp(length_s, channels)
    with soundfile.SoundFile(file, "w", RATE_HZ, channels, format=kind, subtype=subtype) as sound:
        for start in range(0, len(samples), RATE_HZ):
            sound.write(samples[start : start + RATE_HZ])
    file.seek(0)
    return file.read()


def wav(
    length_s: float = 2.0,
    *,
    stated_bytes: int | None = None,
    before: bytes = b"",
    riff: bytes = b"RIFF",
) -> bytes:
    """Make 16-bit mono at 8 kHz; `before` stands between the format and the samples."""
    samples = bytes(int(length_s * 8000) * 2)
    size = len(samples) if stated_bytes is None else stated_bytes
    form = struct.pack("<HHIIHH", 1, 1, 8000, 16_000, 2, 16)
    chunks = b"fmt " + struct.pack("<I", 16) + form + before + b"data" + struct.pack("<I", size)
    return riff + struct.pack("<I", 0xFFFF_FFFF) + b"WAVE" + chunks + samples
