"""Catalog: a recorder's listing becomes recordings, whatever nonsense stands in it."""

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from device.core.link.catalog import Start, raw_key, recording_of, safe_label, sort_items
from device.core.link.listing import (
    Holding,
    Kind,
    MediumItem,
    RecordingItem,
    Timebase,
    encode_item,
    items_digest,
)
from device.model import RecorderId, Recording, Rejected

RECORDER = RecorderId("native:1")
AUDIO = MediumItem(
    index=0, kind=Kind.AUDIO, content_type="audio/ogg", size_bytes=3, sha256=sha256(b"abc").digest()
)
START = Start(boot=b"boot0001", at=datetime(2026, 3, 1, 9, tzinfo=UTC))


def listed(*media: MediumItem, **fields) -> tuple[RecordingItem, list[bytes]]:
    encoded = [encode_item(medium) for medium in media]
    item = RecordingItem(
        **{
            "recording": b"R" * 16,
            "generation": 1,
            "state": Holding.COMPLETE,
            "media": len(media),
            "size_bytes": sum(medium.size_bytes for medium in media),
            "manifest": items_digest(encoded),
            "timebase": Timebase.UTC,
            **fields,
        }
    )
    return item, encoded


def made(*media: MediumItem, start: Start | None = START, **fields) -> Recording | Rejected:
    item, encoded = listed(*media, **fields)
    return recording_of(item, encoded, RECORDER, start)


def test_up_time_becomes_utc_within_the_same_boot():
    """Times since start-up are placed by when this start-up began; they are not trusted."""
    recording = made(
        replace(AUDIO, captured_ms=61_000),
        timebase=Timebase.UPTIME,
        boot=b"boot0001",
        started_ms=60_000,
    )

    assert datetime(2026, 3, 1, 9, 1, tzinfo=UTC) == recording.started_at
    assert datetime(2026, 3, 1, 9, 1, 1, tzinfo=UTC) == recording.media[0].captured_at
    assert not recording.times_trusted


@pytest.mark.parametrize(
    ("fields", "start"),
    [
        ({"timebase": Timebase.UPTIME, "boot": b"boot0000"}, START),
        ({"timebase": Timebase.UPTIME, "boot": b"boot0001"}, None),
        ({"timebase": 77}, START),
        ({"timebase": Timebase.UTC, "started_ms": 2**63}, START),
        ({"timebase": Timebase.UTC, "started_ms": 5}, START),
    ],
)
def test_a_time_that_means_nothing_is_none(fields, start):
    """Another boot, an unknown timebase, an absurd year: no time, and still a recording."""
    recording = made(AUDIO, start=start, **{"started_ms": 60_000, **fields})

    assert isinstance(recording, Recording)
    assert recording.started_at is None


@pytest.mark.parametrize("offset_ms", [2**62, -(2**41)])
def test_an_offset_out_of_the_calendar_is_no_time(offset_ms):
    """An image placed beyond every calendar keeps its offset and has no moment."""
    recording = made(replace(AUDIO, t_offset_ms=offset_ms), started_ms=1_772_355_600_000)

    assert recording.media[0].captured_at is None
    assert offset_ms == recording.media[0].t_offset_ms


def test_an_offset_places_a_medium():
    """Without a time of its own a medium's moment is start plus offset."""
    recording = made(replace(AUDIO, t_offset_ms=1_500), started_ms=1_772_355_600_000)

    assert 1.5 == (recording.media[0].captured_at - recording.started_at).total_seconds()


def test_a_strange_content_type_is_octets():
    """What is no media type is not passed on to a cloud as a header."""
    recording = made(replace(AUDIO, content_type="audio/ogg\r\nX: y"))

    assert recording.media[0].content_type == "application/octet-stream"


def test_metadata_is_made_printable():
    """Keys become safe labels, values lose control characters, nameless keys go."""
    recording = made(AUDIO, metadata={"si/te": "Gl\x1ben", "..": "x"})

    assert dict(recording.metadata) == {"si_te": "Glen"}


@pytest.mark.parametrize("name", ["../../x", "a/b\\c", "C:\\x", "\x1b[31mred", ".hidden"])
def test_a_label_is_never_a_path(name):
    """No separator, control character or leading dot survives."""
    label = safe_label(name)

    assert not set(label) & set("/\\:\x1b")
    assert not label.startswith(".")


def test_an_unreadable_item_is_told():
    """Garbage among the items is rejected by its place; a good one beside it is kept."""
    item, _ = listed(AUDIO)
    kept, rejected = sort_items([b"\xff\xff", encode_item(item)])

    assert (item,) == kept
    assert len(rejected) == 1
    assert raw_key(b"\xff\xff") == "an unreadable item"


def test_an_item_listed_twice_is_rejected_by_its_id():
    """The same bytes twice are one fault, named by the recording's id."""
    item, _ = listed(AUDIO)
    kept, rejected = sort_items([encode_item(item)] * 2)

    assert "listed more than once" in rejected[0].reason
    assert rejected[0].recording == "52" * 16
    assert len(kept) <= 1


@pytest.mark.parametrize(
    ("media", "fields", "reason"),
    [
        ((), {}, "no media"),
        ((replace(AUDIO, index=1),), {}, "not numbered"),
        ((replace(AUDIO, kind=200),), {}, "nobody has defined"),
        ((replace(AUDIO, size_bytes=2**60),), {}, "not possible"),
        ((AUDIO,), {"size_bytes": 4}, "do not add up"),
        ((AUDIO,), {"manifest": b"\0" * 32}, "manifest does not have the digest"),
    ],
)
def test_a_contradiction_is_a_rejection(media, fields, reason):
    """What does not add up is refused with the reason, and nothing is raised."""
    found = made(*media, **fields)

    assert isinstance(found, Rejected)
    assert reason in found.reason
