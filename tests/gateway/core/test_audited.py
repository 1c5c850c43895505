"""What of a request goes into the audit log: named fields, short, and nothing else."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.audited import details_of, subject_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("path", "names", "answered", "subject"),
    [
        ("/v1/devices/{d}/commands/{c}", {"d": "dev_1", "c": "cmd_1"}, b"{}", "dev_1"),
        ("/v1/devices", {}, b'{"id": "dev_1"}', "dev_1"),
        ("/v1/keys", {}, b'{"id": "key_1", "key": "sk_live_x"}', "key_1"),
        ("/console/session", {}, b'{"key_id": "key_1", "csrf": "x"}', "key_1"),
        ("/v1/settings", {}, b'{"device_id": null}', "settings"),
        ("/console/session", {}, b"", "session"),
        ("/v1/quota", {}, b"<svg/>", "quota"),
        ("/v1/quota", {}, b"[1]", "quota"),
        ("/v1/x/{x}", {"x": "a" * 300}, b"", "a" * 255),
    ],
)
def test_the_subject_is_named_by_the_path_or_by_what_was_made(path, names, answered, subject):
    """Else by the last word of the path."""
    assert subject == subject_of(path, names, answered)


def test_the_other_names_of_a_path_are_details():
    """The first one is the subject."""
    details = details_of({"device_id": "dev_1", "command_id": "cmd_1"}, b'{"type": "x"}')

    assert {"command_id": "cmd_1", "type": "x"} == details


@given(body=st.dictionaries(st.text() | st.sampled_from(["key", "token", "secret", "url"]), JSON))
def test_only_named_fields_are_kept(body):
    """Whatever else is in a body."""
    kept = details_of({}, msgspec.json.encode({**body, "name": "n"}))

    assert not {"key", "token", "secret", "url", "params"} & set(kept)
    assert "n" == kept["name"]


@given(raw=st.binary())
def test_what_is_no_object_has_no_details(raw):
    """It cannot fail either: the change is made already."""
    assert isinstance(details_of({}, raw), dict)


def test_a_large_body_is_told_by_its_fields():
    """A row stays small."""
    body = msgspec.json.encode({"name": "n" * 3000, "model": "m"})

    assert {"left_out": ["model", "name"]} == details_of({}, body)
