"""The words of the Sivi API, whatever is answered."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core import sivi_api
from device.core.http_answer import ApiAnswer
from device.errors import CloudError, NotTheCloud
from device.model import Target
from tests.fakes.uploads import manifest_of

(IMAGE,) = manifest_of(b"image", types=("image/jpeg",)).media
TARGET = Target(url="https://s3.example/", ref={"media_id": "0", "sivi_upload_url": "x"})
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "uploadUrl": _JSON | st.just("https://s3.example/a?b=c"),
        "method": _JSON | st.just("PUT"),
        "headers": _JSON | st.dictionaries(st.text(max_size=9), st.text(max_size=9)),
        "expiresIn": _JSON,
        "fileName": _JSON,
        "message": _JSON,
    },
)
_BODIES = st.binary(max_size=200) | st.builds(
    lambda status, body: json.dumps({"status": status, "body": body}).encode(),
    _JSON | st.sampled_from([200, 401, 422, 500]),
    _JSON | _FIELDS,
)
_ANSWERS = st.builds(
    ApiAnswer,
    status=st.integers(100, 599) | st.just(200),
    headers=st.just({"date": "Sun, 01 Mar 2026 12:00:00 GMT"}),
    body=_BODIES,
)


def _target(answer: ApiAnswer) -> Target:
    return sivi_api.parse_target(answer, IMAGE, base_url="https://api.example/", allow_http=False)


def _handed_out(**changes: object) -> ApiAnswer:
    body = {
        "uploadUrl": "https://s3.example/photos/1.jpeg?X-Amz-Signature=s",
        "method": "PUT",
        "headers": {"Content-Type": "image/jpeg"},
        "expiresIn": 300,
        "fileName": "1.jpeg",
        **changes,
    }
    return ApiAnswer(status=200, body=json.dumps({"status": 200, "body": body}).encode())


@given(_ANSWERS)
def test_any_answer_is_a_target_or_an_error(answer: ApiAnswer) -> None:
    """Whatever comes back to an intent is a target over https, or one of our errors."""
    try:
        target = _target(answer)
    except CloudError:
        return

    assert target.url.startswith("https://")
    assert target.expires_in_s is None or target.expires_in_s > 0


@given(_ANSWERS)
def test_any_answer_is_an_acknowledgement_or_an_error(answer: ApiAnswer) -> None:
    """Whatever comes back to a media create is a name, or one of our errors."""
    try:
        name = sivi_api.parse_registered(answer, TARGET)
    except CloudError:
        return

    assert name
    assert 200 == json.loads(answer.body)["status"] // 100 * 100


def test_headers_and_method_are_honoured() -> None:
    """What the URL was signed for comes back as it was handed out."""
    headers = {"Content-Type": "image/jpeg", "x-amz-acl": "private"}
    target = _target(_handed_out(headers=headers, method="POST"))

    assert tuple(headers.items()) == target.headers
    assert "POST" == target.method


@pytest.mark.parametrize(
    "changes",
    [
        {"uploadUrl": None},
        {"uploadUrl": "http://s3.example/x"},
        {"uploadUrl": "https://["},
        {"method": "put it"},
        {"method": 7},
        {"headers": {"Content-Type": "a\r\nb: c"}},
        {"headers": {"Content-Type": 7}},
    ],
)
def test_hostile_targets(changes: dict[str, object]) -> None:
    """An URL, method or header that cannot be sent is not the cloud's."""
    with pytest.raises(NotTheCloud):
        _target(_handed_out(**changes))


@pytest.mark.parametrize("life", [-1, 0, True, "300", None, 1e18, float("nan"), float("inf")])
def test_lives_that_are_none(life: object) -> None:
    """A past, endless or unspoken life counts as not known."""
    assert _target(_handed_out(expiresIn=life)).expires_in_s is None


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"mediaId": "m_1"}, "m_1"),
        ({"id": "m_2", "x": []}, "m_2"),
        ({}, "1.jpeg"),
        (None, "1.jpeg"),
        ({"mediaId": "two words"}, "1.jpeg"),
    ],
)
def test_names_of_records(body: object, name: str) -> None:
    """The page shows no answer: the record's id if there is one, else the file's name."""
    answer = ApiAnswer(status=200, body=json.dumps({"status": 200, "body": body}).encode())

    assert name == sivi_api.parse_registered(answer, _target(_handed_out()))
