"""Content types: extension and bytes together."""

import pytest

from device.core.folder.content_types import content_type, kind_of, sniff
from device.model import MediaKind

HEADS = {
    "ogg": b"OggS\0\2",
    "wav": b"RIFF\x24\0\0\0WAVEfmt ",
    "flac": b"fLaC\0",
    "mp3": b"ID3\4",
    "m4a": b"\0\0\0\x20ftypM4A ",
    "mp4": b"\0\0\0\x20ftypisom",
    "jpeg": b"\xff\xd8\xff\xe1",
    "png": b"\x89PNG\r\n\x1a\n",
    "webm": b"\x1aE\xdf\xa3",
    "junk": b"\0\0\0\0",
}


@pytest.mark.parametrize(
    ("name", "head", "expected"),
    [
        ("a.opus", "ogg", "audio/opus"),
        ("a.ogg", "ogg", "audio/ogg"),
        ("a.WAV", "wav", "audio/wav"),
        ("a", "flac", "audio/flac"),
        ("a.mp3", "junk", "audio/mpeg"),
        ("a.m4a", "mp4", "audio/mp4"),
        ("a.mp4", "mp4", "video/mp4"),
        ("a.weba", "webm", "audio/webm"),
        ("a.jpg", "jpeg", "image/jpeg"),
        ("a.jpg", "png", "image/png"),
        ("a.wav", "ogg", "audio/ogg"),
        ("a.jpg", "junk", "image/jpeg"),
        ("notes.txt", "junk", None),
        ("wav", "junk", "audio/wav"),
    ],
)
def test_bytes_win_and_extensions_refine(name: str, head: str, expected: str | None):
    """Recognised bytes beat a wrong extension; a container is told apart by its extension."""
    assert expected == content_type(name, sniff(HEADS[head]))


def test_what_is_no_medium_has_no_kind():
    """Only audio, image and video go up."""
    assert kind_of("audio/ogg") is MediaKind.AUDIO
    assert kind_of("text/plain") is None
