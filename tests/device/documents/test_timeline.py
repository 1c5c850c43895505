"""Where in a recording its media belong, and how long it is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from device.documents.timeline import duration_ms, offset_ms, timeline_object
from device.model import (
    Entry,
    EntryId,
    MediaKind,
    Medium,
    MediumState,
    RecorderId,
    Recording,
    RecordingKey,
    State,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
IMAGE = Medium(index=1, name="a.jpg", kind=MediaKind.IMAGE, content_type="image/jpeg", size_bytes=9)
RECORDING = Recording(
    key=RecordingKey(recorder=RecorderId("native:1"), recording="r", generation=0),
    media=(IMAGE,),
    started_at=NOON,
)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("told_ms", "captured_at", "started_at", "offset"),
    [
        (1500, after(9), NOON, 1500),
        (None, after(9), NOON, 9000),
        (None, after(-1), NOON, None),
        (None, after(9), None, None),
        (None, None, NOON, None),
        (0, None, None, 0),
    ],
)
def test_the_recorder_s_own_offset_counts_first(told_ms, captured_at, started_at, offset):
    """Then the times of both; what came before the recording has no place in it."""
    medium = replace(IMAGE, t_offset_ms=told_ms, captured_at=captured_at)

    assert offset == offset_ms(replace(RECORDING, started_at=started_at), medium)


@pytest.mark.parametrize(
    ("ended_at", "audio_ms", "duration", "whence"),
    [
        (after(70), 65_000, 70_000, "recorder"),
        (after(-5), None, 0, "recorder"),
        (None, 65_000, 65_000, "audio"),
        (None, None, None, None),
    ],
)
def test_the_recorder_s_own_times_count_first(ended_at, audio_ms, duration, whence):
    """Then the audio; an end before the start is no length."""
    recording = replace(RECORDING, ended_at=ended_at)
    entry = Entry(
        id=EntryId("e"),
        recording=recording,
        state=State.SEALED,
        media=(MediumState(medium=IMAGE, file="0001.jpg"),),
        begun_at=NOON,
    )
    told = timeline_object(entry, audio_ms)

    assert (duration, whence) == (told["duration_ms"], told["duration_from"])
    assert [{"medium": 1, "type": "image", "offset_ms": None}] == told["marks"]
    assert duration_ms(replace(recording, started_at=None)) is None
