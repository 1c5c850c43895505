"""What a rescued recording says of itself, and what of it is believed."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core import exported as exports
from device.errors import SpoolDamaged, SpoolTooNew
from device.model import (
    Entry,
    MediaKind,
    Medium,
    MediumState,
    RecorderId,
    Recording,
    RecordingKey,
    State,
)

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SHA = "ab" * 32


def entry(name: str = "one", label: str = "x") -> Entry:
    key = RecordingKey(recorder=RecorderId("native:AM-07"), recording=name, generation=1)
    medium = Medium(
        index=0,
        name=label,
        kind=MediaKind.AUDIO,
        content_type="audio/opus",
        size_bytes=5,
        sha256=SHA,
        captured_at=NOON,
        captured_at_trusted=True,
        t_offset_ms=7,
    )
    return Entry(
        id=key.entry_id(),
        recording=Recording(key=key, media=(medium,), started_at=NOON, metadata={"site": "n"}),
        state=State.SEALED,
        media=(MediumState(medium=medium, file="audio.opus", pulled_bytes=5, sha256=SHA),),
        begun_at=NOON,
        sealed_at=NOON,
    )


def blob(**changes) -> bytes:
    plain = json.loads(exports.encode(exports.of_entry(entry(), {0: (5, SHA)}, NOON)))
    return json.dumps({**plain, **changes}).encode()


def media(**changes) -> list[dict]:
    return [{**json.loads(blob())["media"][0], **changes}]


@given(name=st.text(max_size=40), label=st.text(max_size=40))
def test_what_is_written_is_read_back(name, label):
    """A recording keeps its identity, its times and its metadata, whatever it is called."""
    held = entry(name, label)
    told = exports.of_entry(held, {0: (5, SHA)}, NOON)

    assert told == exports.decode(exports.encode(told))
    assert held.recording == exports.recording_of(told)


def test_a_field_of_a_later_version_is_passed_over():
    """Fields are only ever added."""
    assert "one" == exports.decode(blob(colour="green")).recording


def test_a_later_schema_is_left_alone():
    """Only a newer Fieldpost knows what it means."""
    with pytest.raises(SpoolTooNew):
        exports.decode(blob(schema=2, media="elsewhere"))


@pytest.mark.parametrize(
    "changed",
    [
        {"schema": 0},
        {"entry": "0" * 32},
        {"generation": 2},
        {"media": []},
        {"media": media() * 2},
        {"media": media(file="../../etc/passwd")},
        {"media": media(file="recording.json")},
        {"media": media(sha256="ab")},
        {"media": media(size_bytes=-1)},
        {"media": media(index=-1)},
        {"begun_at": "2026-03-01T12:00:00"},
        {"state": "lost"},
    ],
)
def test_what_could_do_harm_is_refused(changed):
    """A stick may be damaged, or somebody else's."""
    with pytest.raises(SpoolDamaged):
        exports.decode(blob(**changed))


@given(st.binary(max_size=60))
def test_anything_else_is_refused_too(noise):
    """No bytes lead to another error."""
    with pytest.raises(SpoolDamaged):
        exports.decode(noise)


def test_bytes_that_are_not_those_of_the_seal_are_not_described():
    """Damage on our own disk is told, not carried on."""
    with pytest.raises(SpoolDamaged, match="not the bytes"):
        exports.of_entry(entry(), {0: (5, "cd" * 32)}, NOON)
