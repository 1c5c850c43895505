"""What each API takes, before anything is sent."""

from dataclasses import replace

import pytest

from device.core.admission import admit, api_word
from device.errors import CloudRejected
from device.model import Manifest, MediaKind
from tests.fakes.uploads import manifest_of

AUDIO_AND_IMAGE = manifest_of(b"audio", b"image")


def _with(kind: MediaKind, content_type: str, size_bytes: int = 5) -> Manifest:
    (medium,) = manifest_of(b"bytes").media
    medium = replace(medium, kind=kind, content_type=content_type, size_bytes=size_bytes)
    return replace(AUDIO_AND_IMAGE, media=(medium,))


@pytest.mark.parametrize(
    ("api", "kind", "content_type", "size_bytes"),
    [
        ("bota", MediaKind.VIDEO, "video/mp4", 0),
        ("siro", MediaKind.AUDIO, "audio/mpeg", 1),
        ("siro", MediaKind.AUDIO, "Audio/X-WAV; rate=16000", 10**12),
        ("sivi", MediaKind.IMAGE, "image/png", 0),
        ("cryomix", MediaKind.AUDIO, "audio/anything", 0),
        ("swayzio", MediaKind.AUDIO, "audio/wav", 500_000_000),
        ("of-a-third-party", MediaKind.VIDEO, "video/mp4", 0),
    ],
)
def test_what_is_taken(api: str, kind: MediaKind, content_type: str, size_bytes: int) -> None:
    """Kinds, types and sizes that an API's page has a place for pass."""
    admit(api, _with(kind, content_type, size_bytes))


@pytest.mark.parametrize(
    ("api", "kind", "content_type", "size_bytes", "sentence"),
    [
        ("siro", MediaKind.VIDEO, "video/mp4", 5, "siro takes no video"),
        ("siro", MediaKind.AUDIO, "audio/opus", 5, "siro takes aac, mp3, wav; 0.opus is"),
        ("siro", MediaKind.AUDIO, "audio/wav", 0, "siro takes no empty files"),
        ("sivi", MediaKind.AUDIO, "audio/wav", 5, "sivi takes no audio"),
        ("swayzio", MediaKind.AUDIO, "audio/wav", 500_000_001, "swayzio takes at most 500 MB"),
    ],
)
def test_what_is_refused(
    api: str, kind: MediaKind, content_type: str, size_bytes: int, sentence: str
) -> None:
    """The sentence names the API, what it takes, and what it was given."""
    with pytest.raises(CloudRejected) as caught:
        admit(api, _with(kind, content_type, size_bytes))

    assert str(caught.value).startswith(sentence)


def test_images_have_a_way_out() -> None:
    """Where images are refused, the table that would take them is named."""
    with pytest.raises(CloudRejected) as caught:
        admit("siro", _with(MediaKind.IMAGE, "image/jpeg"))

    assert "give them a cloud of their own: [cloud.images]" in str(caught.value)


def test_the_word_of_the_api() -> None:
    """Several names of one content type have one word at the API."""
    (medium,) = _with(MediaKind.AUDIO, "audio/vnd.wave").media

    assert "wav" == api_word("siro", medium)
    assert api_word("cryomix", medium) is None
