"""tus 1.0, answer by answer."""

import pytest

from device.core.uploads import (
    Advanced,
    Ambiguous,
    Broken,
    Cargo,
    Complete,
    Conflict,
    Expired,
    Gone,
    NotTheStore,
    Outcome,
    Refused,
    Response,
    Throttled,
)
from device.core.uploads.classify import TUS
from device.core.uploads.tus import Tus
from device.model import Evidence, Target, UploadSession
from tests.device.core.uploads.test_refusals import PAGE

TARGET = Target(
    url="https://store.example/files", headers=(("Content-Type", "a/b"), ("Authorization", "B x"))
)
CREATED = Response(status=201, headers={"location": "/files/u1"})


def _tus(size_bytes: int = 10, *, chunk_bytes: int = 4, created: bool = True) -> Tus:
    session = UploadSession(target=TARGET, protocol=TUS)
    tus = Tus(session, Cargo(size_bytes=size_bytes, chunk_bytes=chunk_bytes), resumed=False)
    if created:
        tus.received(CREATED)
    return tus


def _at(offset: int, **more: str) -> Response:
    return Response(status=204, headers={"upload-offset": str(offset), **more})


def test_creation_carries_no_byte() -> None:
    """The upload is created with its length alone; the medium's own type is not ours to send."""
    request = _tus(created=False).next_request()

    expected = (("Authorization", "B x"), ("Tus-Resumable", "1.0.0"), ("Upload-Length", "10"))
    assert ("POST", TARGET.url, expected) == (request.method, request.url, request.headers)
    assert 0 == request.body_bytes


def test_one_patch_carries_all_that_is_left() -> None:
    """Smaller pieces would save nothing: a server keeps what arrived of a PATCH."""
    tus = _tus()
    tus.received(_at(3))

    request = tus.next_request()

    assert ("PATCH", 3, 7) == (request.method, request.body_offset, request.body_bytes)
    assert "application/offset+octet-stream" == dict(request.headers)["Content-Type"]
    assert "3" == dict(request.headers)["Upload-Offset"]


def test_the_location_is_kept_before_any_byte() -> None:
    """The state holds the absolute URL as soon as it is known."""
    assert {"location": "https://store.example/files/u1"} == _tus().session.state


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Response(status=201), Refused),
        (Response(status=201, headers={"location": "http://elsewhere.example/u1"}), Refused),
        (Response(status=201, headers={"location": "ftp://store.example/u1"}), Refused),
        (Response(status=201, headers={"location": "http://[u1"}), Refused),
        (Response(status=200), Ambiguous),
        (PAGE, NotTheStore),
        (Response(status=403), Expired),
        (Response(status=404), Gone),
        (Response(status=413), Refused),
        (Response(status=412, headers={"tus-version": "0.2.2"}), Refused),
        (Response(status=503), Throttled),
        (Broken("cut"), Ambiguous),
    ],
)
def test_answers_to_the_creation(answer: Response | Broken, kind: type) -> None:
    """Only 201 with a usable Location creates; one that leaves TLS is not usable."""
    tus = _tus(created=False)

    assert isinstance(tus.received(answer), kind)
    assert {} == tus.session.state


@pytest.mark.parametrize(
    "location",
    ["/files/u1", "u1", "http://store.example:8080/files/u1", "//store.example/files/u1"],
)
def test_a_location_never_leaves_tls(location: str) -> None:
    """A store behind a TLS proxy that calls itself http is meant as the origin that we know."""
    tus = _tus(created=False)
    tus.session = UploadSession(
        target=Target(url="https://store.example/files/"), protocol=tus.session.protocol
    )
    tus.received(Response(status=201, headers={"location": location}))

    assert "https://store.example/files/u1" == tus.next_request().url


def test_an_empty_medium_is_an_empty_patch() -> None:
    """Some servers make an object of an upload of length 0 only when it is appended to."""
    tus = _tus(0)
    assert ("PATCH", 0) == (tus.next_request().method, tus.next_request().body_bytes)
    tus.received(Broken("cut"))

    assert Advanced(0) == tus.received(_at(0))
    assert Complete(Evidence(status=204)) == tus.received(_at(0))


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (_at(10), Complete(Evidence(status=204))),
        (_at(4), Advanced(4)),
        (_at(0), Conflict(0)),
        (Response(status=423), Ambiguous("HTTP 423")),
        (Response(status=409), Ambiguous("HTTP 409")),
        (Response(status=460), Ambiguous("HTTP 460")),
        (Response(status=415), Refused("HTTP 415")),
        (Response(status=410), Gone("HTTP 410")),
        (Response(status=204), Ambiguous("HTTP 204 without an Upload-Offset")),
        (_at(11), Gone("the upload holds 11 of None bytes, for a medium of 10")),
    ],
)
def test_answers_to_a_patch(answer: Response, outcome: Outcome) -> None:
    """The store's offset is followed; every refusal has one meaning."""
    assert outcome == _tus().received(answer)


def test_a_page_in_place_of_the_store() -> None:
    """A portal knows no offset."""
    assert isinstance(_tus().received(PAGE), NotTheStore)


def test_doubt_is_followed_by_head() -> None:
    """Nothing is sent before the store was asked where it stands."""
    tus = _tus()
    tus.received(Broken("cut"))

    assert "HEAD" == tus.next_request().method
    assert Advanced(6) == tus.received(_at(6, **{"upload-length": "10"}))
    assert 6 == tus.next_request().body_offset


def test_an_upload_of_another_length_is_not_ours() -> None:
    """A resource that holds some other medium is left."""
    tus = _tus()
    tus.received(Broken("cut"))

    assert isinstance(tus.received(_at(6, **{"upload-length": "11"})), Gone)


def test_a_body_that_is_too_large_is_cut() -> None:
    """Behind a proxy that limits bodies the medium goes in chunks, also after a restart."""
    tus = _tus()
    assert isinstance(tus.received(Response(status=413)), Ambiguous)
    again = Tus(tus.session, Cargo(size_bytes=10, chunk_bytes=4), resumed=True)
    again.received(_at(0))

    assert 4 == again.next_request().body_bytes


def test_a_body_that_is_always_too_large_ends() -> None:
    """Below a sensible piece there is nothing left to try."""
    tus = _tus()
    tus.received(Response(status=413))
    tus.received(_at(0))

    assert Refused("HTTP 413") == tus.received(Response(status=413))


def test_another_origin_gets_no_token() -> None:
    """A Location elsewhere is followed without the headers that were handed out for here."""
    tus = _tus(created=False)
    tus.received(Response(status=201, headers={"location": "https://cdn.example/u1"}))

    assert "Authorization" not in dict(tus.next_request().headers)


def test_an_upload_that_stays_closed_is_created_anew() -> None:
    """When a fresh target does not open the old upload, a new one is created and asked."""
    tus = _tus()
    assert isinstance(tus.received(Response(status=403)), Expired)
    tus = Tus(tus.session, Cargo(size_bytes=10, chunk_bytes=4), resumed=True)

    assert isinstance(tus.received(Response(status=403)), Ambiguous)
    assert "POST" == tus.next_request().method
    tus.received(CREATED)
    assert "HEAD" == tus.next_request().method


def test_an_upload_that_opens_again_is_kept() -> None:
    """One refusal between two answers is only an old token."""
    tus = _tus()
    for _ in range(3):
        assert isinstance(tus.received(Response(status=403)), Expired)
        tus.received(_at(0))

    assert "location" in tus.session.state
