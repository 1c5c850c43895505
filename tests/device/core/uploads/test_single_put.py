"""One PUT of the whole medium."""

from device.core.uploads import Ambiguous, Broken, Cargo, Complete, NotTheStore, Response, Throttled
from device.core.uploads.classify import SINGLE_PUT
from device.core.uploads.single_put import SinglePut
from device.model import Evidence, UploadSession
from tests.device.core.uploads.conformance import TARGET
from tests.device.core.uploads.test_refusals import PAGE


def _put(size_bytes: int = 100) -> SinglePut:
    session = UploadSession(target=TARGET, protocol=SINGLE_PUT)
    return SinglePut(session, Cargo(size_bytes=size_bytes, chunk_bytes=1), resumed=False)


def test_headers_go_out_as_handed() -> None:
    """Nothing is added to what the API handed out, least of all Content-Range."""
    assert TARGET.headers == _put().next_request().headers


def test_a_large_body_asks_first() -> None:
    """A dead URL must not cost a large body."""
    assert _put(65_537).next_request().expect_continue
    assert not _put(65_536).next_request().expect_continue


def test_the_etag_is_evidence() -> None:
    """Success keeps the store's ETag."""
    outcome = _put().received(Response(status=200, headers={"etag": '"abc"'}))

    assert Complete(Evidence(status=200, etag='"abc"')) == outcome


def test_a_cut_leaves_doubt() -> None:
    """Nobody knows whether a PUT without an answer arrived."""
    put = _put()

    assert Ambiguous("cut") == put.received(Broken("cut"))
    assert 0 == put.offset


def test_a_page_is_not_success() -> None:
    """A portal's 200 stores nothing."""
    assert isinstance(_put().received(PAGE), NotTheStore)


def test_a_200_that_holds_an_error_is_not_success() -> None:
    """Some stores answer 200 and then fail in the body."""
    body = b"<?xml?><Error><Code>InternalError</Code></Error>"

    assert isinstance(_put().received(Response(status=200, body=body)), Throttled)


def test_a_refusal_is_classified() -> None:
    """Any other status goes through the common table."""
    assert isinstance(_put().received(Response(status=500)), Throttled)
