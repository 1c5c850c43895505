"""From found files to a recording: order, times, and reasons why not."""

from datetime import UTC, datetime

import pytest

from device.core.folder.compose import FoundFile, compose_file, compose_folder
from device.core.folder.names import SIDECAR
from device.core.folder.sidecar import parse_sidecar
from device.model import MediaKind, RecorderId, Recording, Rejected

RECORDER = RecorderId("folder:/srv/recordings")
SEAL = "ab" * 32


def found(name: str, size_bytes: int = 10, sniffed: str | None = None) -> FoundFile:
    return FoundFile(
        name=name, size_bytes=size_bytes, mtime_ns=0, sha256="cd" * 32, sniffed=sniffed
    )


def folder(*files: FoundFile, sidecar: bytes = b"{}", name: str = "talk") -> Recording | Rejected:
    return compose_folder(RECORDER, name, parse_sidecar(sidecar), SEAL, {f.name: f for f in files})


def test_unlisted_media_come_audio_first_then_by_name():
    """The index is stable, and the first medium is what the cloud's digest is about."""
    made = folder(found("1.jpg"), found("b.opus"), found("0.png"), found("a.mp4"))

    assert isinstance(made, Recording)
    assert ["b.opus", "a.mp4", "0.png", "1.jpg"] == [m.name for m in made.media]
    assert [0, 1, 2, 3] == [m.index for m in made.media]


def test_listed_media_keep_their_order_and_their_words():
    """What recording.json says about a medium is believed, even for an unknown kind of file."""
    made = folder(
        found("1.jpg"),
        found("a.raw"),
        sidecar=b'{"media": [{"file": "1.jpg"}, {"file": "a.raw", "type": "audio"}]}',
    )

    assert isinstance(made, Recording)
    assert [("1.jpg", MediaKind.IMAGE, "image/jpeg")] == [
        (m.name, m.kind, m.content_type) for m in made.media[:1]
    ]
    assert (MediaKind.AUDIO, "application/octet-stream") == (
        made.media[1].kind,
        made.media[1].content_type,
    )


def test_an_image_knows_its_place_in_the_recording():
    """Where start and capture are both trusted, the offset is told; a guess gives none."""
    made = folder(
        found("a.opus"),
        found("20260301T120001.500Z.jpg"),
        sidecar=b'{"started_at": "2026-03-01T12:00:00Z"}',
    )

    assert isinstance(made, Recording)
    assert made.times_trusted
    assert [None, 1500] == [m.t_offset_ms for m in made.media]


def test_audio_does_not_begin_when_its_file_was_closed():
    """The mtime is its end: where the recording's begin is known, audio says no time of its own."""
    made = folder(
        found("a.opus"),
        found("20260301T120100.opus"),
        found("1.jpg"),
        sidecar=b'{"started_at": "2026-03-01T12:00:00Z"}',
    )

    assert isinstance(made, Recording)
    assert {
        "a.opus": None,
        "20260301T120100.opus": datetime(2026, 3, 1, 12, 1, tzinfo=UTC),
        "1.jpg": datetime(1970, 1, 1, tzinfo=UTC),
    } == {m.name: m.captured_at for m in made.media}


def test_audio_of_an_unknown_begin_keeps_its_mtime():
    """About when is better than nothing."""
    made = folder(found("a.opus"))

    assert isinstance(made, Recording)
    assert datetime(1970, 1, 1, tzinfo=UTC) == made.media[0].captured_at


def test_the_folder_name_is_the_start_where_nothing_else_says_it():
    """An ISO 8601 folder name gives started_at."""
    made = folder(found("a.opus"), name="20260301T120000Z")

    assert isinstance(made, Recording)
    assert datetime(2026, 3, 1, 12, tzinfo=UTC) == made.started_at
    assert made.times_trusted


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ([], "it is sealed but holds no medium"),
        ([found("a.opus"), found("1.jpg", 0)], "1.jpg is empty"),
        (
            [found("a.opus"), found("b\n.txt"), found("c.md")],
            "b%0A.txt (and 1 more) is neither audio, image nor video: list the media in " + SIDECAR,
        ),
    ],
)
def test_what_cannot_go_up_is_a_reason(files: list[FoundFile], reason: str):
    """A sealed folder with nothing, with emptiness or with unknown files is told, not dropped."""
    assert Rejected(recording="talk", reason=reason) == folder(*files)


def test_a_single_audio_file_is_a_recording():
    """Its name is its id, its time in the name its start."""
    made = compose_file(RECORDER, found("20260301T120000.wav"))

    assert isinstance(made, Recording)
    assert "20260301T120000.wav" == made.key.recording
    assert datetime(2026, 3, 1, 12, tzinfo=UTC) == made.started_at
    assert not made.times_trusted
    assert made.media[0].sha256 == "cd" * 32


@pytest.mark.parametrize("file", [found("a.jpg"), found("a.txt"), found("a.wav", 0)])
def test_a_single_file_that_is_no_audio_is_a_reason(file: FoundFile):
    """An image alone, an unknown file or an empty one is no recording."""
    assert isinstance(compose_file(RECORDER, file), Rejected)


def test_an_image_from_before_the_start_has_no_place():
    """Clocks that disagree give no negative offset."""
    made = folder(found("20260301T115959Z.jpg"), sidecar=b'{"started_at": "2026-03-01T12:00:00Z"}')

    assert isinstance(made, Recording)
    assert made.media[0].captured_at_trusted
    assert made.media[0].t_offset_ms is None
