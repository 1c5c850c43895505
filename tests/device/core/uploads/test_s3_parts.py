"""S3 multipart by presigned URLs, answer by answer."""

import json

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
    Refused,
    Response,
    Throttled,
)
from device.core.uploads.classify import S3_PARTS
from device.core.uploads.parts_document import parsed
from device.core.uploads.s3_parts import S3Parts
from device.model import Evidence, UploadSession
from tests.device.core.uploads.conformance import TARGET
from tests.device.core.uploads.doubles import PartsDouble
from tests.device.core.uploads.test_refusals import PAGE, _xml

DONE = b"<CompleteMultipartUploadResult><ETag>&quot;x-3&quot;</ETag></Complete...>"


def _document(first: int = 1, count: int = 16, **more: object) -> Response:
    document = {
        "part_bytes": 4,
        "parts": [{"number": n, "url": f"https://s3/{n}"} for n in range(first, first + count)],
        "complete_url": "https://s3/complete",
    }
    return Response(status=200, body=json.dumps({**document, **more}).encode())


def _held(number: int, size_bytes: int) -> dict[str, object]:
    return {"number": number, "etag": f'"h{number}"', "size_bytes": size_bytes}


def _ok(number: int) -> Response:
    return Response(status=200, headers={"etag": f'"{number}"'})


def _parts(size_bytes: int = 10, *answers: Response | Broken) -> S3Parts:
    session = UploadSession(target=TARGET, protocol=S3_PARTS)
    parts = S3Parts(session, Cargo(size_bytes=size_bytes, chunk_bytes=1), resumed=False)
    for answer in answers:
        parts.received(answer)
    return parts


def _again(parts: S3Parts, size_bytes: int = 10) -> S3Parts:
    return S3Parts(parts.session, Cargo(size_bytes=size_bytes, chunk_bytes=1), resumed=True)


def test_it_begins_with_the_document() -> None:
    """The handed URL is the document's, asked from the first part on with the handed headers."""
    request = _parts().next_request()

    assert ("GET", f"{TARGET.url}&from=1") == (request.method, request.url)
    assert TARGET.headers == request.headers


def test_a_url_without_a_query_gets_one() -> None:
    """The first parameter needs another mark than a further one."""
    target = TARGET.__class__(url="https://gateway.example/parts")
    session = UploadSession(target=target, protocol=S3_PARTS)
    parts = S3Parts(session, Cargo(size_bytes=1, chunk_bytes=1), resumed=False)

    assert "https://gateway.example/parts?from=1" == parts.next_request().url


def test_parts_go_to_their_urls_bare() -> None:
    """Each part is its slice, without one header that was not signed."""
    parts = _parts(10, _document(), _ok(1), _ok(2))

    request = parts.next_request()

    assert ("PUT", "https://s3/3", ()) == (request.method, request.url, request.headers)
    assert (8, 2) == (request.body_offset, request.body_bytes)


def test_the_list_names_every_etag() -> None:
    """Completion lists what the store answered, escaped, in order."""
    answer = Response(status=200, headers={"etag": '"a&b"'})
    request = _parts(10, _document(), _ok(1), _ok(2), answer).next_request()

    assert ("POST", "https://s3/complete") == (request.method, request.url)
    assert b'<Part><PartNumber>1</PartNumber><ETag>"1"</ETag></Part>' in request.content
    assert b'<PartNumber>3</PartNumber><ETag>"a&amp;b"</ETag>' in request.content


def test_urls_are_fetched_lazily() -> None:
    """When the handed out URLs are used up, the next are asked for."""
    parts = _parts(10, _document(count=2), _ok(1), _ok(2))

    assert f"{TARGET.url}&from=3" == parts.next_request().url


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Broken("cut"), Ambiguous),
        (Response(status=403, body=_xml("AccessDenied", "Request has expired")), Ambiguous),
        (Response(status=400, body=_xml("ExpiredToken")), Ambiguous),
        (Response(status=400, body=_xml("BadDigest")), Ambiguous),
        (Response(status=400, body=_xml("EntityTooLarge")), Refused),
        (Response(status=404, body=_xml("NoSuchUpload")), Gone),
        (Response(status=503, body=_xml("SlowDown")), Throttled),
        (Response(status=200), Ambiguous),
        (Response(status=200, headers={"etag": "e"}, body=_xml("InternalError")), Throttled),
        (PAGE, NotTheStore),
    ],
)
def test_any_trouble_with_a_part_asks_the_document(answer: Response | Broken, kind: type) -> None:
    """A dead URL is not a dead upload: the document hands out fresh ones, and costs no byte."""
    parts = _parts(10, _document(), _ok(1))

    assert isinstance(parts.received(answer), kind)
    assert f"{TARGET.url}&from=2" == parts.next_request().url


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Response(status=403), Expired),
        (Response(status=404), Gone),
        (Response(status=503), Throttled),
        (Response(status=200, body=b"{}"), Ambiguous),
        (PAGE, NotTheStore),
        (_document(first=2), Ambiguous),
        (_document(part_bytes=1), Advanced),
    ],
)
def test_answers_to_the_document(answer: Response, kind: type) -> None:
    """A 403 on the document itself is an expired target."""
    assert isinstance(_parts().received(answer), kind)


def test_too_many_parts_are_refused() -> None:
    """More than 10,000 parts cannot be completed, so none is sent."""
    assert isinstance(_parts(10_001).received(_document(part_bytes=1)), Refused)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"[" * 60_000,
        b'{"part_bytes": 0, "parts": [], "complete_url": "https://s3/c"}',
        b'{"part_bytes": true, "parts": [], "complete_url": "https://s3/c"}',
        b'{"part_bytes": 4, "parts": [], "complete_url": "ftp://s3/c"}',
        b'{"part_bytes": 4, "parts": [{"number": 1}], "complete_url": "https://s3/c"}',
        b'{"part_bytes": 4, "parts": 3, "complete_url": "https://s3/c"}',
        b'{"part_bytes": 4, "parts": [], "complete_url": "https://s3/c", "held": [{}]}',
    ],
)
def test_a_document_that_is_none(body: bytes) -> None:
    """Anything else than the document is not half believed."""
    assert parsed(body) is None


def test_what_the_store_holds_is_not_sent_again() -> None:
    """Parts that the signer found are taken over, those of another size are not."""
    held = [_held(1, 4), _held(2, 4), _held(3, 1)]
    parts = _parts()

    assert Advanced(8) == parts.received(_document(held=held))
    assert "https://s3/3" == parts.next_request().url


def test_what_is_held_behind_a_gap_is_not_sent_again() -> None:
    """Only the part that is missing goes, and then those behind what the store holds."""
    parts = _parts(10, _document(held=[_held(2, 4)]))
    first = parts.next_request()
    parts.answered(first, _ok(1))

    assert "https://s3/1" == first.url
    assert "https://s3/3" == parts.next_request().url


def test_parts_do_not_wait_for_each_other() -> None:
    """Beside a part that is not answered the next one goes, as far as there are URLs."""
    parts = _parts(10, _document(count=2))
    first = parts.next_request()
    second = parts.next_beside([first])

    assert second is not None
    assert "https://s3/2" == second.url
    assert parts.next_beside([first, second]) is None


def test_the_document_waits_for_parts_under_way() -> None:
    """What it says of the upload is then of all that was sent."""
    parts = _parts(10, _document(count=2), _ok(1))
    second = parts.next_request()
    before = parts.next_beside([second])
    parts.answered(second, _ok(2))

    assert before is None
    assert f"{TARGET.url}&from=3" == parts.next_request().url


def test_the_list_waits_for_every_part() -> None:
    """The last part may be up; while another is not, nothing is completed."""
    parts = _parts(10, _document(), _ok(1))
    second = parts.next_request()
    third = parts.next_beside([second])
    assert third is not None
    parts.answered(third, _ok(3))
    waiting = parts.next_beside([second])
    parts.answered(second, _ok(2))

    assert waiting is None
    assert "POST" == parts.next_request().method


def test_nothing_goes_beside_a_part_once_another_is_in_doubt() -> None:
    """A refused part is asked about first, and those under way keep their ETags."""
    parts = _parts(10, _document())
    first = parts.next_request()
    second = parts.next_beside([first])
    assert second is not None
    parts.answered(first, Response(status=403))
    held_back = parts.next_beside([second])

    assert held_back is None
    assert Advanced(4) == parts.answered(second, _ok(2))
    assert f"{TARGET.url}&from=1" == parts.next_request().url


def test_a_part_behind_a_gap_outlives_a_restart() -> None:
    """Its ETag is saved with its number, and the list names it in its place."""
    parts = _parts(10, _document())
    first = parts.next_request()
    second = parts.next_beside([first])
    assert second is not None
    parts.answered(second, _ok(2))
    again = _again(parts)
    for answer in (_document(), _ok(1), _ok(3)):
        again.received(answer)

    assert b'<PartNumber>2</PartNumber><ETag>"2"</ETag>' in again.next_request().content
    assert "ahead" not in again.session.state


def test_another_size_of_parts_begins_anew() -> None:
    """ETags of parts with other bounds are of no use."""
    parts = _again(_parts(10, _document(), _ok(1), _ok(2)))

    assert Conflict(0) == parts.received(_document(part_bytes=5))
    assert (0, 5) == (parts.next_request().body_offset, parts.next_request().body_bytes)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Broken("cut"), Ambiguous),
        (Response(status=200, body=_xml("InternalError")), Throttled),
        (Response(status=200), Ambiguous),
        (PAGE, NotTheStore),
        (Response(status=403), Ambiguous),
        (Response(status=400, body=_xml("EntityTooSmall")), Refused),
        (Response(status=400, body=_xml("InvalidPart")), Gone),
        (Response(status=200, body=_xml("InvalidPartOrder")), Gone),
        (Response(status=503), Throttled),
        (Response(status=404, body=_xml("NoSuchUpload")), Complete),
    ],
)
def test_answers_to_the_completion(answer: Response | Broken, kind: type) -> None:
    """A 200 may be a failure, and an upload that is no more may be our own success."""
    assert isinstance(_parts(4, _document(), _ok(1)).received(answer), kind)


@pytest.mark.parametrize("quote", [b'"', b"&quot;", b"&#34;"])
def test_the_etag_of_the_whole_is_evidence(quote: bytes) -> None:
    """The store's name for the whole is kept."""
    done = DONE.replace(b"&quot;", quote)

    outcome = _parts(4, _document(), _ok(1)).received(Response(status=200, body=done))

    assert Complete(Evidence(status=200, etag='"x-3"')) == outcome


@pytest.mark.parametrize("status", [404, 410])
def test_a_lost_completion_is_found_after_a_restart(status: int) -> None:
    """With every ETag saved, an upload that is no more was completed by us."""
    parts = _again(_parts(4, _document(), _ok(1)), 4)

    assert Complete(Evidence(status=status)) == parts.received(Response(status=status))


def test_an_empty_medium_is_one_empty_part() -> None:
    """S3 completes nothing without a part."""
    request = _parts(0, _document()).next_request()

    assert ("https://s3/1", 0, 0) == (request.url, request.body_offset, request.body_bytes)


def test_a_store_with_a_least_size_is_kept_to() -> None:
    """What S3 calls too small is refused with its own words, not tried for ever."""
    double = PartsDouble(4)
    double.store.least_bytes = 5
    parts = _parts()
    outcome: object = None
    while not isinstance(outcome, Refused):
        request = parts.next_request()
        body = request.content or bytes(request.body_bytes)
        headers = {} if request.method != "GET" else dict(request.headers)
        status, fields, said = double.store.take(
            request.method,
            request.url.replace("s%2Fs", "s%2F1"),
            headers,
            body,
            declared=len(body),
        )
        lower = {name.lower(): value for name, value in fields.items()}
        outcome = parts.received(Response(status=status, headers=lower, body=said))

    assert "EntityTooSmall" in outcome.reason


@pytest.mark.parametrize(
    "more",
    [
        {"complete_url": "http://s3/complete"},
        {"parts": [{"number": 1, "url": "https://s3/1"}, {"number": 2, "url": "http://s3/2"}]},
    ],
)
def test_a_document_that_leaves_tls(more: dict[str, object]) -> None:
    """No part goes in the clear because a signer that is asked by TLS says so."""
    parts = _parts(10)

    assert isinstance(parts.received(_document(**more)), NotTheStore)
    assert "GET" == parts.next_request().method


def test_an_endless_etag_is_not_kept() -> None:
    """What a store calls a part stays short: all of them are saved with each part."""
    parts = _parts(10, _document())

    assert isinstance(parts.received(Response(status=200, headers={"etag": "e" * 8000})), Ambiguous)
    assert 0 == parts.offset
