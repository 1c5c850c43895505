"""The words of the Bota API, answer by answer."""

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from device.core import bota_api
from device.core.http_answer import ApiAnswer
from device.errors import (
    CloudConflict,
    CloudRejected,
    CloudThrottled,
    CloudUnreachable,
    CloudUnwell,
    FieldpostError,
    MediaMissing,
    NotTheCloud,
    TokenRefused,
)
from device.model import Target
from tests.fakes.uploads import manifest_of

MANIFEST = manifest_of(b"audio", b"image")
AUDIO, IMAGE = MANIFEST.media
DATE = {"date": "Sun, 01 Mar 2026 12:00:00 GMT"}
BASE = "https://api.bota.dev/v1/"


def _answer(document: object, status: int = 200, **headers: str) -> ApiAnswer:
    return ApiAnswer(status=status, headers=headers, body=json.dumps(document).encode())


def _target(document: object, *, allow_http: bool = False) -> Target:
    answer = ApiAnswer(status=200, headers=DATE, body=json.dumps(document).encode())
    return bota_api.parse_target(answer, AUDIO, base_url=BASE, allow_http=allow_http)


def test_the_body_of_a_recording() -> None:
    """Times, metadata, our reference, and a mark on times nobody vouches for."""
    body = bota_api.recording_body(MANIFEST)

    assert {
        "started_at": "2026-03-01T09:00:00.000Z",
        "metadata": {
            "site": "Glen",
            "fieldpost_ref": MANIFEST.key.entry_id(),
            "fieldpost_times_trusted": "false",
        },
    } == body


def test_trusted_times_are_not_marked() -> None:
    """Both times go along, in UTC, and nothing is said about trust."""
    ended = datetime(2026, 3, 1, 11, 0, tzinfo=timezone(timedelta(hours=1)))
    body = bota_api.recording_body(replace(MANIFEST, ended_at=ended, times_trusted=True))

    assert "2026-03-01T10:00:00.000Z" == body["ended_at"]
    assert "fieldpost_times_trusted" not in body["metadata"]


def test_times_nobody_knows_are_left_out() -> None:
    """A recording without times says nothing about them."""
    body = bota_api.recording_body(replace(MANIFEST, started_at=None))

    assert {"metadata"} == set(body)
    assert "fieldpost_times_trusted" not in body["metadata"]


def test_the_body_of_a_medium() -> None:
    """Type, content type and size; the capture time where there is one."""
    assert {
        "type": "audio",
        "content_type": "audio/opus",
        "file_size_bytes": 5,
    } == bota_api.medium_body(AUDIO)
    assert "2026-03-01T09:05:30.000Z" == bota_api.medium_body(IMAGE)["captured_at"]


def test_completion_names_the_audio() -> None:
    """The digest of the audio alone, and no size."""
    assert {"content_sha256": AUDIO.sha256} == bota_api.completion_body(MANIFEST)


def test_created() -> None:
    """The id is read, whatever else is there."""
    assert "rec_1" == bota_api.parse_created(_answer({"id": "rec_1", "new": 1}))


@pytest.mark.parametrize("document", [{}, {"id": 3}, {"id": "../x"}, {"id": ""}, [], "x", None])
def test_created_without_an_id(document: object) -> None:
    """An answer that names no recording is not the cloud's."""
    with pytest.raises(NotTheCloud):
        bota_api.parse_created(_answer(document))


@pytest.mark.parametrize("body", [b"", b"<html>", b"[" * 100_000, b"\xff"])
def test_a_body_that_is_not_json(body: bytes) -> None:
    """Whatever is not a JSON object is not the cloud's."""
    with pytest.raises(NotTheCloud):
        bota_api.parse_created(ApiAnswer(status=200, body=body))


def test_a_target_in_full() -> None:
    """URL and headers word for word; the remaining life by the server's own clock."""
    document = {
        "media_id": "med_1",
        "upload_url": "https://b.s3.amazonaws.com/o?X-Amz-Credential=a%2Fb",
        "expires_at": "2026-03-01T13:00:00Z",
        "headers": {"Content-Type": "audio/opus", "x-amz-meta-a": "b"},
        "upload_protocol": "chunked_put",
        "added_later": True,
    }

    assert Target(
        url="https://b.s3.amazonaws.com/o?X-Amz-Credential=a%2Fb",
        headers=(("Content-Type", "audio/opus"), ("x-amz-meta-a", "b")),
        expires_in_s=3600.0,
        protocol="chunked_put",
        ref={"media_id": "med_1"},
    ) == _target(document)


@pytest.mark.parametrize(
    ("extra", "content_type"),
    [
        ({}, "audio/opus"),
        ({"content_type": "audio/ogg"}, "audio/ogg"),
        ({"headers": None}, "audio/opus"),
    ],
)
def test_a_sparse_target(extra: dict[str, object], content_type: str) -> None:
    """Without headers the content type stands for them; without an id there is no reference."""
    target = _target({"upload_url": "https://store.example/o", **extra})

    assert (("Content-Type", content_type),) == target.headers
    assert {} == target.ref
    assert target.expires_in_s is None


@pytest.mark.parametrize(
    ("expires_at", "life_s"),
    [("2026-03-01T12:00:05", 5.0), ("2026-03-01T11:59:00+00:00", -60.0), ("soon", None), (5, None)],
)
def test_the_remaining_life(expires_at: object, life_s: float | None) -> None:
    """Read with or without a zone; nonsense is unknown."""
    document = {"upload_url": "https://store.example/o", "expires_at": expires_at}

    assert life_s == _target(document).expires_in_s


def test_a_relative_url_belongs_to_the_api() -> None:
    """A path alone is on the API's own host."""
    assert (
        "https://api.bota.dev/v1/uploads/m?s=1" == _target({"upload_url": "/v1/uploads/m?s=1"}).url
    )


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"upload_url": 5},
        {"upload_url": "http://store.example/o"},
        {"upload_url": "ftp://store.example/o"},
        {"upload_url": "mailto:x@store.example"},
        {"upload_url": "https://[x/o"},
        {"upload_url": "https://store.example:x/o"},
        {"upload_url": "https://store.example/o\r\nX: y"},
        {"upload_url": "https://store.example/a b"},
        {"upload_url": "https://store.example/o", "headers": {"A": 1}},
        {"upload_url": "https://store.example/o", "headers": {"A b": "1"}},
        {"upload_url": "https://store.example/o", "headers": {"A": "1\r\nB: 2"}},
    ],
)
def test_a_target_that_cannot_be_used(document: object) -> None:
    """No URL, no TLS, or something that would break out of a header: refused."""
    with pytest.raises(NotTheCloud):
        _target(document)


@pytest.mark.parametrize(
    ("url", "base_url", "allow_http"),
    [
        ("http://127.0.0.1:8000/o", "http://localhost:1/v1/", False),
        ("http://localhost/o", "http://127.0.0.1:1/v1/", False),
        ("http://far.example/o", BASE, True),
    ],
)
def test_plain_http_on_this_machine_or_when_allowed(
    url: str, base_url: str, allow_http: bool
) -> None:
    """Plain HTTP stays on loopback unless an operator allows it."""
    answer = _answer({"upload_url": url}, **DATE)
    target = bota_api.parse_target(answer, AUDIO, base_url=base_url, allow_http=allow_http)

    assert url == target.url


@pytest.mark.parametrize("host", ["127.0.0.1:2375", "localhost", "[::1]:80"])
def test_a_distant_api_sends_us_to_no_service_of_this_machine(host: str) -> None:
    """What listens on loopback trusts who is here, and a medium is what somebody else says."""
    with pytest.raises(NotTheCloud):
        _target({"upload_url": f"http://{host}/o"})


@pytest.mark.parametrize("status", ["uploaded", "processing", "completed"])
def test_an_acknowledgement(status: str) -> None:
    """Uploaded or further along, about our recording, with or without an echoed digest."""
    document = {"id": "rec_1", "status": status}
    echo = {"content_sha256": AUDIO.sha256.upper()}

    assert bota_api.parse_receipt(_answer(document), recording="rec_1", sha256="0a") is None
    assert AUDIO.sha256 == bota_api.parse_receipt(
        _answer(document | echo), recording="rec_1", sha256=AUDIO.sha256
    )


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({"id": "rec_2", "status": "uploaded"}, NotTheCloud),
        ({"status": "uploaded"}, NotTheCloud),
        ({"id": "rec_1", "status": "integrity_failure"}, CloudConflict),
        ({"id": "rec_1", "status": "failed"}, CloudConflict),
        ({"id": "rec_1", "status": "pending"}, CloudUnwell),
        ({"id": "rec_1"}, CloudUnwell),
        ({"id": "rec_1", "status": "uploaded", "content_sha256": "ff"}, CloudConflict),
        ({"id": "rec_1", "status": "uploaded", "content_sha256": 1}, CloudConflict),
    ],
)
def test_no_acknowledgement(document: object, error: type[FieldpostError]) -> None:
    """Another recording, another digest, or not yet: never a receipt."""
    with pytest.raises(error):
        bota_api.parse_receipt(_answer(document), recording="rec_1", sha256="0a")


@pytest.mark.parametrize(
    ("status", "document", "error"),
    [
        (429, {}, CloudThrottled),
        (500, {}, CloudUnwell),
        (503, {}, CloudUnwell),
        (511, {}, NotTheCloud),
        (302, {}, NotTheCloud),
        (204, {}, NotTheCloud),
        (407, {}, NotTheCloud),
        (401, {"error": {"code": "unauthorized"}}, TokenRefused),
        (403, {}, TokenRefused),
        (408, {}, CloudUnreachable),
        (425, {}, CloudUnwell),
        (400, {"error": {"code": "c"}}, CloudRejected),
        (400, {}, NotTheCloud),
        (404, {"error": {"code": "c"}}, CloudRejected),
        (404, {}, NotTheCloud),
        (413, {"error": {"code": "c"}}, CloudRejected),
        (413, {}, NotTheCloud),
        (422, {"error": {"code": "c"}}, CloudRejected),
        (422, {}, NotTheCloud),
        (409, {"error": {"code": "digest_mismatch"}}, CloudConflict),
        (409, {"message": "no route"}, NotTheCloud),
        (
            409,
            {"error": {"code": "media_pending", "details": {"media_ids": ["m", 1]}}},
            MediaMissing,
        ),
        (
            409,
            {"error": {"code": "no_media_uploaded", "details": {"media_ids": "m"}}},
            MediaMissing,
        ),
        (409, {"error": {"code": "media_pending", "details": []}}, MediaMissing),
    ],
)
def test_refusals(status: int, document: object, error: type[FieldpostError]) -> None:
    """Each status has one meaning."""
    with pytest.raises(error):
        bota_api.refuse(_answer(document, status), doing="ask")


def test_a_page_is_not_a_refusal() -> None:
    """A portal's 403 says nothing about the token."""
    with pytest.raises(NotTheCloud):
        bota_api.refuse(ApiAnswer(status=403, body=b"<html>"), doing="ask")


def test_the_missing_media_are_named() -> None:
    """The cloud's own names travel with the error."""
    document = {"error": {"code": "media_pending", "details": {"media_ids": ["m", 1, "n"]}}}
    with pytest.raises(MediaMissing) as caught:
        bota_api.refuse(_answer(document, 409), doing="ask")

    assert ("m", "n") == caught.value.refs


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"error": {"code": "c", "message": "m\n"}}, "cannot ask: HTTP 400 c: m "),
        ({"error": {"type": "t", "message": "m"}}, "cannot ask: HTTP 400 t: m"),
        ({"error": {"code": "c", "param": "p"}}, "cannot ask: HTTP 400 c"),
        ({"detail": "d"}, "cannot ask: HTTP 400: d"),
    ],
)
def test_every_error_shape_is_read(document: object, said: str) -> None:
    """Three shapes and RFC 9457: people read code and message."""
    with pytest.raises(CloudRejected) as caught:
        bota_api.refuse(_answer(document, 400), doing="ask")

    assert said == str(caught.value)


def test_the_wait_is_passed_on() -> None:
    """Retry-After travels with the error."""
    with pytest.raises(CloudUnwell) as caught:
        bota_api.refuse(ApiAnswer(status=503, headers={"retry-after": "9"}), doing="ask")

    assert 9.0 == caught.value.retry_after_s


def test_a_time_without_a_servers_date_is_unknown() -> None:
    """Our own clock is never asked how long a URL lives."""
    document = {"upload_url": "https://store.example/o", "expires_at": "2026-03-01T13:00:00Z"}
    target = bota_api.parse_target(_answer(document), AUDIO, base_url=BASE, allow_http=False)

    assert target.expires_in_s is None
