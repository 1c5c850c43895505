"""The words of the Siro API, answer by answer."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core import siro_api
from device.core.http_answer import ApiAnswer
from device.errors import CloudError, CloudRejected, MediaMissing, NotTheCloud, TokenRefused
from device.model import Target
from tests.fakes.uploads import manifest_of

MANIFEST = manifest_of(b"audio", types=("audio/mpeg",))
(MEDIUM,) = MANIFEST.media
DATE = {"date": "Mon, 08 Jun 2026 11:45:00 GMT"}
HANDED_OUT = {
    "uploadUrl": "https://storage.googleapis.com/bucket/a.mp3?X-Goog-Signature=s",
    "uploadHeaders": {"Content-Type": "audio/mpeg", "x-goog-content-length-range": "0,5"},
    "downloadUrl": "https://storage.googleapis.com/bucket/a.mp3?X-Goog-Signature=d",
    "expiresAt": "2026-06-08T12:00:00.000Z",
}
TARGET = Target(
    url="https://storage.googleapis.com/",
    ref={"media_id": "0", "file_url": "x", "expires_at": "2026-06-08T12:00:00.000Z"},
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)


def _answer(document: object, status: int = 200, date: dict[str, str] = DATE) -> ApiAnswer:
    return ApiAnswer(status=status, headers=date, body=json.dumps(document).encode())


def _target(data: object, date: dict[str, str] = DATE) -> Target:
    return siro_api.parse_target(
        _answer({"data": data}, date=date), MEDIUM, base_url="https://a.example/", allow_http=False
    )


def test_a_target() -> None:
    """The headers are verbatim; the life is measured by the answer's own Date."""
    target = _target(HANDED_OUT)

    assert HANDED_OUT["uploadUrl"] == target.url
    assert HANDED_OUT["uploadHeaders"] == dict(target.headers)
    assert 900.0 == target.expires_in_s
    assert HANDED_OUT["downloadUrl"] == target.ref["file_url"]


def test_a_life_that_nobody_knows() -> None:
    """Without a Date, or without an end, the life is unknown rather than guessed."""
    assert _target(HANDED_OUT, date={}).expires_in_s is None
    assert _target({**HANDED_OUT, "expiresAt": 7}).expires_in_s is None


@pytest.mark.parametrize(
    "spoilt",
    [
        {"uploadUrl": None},
        {"uploadUrl": "http://storage.example/"},
        {"uploadUrl": "https://[broken/"},
        {"uploadHeaders": []},
        {"uploadHeaders": {"Content-Type": 1}},
        {"uploadHeaders": {"Content-Type": "a\r\nB: c"}},
        {"downloadUrl": ""},
        {"downloadUrl": 5},
    ],
)
def test_what_is_no_target(spoilt: dict[str, object]) -> None:
    """A field that a later step rests on is demanded."""
    with pytest.raises(NotTheCloud):
        _target({**HANDED_OUT, **spoilt})


@given(
    document=st.dictionaries(st.sampled_from(sorted(HANDED_OUT)), json_values).map(
        lambda spoilt: {**HANDED_OUT, **spoilt}
    )
)
def test_any_answer_is_a_target_or_no_answer_of_siro(document: dict[str, object]) -> None:
    """Whatever stands in the fields, nothing but a CloudError comes of it."""
    try:
        target = _target(document)
    except CloudError:
        return
    assert target.url.startswith("https://")
    assert target.ref["file_url"]


@pytest.mark.parametrize("data", [None, {}, {"id": 5}, {"id": ""}])
def test_a_success_that_names_no_recording(data: object) -> None:
    """A 201 alone acknowledges nothing."""
    with pytest.raises(NotTheCloud):
        siro_api.parse_registered(_answer({"data": data}, 201))


def test_times_that_nobody_vouches_for_are_left_out() -> None:
    """A wrong clock does not date a recording."""
    told = siro_api.registration_body(MANIFEST, MEDIUM, TARGET, user="u")
    trusted = replace(MANIFEST, times_trusted=True)

    assert "dateCreated" not in told
    assert "dateCreated" in siro_api.registration_body(trusted, MEDIUM, TARGET, user="u")


@pytest.mark.parametrize(
    ("date", "error"),
    [
        ("Mon, 08 Jun 2026 11:59:59 GMT", CloudRejected),
        ("Mon, 08 Jun 2026 12:00:00 GMT", MediaMissing),
        ("never", CloudRejected),
    ],
)
def test_a_refused_registration(date: str, error: type[CloudError]) -> None:
    """Only by the server's own time is a file too old to be fetched."""
    with pytest.raises(error):
        siro_api.refuse_registration(_answer({"message": "no"}, 400, {"date": date}), TARGET)


def test_a_refused_token_is_no_missing_file() -> None:
    """A 401 is about the token, however old the file is."""
    late = {"date": "Mon, 08 Jun 2026 13:00:00 GMT"}
    with pytest.raises(TokenRefused):
        siro_api.refuse_registration(_answer({"message": "no"}, 401, late), TARGET)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"message": "why"}, "why"),
        ({"error": "why"}, "why"),
        ({"error": {"message": "why", "code": "c"}}, "c: why"),
        ({"code": "c", "message": "why\x1b"}, "c: why "),
    ],
)
def test_the_words_of_a_refusal(document: object, said: str) -> None:
    """The pages give no shape of errors: the usual ones are understood."""
    with pytest.raises(CloudRejected) as caught:
        siro_api.refuse(_answer(document, 400), doing="try")
    assert str(caught.value).endswith(said)
