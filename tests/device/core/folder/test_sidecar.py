"""recording.json: what is accepted, and that everything wrong is said in one sentence."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.folder.sidecar import MAX_BYTES, Sidecar, SidecarMedium, parse_sidecar
from device.errors import ProtocolViolation
from device.model import MediaKind


def problem(document: object) -> str:
    with pytest.raises(ProtocolViolation) as caught:
        parse_sidecar(document if isinstance(document, bytes) else json.dumps(document).encode())
    return str(caught.value)


def said_of(raw: bytes) -> str:
    try:
        parse_sidecar(raw)
    except ProtocolViolation as error:
        return str(error)
    return ""


def test_every_key_is_optional():
    """An empty object seals a folder and leaves everything to the files present."""
    assert Sidecar() == parse_sidecar(b"{}")


def test_a_full_document_is_read():
    """All keys arrive as values, times in UTC, numbers as text."""
    raw = b"""\xef\xbb\xbf{
      "started_at": "2026-03-01T13:00:00+01:00", "ended_at": "2026-03-01T12:30:00.5Z",
      "metadata": {"site": "quay", "battery": 87, "wet": true},
      "media": [
        {"file": "a.opus", "type": "audio", "content_type": "audio/ogg; codecs=opus"},
        {"file": "1.jpg", "content_type": "image/jpeg", "captured_at": "2026-03-01T12:10:00Z"}
      ]}"""
    expected = Sidecar(
        started_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        ended_at=datetime(2026, 3, 1, 12, 30, 0, 500_000, tzinfo=UTC),
        metadata={"site": "quay", "battery": "87", "wet": "true"},
        media=(
            SidecarMedium(
                file="a.opus", kind=MediaKind.AUDIO, content_type="audio/ogg; codecs=opus"
            ),
            SidecarMedium(
                file="1.jpg",
                kind=MediaKind.IMAGE,
                content_type="image/jpeg",
                captured_at=datetime(2026, 3, 1, 12, 10, tzinfo=UTC),
            ),
        ),
    )

    assert expected == parse_sidecar(raw)


def test_all_problems_are_told_at_once():
    """The sentence names each thing that is wrong, with what was probably meant."""
    said = problem(
        {
            "stared_at": "2026-03-01T12:00:00Z",
            "ended_at": "2026-03-01T12:00:00",
            "media": [{"file": "../../etc/passwd"}, {"file": "a.wav", "type": "sound"}],
        }
    )

    assert said == (
        'recording.json: unknown key "stared_at" in the document (did you mean started_at?); '
        'ended_at has no offset (2026-03-01T12:00:00Z): "2026-03-01T12:00:00"; '
        'media[0].file is not the name of a medium: "../../etc/passwd"; '
        'media[1].type is not audio, image or video: "sound"'
    )


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b" \n", "recording.json is empty; write at least {}"),
        (b'{"started_at": "2026', "Unterminated string"),
        (b"\xff\xfe", "is not UTF-8 at byte 0"),
        (b"[" * 100_000, "cannot be read"),
        (b'{"media": ' + b"9" * 5000 + b"}", "cannot be read"),
        (b'{"metadata": {"a": NaN}}', "NaN is not a JSON number"),
        (b'{"metadata": {}, "metadata": {}}', 'the key "metadata" is there twice'),
        (b" " * MAX_BYTES + b"{}", "is larger than"),
        (b"[]", "the document is not an object"),
        (b'{"media": []}', "media is not a list of 1 to"),
        (b'{"media": [{}]}', 'media[0].file is not the name of a medium: ""'),
        (b'{"media": [{"file": "recording.json"}]}', "is not the name of a medium"),
        (b'{"media": [{"file": ".hidden.wav"}]}', "is not the name of a medium"),
        (b'{"media": [{"file": "a.wav"}, {"file": "a.wav"}]}', "media[1].file is there twice"),
        (b'{"media": [{"file": "a", "content_type": "a/b\\r\\nX: y"}]}', "not a content type"),
        (b'{"media": [{"file": "a", "content_type": "text/plain"}]}', "needs a type"),
        (b'{"metadata": {"a": null}}', 'metadata "a" is not a text, number or boolean'),
        (b'{"metadata": {"a": "\\ud800"}}', 'metadata "a" is not a text'),
        (b'{"metadata": []}', "metadata is not an object"),
        (b'{"started_at": 1772366400}', "started_at is not a text: 1772366400"),
        (b'{"started_at": "0001-01-01T00:00:00+10:00"}', "started_at is not an ISO 8601 time"),
        (
            b'{"started_at": "2026-03-01T12:00:00Z", "ended_at": "2026-03-01T11:00:00Z"}',
            "ended_at is before started_at",
        ),
    ],
)
def test_what_is_wrong_is_said(raw: bytes, expected: str):
    """Each kind of damage has its own words, short and on one line."""
    said = problem(raw)

    assert expected in said
    assert len(said) < 200
    assert said.isprintable()


def test_many_problems_do_not_make_a_long_sentence():
    """Beyond five problems the rest is counted."""
    assert problem({f"key{n}": 1 for n in range(50)}).endswith("; and 45 more")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes):
    """No input ends in anything but a Sidecar or a ProtocolViolation."""
    assert said_of(raw).isprintable()


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["started_at", "ended_at", "metadata", "media", "file", "type", "captured_at", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_json)
def test_any_document_is_read_or_refused(document: object):
    """Well-formed JSON of any shape is no way to crash the driver either."""
    assert said_of(json.dumps(document).encode()).isprintable()
