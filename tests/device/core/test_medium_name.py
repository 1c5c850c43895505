"""What people call a medium."""

from datetime import UTC, datetime

import pytest

from device.core.acknowledged import receipt_of_each
from device.core.medium_name import all_called, called
from device.errors import MediaMissing
from device.model import MediaKind, Medium
from tests.fakes.uploads import manifest_of


def medium(name: str) -> Medium:
    return Medium(index=3, name=name, kind=MediaKind.AUDIO, content_type="audio/opus", size_bytes=1)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("morning.opus", "morning.opus"),
        (" a\x1b[31m.opus", "a [31m.opus"),
        ("a" * 300, "a" * 80),
        ("", "medium 3"),
        ("\x00", "medium 3"),
    ],
)
def test_a_medium_is_called_by_its_files_name(name: str, told: str) -> None:
    """Recorders choose names: what steers a terminal goes, and a number stands for none."""
    assert told == called(medium(name))


def test_several_are_named_in_order() -> None:
    """One sentence names them all."""
    assert "a.wav, b.wav" == all_called(map(medium, ("a.wav", "b.wav")))


def test_what_an_api_lacks_is_told_by_name() -> None:
    """The indexes are for the uploader, the names for people."""
    manifest = manifest_of(b"a", b"b", b"c")
    now = datetime(2026, 3, 1, tzinfo=UTC)

    with pytest.raises(MediaMissing) as caught:
        receipt_of_each(manifest, {"x.1": "r"}, cloud="x", lacking="X has not made", now=now)

    assert ("X has not made 0.opus, 2.jpg", ("0", "2")) == (
        str(caught.value),
        caught.value.refs,
    )
