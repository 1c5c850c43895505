"""Recordings as a field recorder makes them: real Ogg/Opus audio and JPEGs that show their time."""

import io
import random
from datetime import UTC, datetime, timedelta

from device.errors import UsageInvalid
from device.model import MediaKind
from device.simulate.holding import HeldMedium, HeldRecording

try:
    import numpy as np
    import soundfile  # type: ignore[import-untyped]  # the package ships no stubs
    from numpy.typing import NDArray
    from PIL import Image, ImageDraw
except ImportError as missing:
    raise UsageInvalid(
        f"made-up recordings need the demo extra ({missing.name} is not installed)",
        hint='pip install "fieldpost[demo]", or hand real files over with --from DIR',
    ) from missing

_SAMPLES_PER_S = 48_000
_CHANNELS = 2
_BLOCK_S = 5
_EPOCH = datetime(2026, 3, 1, 7, 30, tzinfo=UTC)
_PICTURE_SIZE = (1280, 960)
_EXIF_IFD, _MADE_AT, _MADE_AT_OFFSET = 0x8769, 0x9003, 0x9011


def make_recordings(
    count: int, *, seed: int = 0, images: int = 2, largest_bytes: int = 3_300_000
) -> tuple[HeldRecording, ...]:
    """Make `count` recordings; the first has at least `largest_bytes` of audio, the others less.

    The same seed gives the same ids, times and sounds; Ogg stream numbers are the encoder's own.
    """
    chance = random.Random(f"{seed} recordings")  # noqa: S311 - reproducible, not secret
    made = []
    for place in range(count):
        started_at = _EPOCH + timedelta(minutes=47 * place + chance.randrange(30))
        audio, length_s = _audio(largest_bytes // (1 + 3 * place), seed=chance.randrange(2**32))
        media = [
            HeldMedium(
                name="audio.opus",
                kind=MediaKind.AUDIO,
                content_type="audio/ogg",
                content=audio,
                captured_at=started_at,
                t_offset_ms=0,
            )
        ]
        for number in range(1, images + 1):
            offset_ms = int(length_s * 1000 * number / (images + 1))
            captured_at = started_at + timedelta(milliseconds=offset_ms)
            media.append(
                HeldMedium(
                    name=f"{number:04d}.jpg",
                    kind=MediaKind.IMAGE,
                    content_type="image/jpeg",
                    content=_picture(captured_at, seed=chance.randrange(2**32)),
                    captured_at=captured_at,
                    t_offset_ms=offset_ms,
                )
            )
        made.append(
            HeldRecording(
                id=chance.randbytes(16),
                generation=1,
                started_at=started_at,
                ended_at=started_at + timedelta(seconds=length_s),
                media=tuple(media),
            )
        )
    return tuple(made)


def _audio(at_least_bytes: int, *, seed: int) -> tuple[bytes, float]:
    """Encode talk-like sound until it is this large; return the Ogg file and its length in s."""
    rng = np.random.default_rng(seed)
    file = io.BytesIO()
    length_s = 0
    with soundfile.SoundFile(
        file,
        "w",
        _SAMPLES_PER_S,
        _CHANNELS,
        format="OGG",
        subtype="OPUS",
        compression_level=0.0,
    ) as sound:
        while file.tell() < at_least_bytes:
            sound.write(_talk(rng, length_s))
            length_s += _BLOCK_S
    return file.getvalue(), float(length_s)


def _talk(rng: np.random.Generator, from_s: int) -> NDArray[np.float32]:
    """Make a block of something between a voice and the wind: a wandering buzz, words, noise."""
    t = from_s + np.arange(_BLOCK_S * _SAMPLES_PER_S) / _SAMPLES_PER_S
    pitch = 140 + 30 * np.sin(2 * np.pi * 0.7 * t) + rng.uniform(-20, 20)
    phase = 2 * np.pi * np.cumsum(pitch) / _SAMPLES_PER_S
    voice = sum(np.sin(k * phase) / k for k in range(1, 6))
    words = np.clip(np.sin(2 * np.pi * 3.1 * t + rng.uniform(0, 6)), 0, 1)
    wind = rng.standard_normal((t.size, _CHANNELS)) * 0.12
    return np.asarray(0.25 * (voice * words)[:, None] + wind, dtype=np.float32)


def _picture(captured_at: datetime, *, seed: int) -> bytes:
    """Draw a JPEG that carries its time for people (drawn) and for programs (EXIF with offset)."""
    rng = np.random.default_rng(seed)
    width, height = _PICTURE_SIZE
    coarse = rng.integers(40, 216, (height // 40, width // 40, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize(_PICTURE_SIZE, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, height - 70, width, height), fill="black")
    draw.text(
        (20, height - 58), captured_at.isoformat(timespec="milliseconds"), "white", font_size=40
    )
    exif = Image.Exif()
    details = exif.get_ifd(_EXIF_IFD)
    details[_MADE_AT] = captured_at.strftime("%Y:%m:%d %H:%M:%S")
    details[_MADE_AT_OFFSET] = "+00:00"
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=88, exif=exif)
    return file.getvalue()
