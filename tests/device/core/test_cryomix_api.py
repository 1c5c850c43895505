"""The words of the Cryo-Mix API, answer by answer."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core import cryomix_api
from device.core.http_answer import ApiAnswer, stated_md5
from device.errors import CloudError, CloudRejected, NotTheCloud, TokenRefused
from device.model import EntryId, Evidence, Target
from tests.fakes.uploads import manifest_of

(MEDIUM,) = manifest_of(b"audio", types=("audio/wav",)).media
ENTRY = EntryId("ab" * 16)
NAME = cryomix_api.object_name(ENTRY, MEDIUM)
URL = "https://storage.googleapis.com/b/uploads/f/a.wav?X-Goog-Signature=s"
DATA = {"upload_folder_name": "f", "upload_object_names": {NAME: URL}}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)


def _answer(document: object, status: int = 200) -> ApiAnswer:
    return ApiAnswer(status=status, body=json.dumps(document).encode())


def _target(data: object, status: object = "success") -> Target:
    return cryomix_api.parse_target(
        _answer({"data": data, "status": status, "code": 200}),
        NAME,
        MEDIUM,
        life_s=900,
        base_url="https://a.example/",
        allow_http=False,
    )


def test_a_target() -> None:
    """The URL of our file, its folder, the content type that was signed, the life asked for."""
    target = _target(DATA)

    assert URL == target.url
    assert (("Content-Type", "audio/wav"),) == target.headers
    assert 900.0 == target.expires_in_s
    assert "f" == target.ref["folder"]


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {**DATA, "upload_folder_name": ""},
        {**DATA, "upload_object_names": []},
        {**DATA, "upload_object_names": {"another.wav": URL}},
        {**DATA, "upload_object_names": {NAME: "http://plain.example/"}},
    ],
)
def test_what_is_no_target(data: object) -> None:
    """A field that a later step rests on is demanded."""
    with pytest.raises(NotTheCloud):
        _target(data)


def test_an_error_that_is_called_200() -> None:
    """The status in the body counts, whatever the one of HTTP."""
    with pytest.raises(NotTheCloud):
        _target(DATA, "error")


@given(data=st.dictionaries(st.sampled_from(sorted(DATA)), json_values), status=json_values)
def test_any_answer_is_a_target_or_no_answer_of_cryomix(
    data: dict[str, object], status: object
) -> None:
    """Whatever stands in the fields, nothing but a CloudError comes of it."""
    try:
        target = _target({**DATA, **data}, status)
    except CloudError:
        return
    assert URL == target.url


@given(name=st.text(), content_type=st.text(max_size=20))
def test_names_are_safe(name: str, content_type: str) -> None:
    """Whatever a recorder says, the object's name has letters, digits, dashes and one dot."""
    medium = replace(MEDIUM, name=name, content_type=content_type)

    assert cryomix_api.object_name(ENTRY, medium).replace("-", "").replace(".", "", 1).isalnum()


@pytest.mark.parametrize(
    ("content_type", "extension"),
    [("audio/mpeg", "mp3"), ("Audio/OGG; codecs=opus", "ogg"), ("audio/odd", "bin")],
)
def test_the_extension_of_a_type(content_type: str, extension: str) -> None:
    """Parameters and capitals of a content type do not matter."""
    medium = replace(MEDIUM, content_type=content_type)

    assert cryomix_api.object_name(ENTRY, medium).endswith(f".{extension}")


@pytest.mark.parametrize(
    ("status", "message", "error"),
    [
        (400, "invalid required parameters", CloudRejected),
        (401, "unauthorized client", TokenRefused),
    ],
)
def test_the_words_of_a_refusal(status: int, message: str, error: type[CloudError]) -> None:
    """The two refusals of the page keep their sentence."""
    document = {"message": message, "status": "error", "code": status}

    with pytest.raises(error, match=message):
        cryomix_api.refuse(_answer(document, status), doing="try")


@pytest.mark.parametrize(
    ("stated", "known"),
    [
        ("md5=XUFAKrxLKna5cZ2REBfFkg==", "5d41402abc4b2a76b9719d911017c592"),
        ("crc32c=n03x6A==, md5=XUFAKrxLKna5cZ2REBfFkg==", "5d41402abc4b2a76b9719d911017c592"),
        ("crc32c=n03x6A==,md5=XUFAKrxLKna5cZ2REBfFkg==", "5d41402abc4b2a76b9719d911017c592"),
        ("crc32c=n03x6A==", None),
        ("md5=short==", None),
        ("md5=XUFAKrxLKna5cZ2REBfFkh==", None),
        ("md5=XUFAKrxLKna5cZ2REBfFkg==x", None),
        (
            "md5=XUFAKrxLKna5cZ2REBfFkg==, md5=XUFAKrxLKna5cZ2REBfFkg==",
            "5d41402abc4b2a76b9719d911017c592",
        ),
        ("md5=XUFAKrxLKna5cZ2REBfFkg==, md5=1B2M2Y8AsgTpgAmY7PhCfg==", None),
        ("notmd5=XUFAKrxLKna5cZ2REBfFkg==", None),
        ("", None),
    ],
)
def test_the_stores_own_digest(stated: str, known: str | None) -> None:
    """Google states checksums in base64, in one line or in two."""
    assert known == stated_md5({"x-goog-hash": stated})


def test_an_etag_proves_only_when_it_is_the_digest() -> None:
    """An ETag of another kind says nothing either way, so it proves nothing."""
    assert cryomix_api.proves(Evidence(status=200, etag=f'"{MEDIUM.md5.upper()}"'), MEDIUM)
    assert not cryomix_api.proves(Evidence(status=200, etag='"CJ+7"'), MEDIUM)
