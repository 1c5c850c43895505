"""PUT with Content-Range, answer by answer."""

import json
from dataclasses import replace

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
    Response,
    Throttled,
)
from device.core.uploads.chunked_put import QUANTUM_BYTES, ChunkedPut
from device.core.uploads.classify import CHUNKED_PUT
from device.model import Evidence, Target, UploadSession
from tests.device.core.uploads.conformance import TARGET
from tests.device.core.uploads.test_refusals import PAGE

SIZE = 3 * QUANTUM_BYTES + 5


def _put(
    size_bytes: int = SIZE, *, chunk_bytes: int = QUANTUM_BYTES, asking: bool = False
) -> ChunkedPut:
    session = UploadSession(target=TARGET, protocol=CHUNKED_PUT)
    cargo = Cargo(size_bytes=size_bytes, chunk_bytes=chunk_bytes)
    return ChunkedPut(session, cargo, resumed=asking)


def _held(last: int) -> Response:
    return Response(status=308, headers={"range": f"bytes=0-{last}"})


def _span(put: ChunkedPut) -> str:
    return dict(put.next_request().headers)["Content-Range"]


@pytest.mark.parametrize("chunk_bytes", [0, 1, QUANTUM_BYTES, 2 * QUANTUM_BYTES - 1])
def test_chunks_are_whole_quanta(chunk_bytes: int) -> None:
    """Whatever the configuration says, a chunk that is not the last is a multiple of 262144."""
    assert QUANTUM_BYTES == _put(chunk_bytes=chunk_bytes).next_request().body_bytes


def test_the_last_chunk_is_the_rest() -> None:
    """The last chunk ends at the last byte."""
    put = _put()
    put.received(_held(3 * QUANTUM_BYTES - 1))

    assert f"bytes {3 * QUANTUM_BYTES}-{SIZE - 1}/{SIZE}" == _span(put)
    assert 5 == put.next_request().body_bytes


@pytest.mark.parametrize(
    ("answer", "outcome", "span"),
    [
        (_held(QUANTUM_BYTES - 1), Advanced(QUANTUM_BYTES), "bytes 262144-524287/786437"),
        (_held(99), Advanced(100), "bytes 100-262243/786437"),
        (_held(2 * QUANTUM_BYTES - 1), Conflict(2 * QUANTUM_BYTES), "bytes 524288-786431/786437"),
        (Response(status=308), Conflict(0), "bytes 0-262143/786437"),
    ],
)
def test_the_store_says_where_it_stands(answer: Response, outcome: Outcome, span: str) -> None:
    """Full, partial, ahead or nothing: the next chunk begins where the store stands."""
    put = _put()

    assert outcome == put.received(answer)
    assert span == _span(put)


def test_a_store_that_fell_back_is_followed() -> None:
    """An offset behind ours wins."""
    put = _put()
    put.received(_held(2 * QUANTUM_BYTES - 1))

    assert Conflict(QUANTUM_BYTES) == put.received(_held(QUANTUM_BYTES - 1))


@pytest.mark.parametrize("status", [200, 201])
def test_a_query_that_says_done_is_done(status: int) -> None:
    """A lost final answer is found by asking."""
    put = _put()
    put.received(Broken("cut"))

    outcome = put.received(Response(status=status, headers={"etag": "e"}))

    assert Complete(Evidence(status=status, etag="e")) == outcome
    assert SIZE == put.offset


@pytest.mark.parametrize(
    "answer",
    [
        Broken("cut"),
        Response(status=408),
        Response(status=429),
        Response(status=500),
        Response(status=308, headers={"range": "bytes 0-1"}),
        Response(status=200),
        Response(status=403),
        PAGE,
    ],
)
def test_any_doubt_is_followed_by_the_query(answer: Response | Broken) -> None:
    """Nothing is sent again before the store was asked."""
    put = _put()

    put.received(answer)

    assert f"bytes */{SIZE}" == _span(put)
    assert 0 == put.next_request().body_bytes


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Response(status=404), Gone),
        (Response(status=410), Gone),
        (Response(status=403), Expired),
        (Response(status=503), Throttled),
        (Response(status=308, headers={"location": "https://elsewhere.example"}), NotTheStore),
        (PAGE, NotTheStore),
        (Response(status=200, body=b"<Error>"), Throttled),
        (Response(status=200), Ambiguous),
        (_held(SIZE), Gone),
        (Response(status=308, headers={"range": "bytes=0-x"}), Ambiguous),
    ],
)
def test_other_answers_to_a_chunk(answer: Response, kind: type) -> None:
    """Each other answer has one meaning; a 200 before the last byte is not believed."""
    assert isinstance(_put().received(answer), kind)


def test_all_bytes_without_a_final_answer() -> None:
    """A store that has every byte and only says 308 is asked, then doubted."""
    put = _put(5)

    assert Advanced(5) == put.received(_held(4))
    assert "bytes */5" == _span(put)
    assert isinstance(put.received(_held(4)), Ambiguous)


def test_an_empty_medium_is_one_query() -> None:
    """Nothing to send: `bytes */0` is the whole upload."""
    put = _put(0)

    assert "bytes */0" == _span(put)
    assert isinstance(put.received(Response(status=308)), Ambiguous)
    assert isinstance(put.received(Response(status=200)), Complete)


def test_one_byte() -> None:
    """A medium of one byte is the range 0-0."""
    put = _put(1)

    assert "bytes 0-0/1" == _span(put)
    assert isinstance(put.received(Response(status=200)), Complete)


def test_a_query_that_stands_still_is_an_advance() -> None:
    """The answer to a question is news even if nothing moved."""
    put = _put(asking=True)

    assert Advanced(0) == put.received(Response(status=308))


@pytest.mark.parametrize(
    ("document", "sha256"),
    [
        ({"content_sha256": "AB", "file_size_bytes": 5}, "ab"),
        ({"size": "5"}, None),
        ({"size": True}, None),
        ({"size": "x", "content_sha256": 1}, None),
        ([], None),
    ],
)
def test_the_stores_own_words_are_kept(document: object, sha256: str | None) -> None:
    """Digest and size are read where a store names them, and ignored where they are nonsense."""
    outcome = _put(5).received(Response(status=200, body=json.dumps(document).encode()))

    assert Complete(Evidence(status=200, sha256=sha256)) == outcome


@pytest.mark.parametrize(
    ("stated", "md5"),
    [
        ("crc32c=n03x6A==, md5=XUFAKrxLKna5cZ2REBfFkg==", "5d41402abc4b2a76b9719d911017c592"),
        ("crc32c=n03x6A==", None),
    ],
)
@pytest.mark.parametrize("asking", [False, True])
def test_googles_digest_is_evidence(stated: str, md5: str | None, asking: bool) -> None:
    """What the store says of the whole object is kept, also where only a query heard of it."""
    answer = Response(status=200, headers={"x-goog-hash": stated})

    assert Complete(Evidence(status=200, md5=md5)) == _put(5, asking=asking).received(answer)


def test_another_size_is_not_complete() -> None:
    """A store that says done with another size has not got the medium."""
    body = b'{"file_size_bytes": 4}'

    assert isinstance(_put(5).received(Response(status=200, body=body)), Gone)


def _started(*answers: Response | Broken) -> ChunkedPut:
    url = "https://storage.googleapis.com/o?X-Goog-Signature=0a"
    headers = (("Content-Type", "a/b"), ("x-goog-resumable", "start"))
    session = UploadSession(target=Target(url=url, headers=headers), protocol=CHUNKED_PUT)
    put = ChunkedPut(session, Cargo(size_bytes=SIZE, chunk_bytes=1), resumed=False)
    for answer in answers:
        put.received(answer)
    return put


SESSION = Response(status=201, headers={"location": "https://storage.googleapis.com/o?upload_id=7"})


def test_a_google_session_is_started_with_what_was_signed() -> None:
    """The start is an empty POST with the handed headers, byte for byte what was signed."""
    request = _started().next_request()

    expected = {"Content-Type": "a/b", "x-goog-resumable": "start"}
    assert ("POST", 0, expected) == (request.method, request.body_bytes, dict(request.headers))


def test_a_google_session_is_its_own_secret() -> None:
    """Chunks go to the Location, without the headers that were signed for the start."""
    request = _started(SESSION).next_request()

    assert "https://storage.googleapis.com/o?upload_id=7" == request.url
    assert {"Content-Range": "bytes 0-262143/786437"} == dict(request.headers)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Broken("cut"), Ambiguous),
        (Response(status=403), Expired),
        (Response(status=503), Throttled),
        (Response(status=201), NotTheStore),
        (PAGE, NotTheStore),
        (SESSION, Advanced),
    ],
)
def test_answers_to_the_start(answer: Response | Broken, kind: type) -> None:
    """A session is begun by its Location and by nothing else."""
    assert isinstance(_started().received(answer), kind)


@pytest.mark.parametrize(
    ("once", "resumed", "complete"),
    [(True, True, True), (True, False, False), (False, True, False)],
)
def test_a_start_for_new_objects_alone_says_what_arrived(
    once: bool, resumed: bool, complete: bool
) -> None:
    """412 to somebody who may have sent it all before: it is there, and is not sent again."""
    session = _started().session
    if once:
        headers = (*session.target.headers, ("x-goog-if-generation-match", "0"))
        session = replace(session, target=replace(session.target, headers=headers))
    put = ChunkedPut(session, Cargo(size_bytes=SIZE, chunk_bytes=1), resumed=resumed)
    outcome = put.received(Response(status=412))

    assert complete == (Complete(Evidence(status=412)) == outcome)
    assert (SIZE if complete else 0) == put.offset


def test_a_start_after_a_session_that_was_lost_says_what_arrived() -> None:
    """The last answer was lost, then the session: the store still knows the object."""
    put = _started(SESSION, Broken("cut"), Response(status=410), Response(status=410))
    headers = (*put.session.target.headers, ("x-goog-if-generation-match", "0"))
    put.session = replace(put.session, target=replace(put.session.target, headers=headers))
    put.session = replace(put.session, state={})

    assert Complete(Evidence(status=412)) == put.received(Response(status=412))


def test_a_session_that_stays_closed_is_started_anew() -> None:
    """A fresh URL that does not help starts another session, whose offset is asked."""
    put = _started(SESSION, Response(status=403), Response(status=403))
    assert "POST" == put.next_request().method
    put.received(SESSION)

    assert f"bytes */{SIZE}" == _span(put)
