"""Resumable uploads for HTTP, answer by answer."""

import hashlib

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
from device.core.uploads.classify import IETF
from device.core.uploads.ietf import Ietf
from device.core.uploads.ietf_fields import repr_digest
from device.model import Evidence, Target, UploadSession
from tests.device.core.uploads.conformance import Whole, drive
from tests.device.core.uploads.doubles import IetfDouble
from tests.device.core.uploads.test_refusals import PAGE

SHA256 = hashlib.sha256(b"0123456789").hexdigest()
INTEROP = "Upload-Draft-Interop-Version"
CREATED = Response(status=201, headers={"location": "/uploads/u1"})
PROBLEM = b'{"type": "https://iana.org/assignments/http-problem-types#%s"}'


def _ietf(
    size_bytes: int = 10,
    *,
    headers: tuple[tuple[str, str], ...] = (),
    created: Response | None = CREATED,
) -> Ietf:
    target = Target(url="https://store.example/files", method="POST", headers=headers)
    session = UploadSession(target=target, protocol=IETF)
    cargo = Cargo(size_bytes=size_bytes, chunk_bytes=4, sha256=SHA256, content_type="audio/opus")
    ietf = Ietf(session, cargo, resumed=False)
    if created is not None:
        ietf.received(created)
    return ietf


def _at(offset: int | None, complete: str | None = "?0", status: int = 204) -> Response:
    headers = {} if offset is None else {"upload-offset": str(offset)}
    if complete is not None:
        headers["upload-complete"] = complete
    return Response(status=status, headers=headers)


def test_the_careful_creation() -> None:
    """Created with no byte: type, length and digest of the whole, and not complete."""
    request = _ietf(created=None).next_request()

    expected = {
        "Content-Type": "audio/opus",
        INTEROP: "8",
        "Upload-Complete": "?0",
        "Upload-Length": "10",
        "Repr-Digest": repr_digest(SHA256),
    }
    assert "POST" == request.method
    assert expected == dict(request.headers)
    assert 0 == request.body_bytes


def test_a_medium_without_a_digest_announces_none() -> None:
    """A digest that nobody knows is not announced."""
    target = Target(url="https://store.example/files", headers=(("Content-Type", "a/b"),))
    session = UploadSession(target=target, protocol=IETF)
    ietf = Ietf(session, Cargo(size_bytes=1, chunk_bytes=1), resumed=False)

    headers = dict(ietf.next_request().headers)

    assert "a/b" == headers["Content-Type"]
    assert "Repr-Digest" not in headers


def test_one_append_carries_all_that_is_left() -> None:
    """The last append says that it is the last."""
    ietf = _ietf()
    ietf.received(_at(3))

    request = ietf.next_request()

    expected = {
        INTEROP: "8",
        "Content-Type": "application/partial-upload",
        "Upload-Offset": "3",
        "Upload-Complete": "?1",
    }
    assert ("PATCH", 3, 7) == (request.method, request.body_offset, request.body_bytes)
    assert expected == dict(request.headers)


def test_a_limit_cuts_the_medium() -> None:
    """max-append-size is kept to, and only the append that ends the medium is the last."""
    created = Response(status=201, headers={**CREATED.headers, "upload-limit": "max-append-size=6"})
    ietf = _ietf(created=created)
    first = ietf.next_request()
    ietf.received(_at(None))
    last = ietf.next_request()

    assert (6, "?0") == (first.body_bytes, dict(first.headers)["Upload-Complete"])
    assert (4, "?1") == (last.body_bytes, dict(last.headers)["Upload-Complete"])


@pytest.mark.parametrize("limit", ["max-size=9", "min-size=11, max-size=20", "x=1, max-size=9"])
def test_a_medium_beyond_the_limits_is_refused(limit: str) -> None:
    """Not a byte leaves for a store that will not take them all."""
    created = Response(status=201, headers={**CREATED.headers, "upload-limit": limit})

    assert isinstance(_ietf(created=None).received(created), Refused)


@pytest.mark.parametrize(
    ("answer", "kind", "interop"),
    [
        (CREATED, Advanced, "8"),
        (Response(status=200), Ambiguous, "6"),
        (Response(status=412), Ambiguous, "6"),
        (PAGE, NotTheStore, "8"),
        (Response(status=403), Expired, "8"),
        (Response(status=503), Throttled, "8"),
        (Response(status=400), Refused, "8"),
        (Broken("cut"), Ambiguous, "8"),
    ],
)
def test_answers_to_the_creation(answer: Response | Broken, kind: type, interop: str) -> None:
    """What treats the version as a stranger is asked in the older one."""
    ietf = _ietf(created=None)

    assert isinstance(ietf.received(answer), kind)
    assert interop == dict(ietf.next_request().headers)[INTEROP]


def test_a_store_that_speaks_neither_is_refused() -> None:
    """A store that never names an upload does not resume."""
    ietf = _ietf(created=None)
    ietf.received(Response(status=201))

    assert isinstance(ietf.received(Response(status=201)), Refused)


def test_the_version_may_be_handed_out() -> None:
    """An API that knows its store says which version to begin with, and it goes out once."""
    headers = _ietf(headers=((INTEROP, "6"),), created=None).next_request().headers

    assert ["6"] == [value for name, value in headers if name == INTEROP]


@pytest.mark.parametrize("interop", ["8", "6"])
@pytest.mark.parametrize("stranger", [201, 412])
def test_both_versions_are_found(interop: str, stranger: int) -> None:
    """Whichever a server speaks, no byte reaches it in the other."""
    double = IetfDouble(10, interop=interop)
    double.store.stranger = stranger
    cargo = Cargo(size_bytes=10, chunk_bytes=4, sha256=SHA256)

    drive(double, cargo, b"0123456789", [Whole()])

    assert b"0123456789" == double.content()
    assert b"" == b"".join(double.store.plain_bodies)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (_at(None, "?1", 200), Complete(Evidence(status=200))),
        (_at(10, None, 200), Complete(Evidence(status=200))),
        (_at(4), Advanced(4)),
        (_at(4, None), Advanced(4)),
        (_at(0), Conflict(0)),
        (_at(None, None), Ambiguous("HTTP 204: not said whether the upload is complete")),
        (_at(6, "?0", 409), Conflict(6)),
        (_at(11, "?0", 409), Gone("the upload holds 11 bytes of a medium of 10")),
        (_at(None, None, 409), Ambiguous("HTTP 409")),
        (_at(None, "?1", 422), Gone("HTTP 422")),
        (_at(None, "?1", 403), Gone("HTTP 403")),
        (_at(None, "?1", 415), Refused("HTTP 415")),
        (_at(None, "?1", 503), Throttled(None, "HTTP 503")),
        (_at(None, None, 404), Gone("HTTP 404")),
        (_at(None, None, 503), Throttled(None, "HTTP 503")),
    ],
)
def test_answers_to_an_append(answer: Response, outcome: Outcome) -> None:
    """The store says what is complete; its offset is followed; the rest is the table."""
    assert outcome == _ietf().received(answer)


def test_a_failed_processing_ends_the_upload() -> None:
    """An error that says `?1` is about the whole: the next try is another upload."""
    ietf = _ietf()
    ietf.received(_at(None, "?1", 503))

    assert "POST" == ietf.next_request().method


@pytest.mark.parametrize(
    ("problem", "kind"),
    [(b"completed-upload", Ambiguous), (b"inconsistent-upload-length", Gone)],
)
def test_problem_types(problem: bytes, kind: type) -> None:
    """A completed upload is asked about, one of another length is left."""
    assert isinstance(_ietf().received(Response(status=400, body=PROBLEM % problem)), kind)


def test_a_page_in_place_of_the_store() -> None:
    """A portal completes nothing, whatever it is asked."""
    ietf = _ietf()

    assert isinstance(ietf.received(PAGE), NotTheStore)
    assert isinstance(ietf.received(PAGE), NotTheStore)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (_at(10, "?1"), Complete(Evidence(status=204))),
        (_at(4, "?1"), Gone("the upload was completed with 4 bytes")),
        (_at(10), Advanced(10)),
        (_at(None), Ambiguous("HTTP 204 without an Upload-Offset")),
        (Response(status=404), Gone("HTTP 404")),
        (
            Response(status=204, headers={"upload-offset": "1", "upload-length": "11"}),
            Gone("the upload is one of 11 bytes, not 10"),
        ),
    ],
)
def test_answers_to_the_question(answer: Response, outcome: Outcome) -> None:
    """HEAD tells where the store stands, and of a lost final answer."""
    ietf = _ietf()
    ietf.received(Broken("cut"))

    assert "HEAD" == ietf.next_request().method
    assert outcome == ietf.received(answer)


def test_all_bytes_and_not_complete() -> None:
    """The offset alone completes nothing: an empty last append does."""
    ietf = _ietf()
    ietf.received(Broken("cut"))
    ietf.received(_at(10))

    request = ietf.next_request()

    assert ("PATCH", 0) == (request.method, request.body_bytes)
    assert "?1" == dict(request.headers)["Upload-Complete"]


@pytest.mark.parametrize(("limit", "piece"), [("", 4), ("max-append-size=7", 7)])
def test_a_body_that_is_too_large_is_cut(limit: str, piece: int) -> None:
    """The store's own limit, or a chunk where some proxy limits bodies."""
    ietf = _ietf()
    assert isinstance(
        ietf.received(Response(status=413, headers={"upload-limit": limit})), Ambiguous
    )
    ietf.received(_at(0))

    assert piece == ietf.next_request().body_bytes


def test_a_body_that_is_always_too_large_ends() -> None:
    """A store whose limit we keep to and that still refuses cannot be pleased."""
    answer = Response(status=413, headers={"upload-limit": "max-append-size=10"})

    assert isinstance(_ietf().received(answer), Refused)


def test_the_stores_digest_is_evidence() -> None:
    """What the store computed goes with the evidence, to be compared."""
    headers = {"upload-complete": "?1", "repr-digest": f"md5=:x:, {repr_digest(SHA256)}"}

    outcome = _ietf().received(Response(status=200, headers=headers))

    assert Complete(Evidence(status=200, sha256=SHA256)) == outcome


def test_a_store_that_takes_crumbs() -> None:
    """A limit so small that requests would cost more than the medium is a refusal."""
    created = Response(status=201, headers={**CREATED.headers, "upload-limit": "max-append-size=1"})
    ietf = _ietf(1_000_000, created=None)

    assert isinstance(ietf.received(created), Refused)
