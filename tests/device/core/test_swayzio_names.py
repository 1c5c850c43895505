"""What Swayzio is told that a file is called."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.swayzio_names import check_names, file_name
from device.errors import CloudRejected
from tests.fakes.uploads import manifest_of

MANIFEST = manifest_of(b"audio", types=("audio/ogg",))
(AUDIO,) = MANIFEST.media


@pytest.mark.parametrize(
    ("name", "content_type", "told"),
    [
        ("night drive.opus", "audio/ogg; codecs=opus", "night drive.opus"),
        ("NIGHT.WAV", "audio/wav", "NIGHT.WAV"),
        ("night.bin", "audio/mpeg", "night.mp3"),
        ("night", "audio/flac", "night.flac"),
        (".wav", "audio/wav", "wav.wav"),
        ("1 March 10.30 talk", "audio/wav", "1 March 10.30 talk.wav"),
        ("../../etc/passwd", "audio/wav", "etcpasswd.wav"),
        ("\x00\n", "audio/wav", "medium-0.wav"),
        ("", "audio/mp4", "medium-0.m4a"),
        ("a" * 500 + ".wav", "audio/wav", "a" * 120 + ".wav"),
    ],
)
def test_file_names(name: str, content_type: str, told: str) -> None:
    """The recorder's name goes along, with an extension that its content type goes with."""
    medium = replace(AUDIO, name=name, content_type=content_type)

    assert told == file_name(medium)


@given(st.text(max_size=300))
def test_any_name(name: str) -> None:
    """Whatever a recorder calls its audio, the name that is told is a plain one."""
    told = file_name(replace(AUDIO, name=name, content_type="audio/wav"))
    stem, _, extension = told.rpartition(".")

    assert stem
    assert told.isprintable()
    assert extension.lower() in {"wav", "wave"}
    assert not {"/", "\\"} & set(told)


@pytest.mark.parametrize("content_type", ["audio/x-odd", "", "audio/\x1b[2J"])
def test_a_type_without_an_extension(content_type: str) -> None:
    """Audio that no extension goes with is refused, in a sentence that can be printed."""
    odd = replace(MANIFEST, media=(replace(AUDIO, content_type=content_type),))

    with pytest.raises(CloudRejected) as caught:
        check_names(odd)
    assert str(caught.value).isprintable()
