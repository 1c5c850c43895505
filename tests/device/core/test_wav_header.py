"""The playing time of a WAV, from its header alone."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.wav_header import HEAD_BYTES, wav_duration_ms
from tests.fakes.sounds import wav

_NOTE = b"LIST" + struct.pack("<I", 5) + b"notes" + b"\0"


@pytest.mark.parametrize(
    "content",
    [
        wav(2.0),
        wav(2.0, before=_NOTE),
        wav(2.0, riff=b"RF64", stated_bytes=0xFFFF_FFFF),
        wav(2.0, stated_bytes=0),
        wav(2.0, stated_bytes=10_000_000),
    ],
    ids=["plain", "with a note", "RF64", "never finished", "cut off"],
)
def test_two_seconds(content: bytes) -> None:
    """Two seconds are two seconds, whatever a recorder could not correct any more."""
    assert 2000 == wav_duration_ms(content[:HEAD_BYTES], len(content))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"OggS" + bytes(100),
        wav()[:40],
        wav().replace(b"fmt ", b"nope"),
        wav()[:20] + bytes(16) + wav()[36:],
        wav(before=b"LIST" + struct.pack("<I", HEAD_BYTES)),
    ],
    ids=["empty", "Ogg", "only a format", "no format", "no rate", "too long a note"],
)
def test_what_does_not_tell(content: bytes) -> None:
    """Anything else has no playing time that could be read."""
    assert wav_duration_ms(content[:HEAD_BYTES], len(content)) is None


@given(st.binary(max_size=120), st.integers(0, 1 << 40))
def test_any_header(tail: bytes, size_bytes: int) -> None:
    """Any bytes give a time that is not negative, or none."""
    duration_ms = wav_duration_ms(b"RIFF\0\0\0\0WAVE" + tail, size_bytes)

    assert duration_ms is None or duration_ms >= 0
