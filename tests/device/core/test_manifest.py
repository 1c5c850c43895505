"""The manifest's bytes: golden vectors, strictness, and what is refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import cbor2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core import manifest as manifests
from device.errors import SpoolDamaged, SpoolTooNew
from device.model import (
    Entry,
    EntryId,
    Manifest,
    MediaKind,
    MediumState,
    RecorderId,
    RecordingKey,
    SealedMedium,
    State,
)

VECTORS = Path(__file__).parents[2] / "vectors" / "manifest"

MANIFEST = Manifest(
    schema_version=1,
    key=RecordingKey(recorder=RecorderId("native:AM-07"), recording="ab" * 16, generation=3),
    media=(
        SealedMedium(
            index=0,
            file="audio.opus",
            name="../../x",
            kind=MediaKind.AUDIO,
            content_type="audio/ogg; codecs=opus",
            size_bytes=1 << 40,
            sha256="01" * 32,
            md5="02" * 16,
        ),
        SealedMedium(
            index=1,
            file="0001.jpg",
            name="Foto \N{SNOWMAN}",
            kind=MediaKind.IMAGE,
            content_type="image/jpeg",
            size_bytes=0,
            sha256="03" * 32,
            md5="04" * 16,
            captured_at=datetime(2026, 3, 1, 12, 0, 1, 250_000, tzinfo=UTC),
            captured_at_trusted=True,
            t_offset_ms=1250,
        ),
    ),
    sealed_at=datetime(2026, 3, 1, 12, 30, tzinfo=UTC),
    started_at=datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
    times_trusted=True,
    metadata={"site": "north", "operator": "m\N{LATIN SMALL LETTER U WITH DIAERESIS}ller"},
)
"""The value of v1.cbor; never changed, whatever later versions add."""

WORDS = st.text(max_size=20)
TIMES = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=2))]))
MEDIA = st.builds(
    SealedMedium,
    index=st.integers(0, 1 << 62),
    file=st.from_regex(r"\A[a-z0-9]{1,20}\.[a-z]{3}\Z"),
    name=WORDS,
    kind=st.sampled_from(MediaKind),
    content_type=WORDS,
    size_bytes=st.integers(0, 1 << 62),
    sha256=st.binary(min_size=32, max_size=32).map(bytes.hex),
    md5=st.binary(min_size=16, max_size=16).map(bytes.hex),
    captured_at=st.none() | TIMES,
    captured_at_trusted=st.booleans(),
    t_offset_ms=st.none() | st.integers(-(1 << 40), 1 << 40),
)
MANIFESTS = st.builds(
    Manifest,
    schema_version=st.just(1),
    key=st.builds(
        RecordingKey, recorder=WORDS, recording=WORDS, generation=st.integers(0, 1 << 63)
    ),
    media=st.lists(MEDIA, max_size=4, unique_by=(lambda m: m.index, lambda m: m.file)).map(tuple),
    sealed_at=TIMES,
    started_at=st.none() | TIMES,
    ended_at=st.none() | TIMES,
    times_trusted=st.booleans(),
    metadata=st.dictionaries(WORDS, WORDS, max_size=3),
)


def test_version_1_is_read_and_written_as_it_was_released():
    """The golden vector is what this version writes, byte for byte, and reads."""
    golden = (VECTORS / "v1.cbor").read_bytes()

    assert golden == manifests.encode(MANIFEST)
    assert manifests.decode(golden) == MANIFEST


def test_the_vector_is_described_in_words_too():
    """The JSON beside it says the same, for whoever reads no CBOR."""
    described = msgspec.json.decode((VECTORS / "v1.json").read_bytes(), type=Manifest)

    assert described == MANIFEST


@given(MANIFESTS)
def test_every_manifest_comes_back(manifest):
    """What is encoded is decoded to the same value."""
    assert manifests.decode(manifests.encode(manifest)) == manifest


@given(st.binary(max_size=200))
def test_any_bytes_are_a_manifest_or_damage(blob):
    """Nothing but the two typed errors ever comes out."""
    with pytest.raises((SpoolDamaged, SpoolTooNew)):
        manifests.decode(blob)


@given(st.data())
def test_a_damaged_byte_is_no_accident_of_another_kind(data):
    """Whatever byte changes, the answer is a manifest or a typed error, never a crash."""
    blob = bytearray(manifests.encode(MANIFEST))
    blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    try:
        decoded = manifests.decode(bytes(blob))
    except (SpoolDamaged, SpoolTooNew):
        return

    assert bytes(blob) == manifests.encode(decoded)


@pytest.mark.parametrize("cut", [0, 1, 50, -1])
def test_a_manifest_that_was_cut_is_damaged(cut):
    """Half a manifest is none."""
    with pytest.raises(SpoolDamaged):
        manifests.decode(manifests.encode(MANIFEST)[:cut])


def test_a_later_version_is_not_damage():
    """It has an error of its own, so that nobody repairs it away."""
    plain = cbor2.loads(manifests.encode(MANIFEST))

    with pytest.raises(SpoolTooNew, match="version 2"):
        manifests.decode(cbor2.dumps({**plain, "schema_version": 2, "new": 1}))


@pytest.mark.parametrize("change", [{"schema_version": 0}, {"schema_version": "1"}, {"new": 1}])
def test_an_unknown_version_or_key_is_damage(change):
    """Only what this version writes is read."""
    plain = cbor2.loads(manifests.encode(MANIFEST))

    with pytest.raises(SpoolDamaged):
        manifests.decode(cbor2.dumps({**plain, **change}, canonical=True))


def test_bytes_behind_the_end_are_damage():
    """A manifest is the whole file."""
    with pytest.raises(SpoolDamaged):
        manifests.decode(manifests.encode(MANIFEST) + b"\x00")


@pytest.mark.parametrize(
    "change",
    [
        {"file": "../../etc/passwd"},
        {"file": ""},
        {"file": ".hidden"},
        {"file": "0001.jpg"},
        {"index": 1},
        {"index": -1},
        {"size_bytes": -1},
        {"sha256": "AB" * 32},
        {"md5": "x"},
    ],
)
def test_what_is_unsafe_to_act_on_is_damage(change):
    """Paths, double names, negative sizes and odd digests are refused."""
    media = (replace(MANIFEST.media[0], **change), MANIFEST.media[1])

    with pytest.raises(SpoolDamaged):
        manifests.decode(manifests.encode(replace(MANIFEST, media=media)))


def test_a_time_without_a_zone_is_damage():
    """Tag 0 asks for an offset; a local time would mean something else elsewhere."""
    blob = manifests.encode(MANIFEST)
    zoned, local = b"\x742026-03-01T12:30:00Z", b"\x732026-03-01T12:30:00"

    assert zoned in blob
    with pytest.raises(SpoolDamaged):
        manifests.decode(blob.replace(zoned, local))


def test_the_recording_comes_back_from_its_manifest():
    """A rebuild knows what the recorder announced, and every digest."""
    recording = manifests.recording_of(MANIFEST)

    assert MANIFEST.key == recording.key
    assert ["01" * 32, "03" * 32] == [medium.sha256 for medium in recording.media]
    assert ["../../x", "Foto \N{SNOWMAN}"] == [medium.name for medium in recording.media]


def test_an_unsealed_entry_has_no_manifest():
    """Without a time of sealing there is nothing to write."""
    entry = Entry(
        id=EntryId("0" * 32),
        recording=manifests.recording_of(MANIFEST),
        state=State.PULLING,
        media=(),
        begun_at=MANIFEST.sealed_at,
    )

    with pytest.raises(SpoolDamaged):
        manifests.of_entry(entry)


def test_an_entry_with_an_unfinished_medium_has_no_manifest():
    """A digest is never left out."""
    recording = manifests.recording_of(MANIFEST)
    entry = Entry(
        id=recording.key.entry_id(),
        recording=recording,
        state=State.PULLING,
        media=(MediumState(medium=recording.media[0], file="audio.opus"),),
        begun_at=MANIFEST.sealed_at,
        sealed_at=MANIFEST.sealed_at,
    )

    with pytest.raises(SpoolDamaged, match="not finished"):
        manifests.of_entry(entry)
