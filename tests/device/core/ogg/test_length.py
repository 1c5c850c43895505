"""How long Ogg/Opus audio lasts, by its ends alone."""

import io

import numpy as np
import pytest
import soundfile

from device.core.ogg.length import ENDS_BYTES, length_ms


def opus(seconds: float) -> bytes:
    """What a recorder makes of a tone."""
    blob = io.BytesIO()
    tone = np.sin(np.arange(round(48_000 * seconds)) / 50) * 0.1
    soundfile.write(blob, tone, 48_000, format="OGG", subtype="OPUS")
    return blob.getvalue()


def ends(blob: bytes) -> tuple[bytes, bytes]:
    return blob[:ENDS_BYTES], blob[-ENDS_BYTES:]


@pytest.mark.parametrize("seconds", [0.5, 2.25, 40.0])
def test_the_length_is_that_of_the_sound(seconds):
    """To the millisecond, however long the file is."""
    assert seconds * 1000 == pytest.approx(length_ms(*ends(opus(seconds))), abs=1)


def test_a_file_that_is_cut_lasts_as_long_as_its_last_whole_page():
    """A recorder that lost its power leaves half a page."""
    blob = opus(10)

    assert 8000 < length_ms(*ends(blob[:-300])) < 10_000


@pytest.mark.parametrize(
    "blob",
    [b"", b"RIFF" + bytes(100), b"OggS", b"OggS" + bytes(300), opus(1)[:40], b"x" + opus(1)],
    ids=["nothing", "another format", "letters", "zeros", "cut", "shifted"],
)
def test_what_is_no_opus_has_no_length(blob):
    """Nobody is told a wrong one, and nothing fails."""
    assert None is length_ms(*ends(blob))


def test_a_capture_within_a_page_deceives_nobody():
    """The letters OggS may stand in audio, or behind the last page."""
    blob = opus(1)

    assert length_ms(*ends(blob)) == length_ms(*ends(blob + b"OggS and more"))
