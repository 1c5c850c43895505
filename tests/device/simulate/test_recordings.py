"""Made-up recordings are real files: other programs read them back."""

import hashlib
import io

import pytest
import soundfile
from PIL import Image

from device.model import MediaKind
from device.simulate.recordings import make_recordings


@pytest.fixture(scope="module")
def made():
    return make_recordings(2, seed=7, images=1, largest_bytes=60_000)


def test_audio_is_ogg_opus_that_decodes(made):
    """libsndfile decodes the audio, and it lasts as long as the recording."""
    recording = made[0]
    with soundfile.SoundFile(io.BytesIO(recording.media[0].content)) as sound:
        kind, length_s = (sound.format, sound.subtype), sound.frames / sound.samplerate

    assert kind == ("OGG", "OPUS")
    assert length_s == pytest.approx((recording.ended_at - recording.started_at).total_seconds())


def test_audio_has_the_asked_size(made):
    """The first recording's audio reaches the asked size."""
    assert len(made[0].media[0].content) >= 60_000


def test_pictures_tell_their_time_in_exif(made):
    """A picture's EXIF time, with its offset, is the medium's captured_at."""
    medium = made[0].media[1]
    with Image.open(io.BytesIO(medium.content)) as picture:
        picture.load()
        details = picture.getexif().get_ifd(0x8769)

    assert medium.kind is MediaKind.IMAGE
    assert details[0x9003] == medium.captured_at.strftime("%Y:%m:%d %H:%M:%S")
    assert details[0x9011] == "+00:00"


def test_the_same_seed_makes_the_same_recordings(made):
    """Ids, times and pictures come from the seed."""
    again = make_recordings(2, seed=7, images=1, largest_bytes=60_000)

    assert [(r.id, r.started_at, r.media[1].sha256) for r in made] == [
        (r.id, r.started_at, r.media[1].sha256) for r in again
    ]


def test_digests_are_of_the_content(made):
    """A medium's digest is the SHA-256 of its bytes."""
    medium = made[1].media[0]

    assert hashlib.sha256(medium.content).hexdigest() == medium.sha256
