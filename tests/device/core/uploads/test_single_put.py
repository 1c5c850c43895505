"""One PUT of the whole medium."""

from dataclasses import replace

import pytest

from device.core.uploads import Ambiguous, Broken, Cargo, Complete, NotTheStore, Response, Throttled
from device.core.uploads.classify import SINGLE_PUT
from device.core.uploads.single_put import SinglePut
from device.model import Evidence, UploadSession
from tests.device.core.uploads.conformance import TARGET
from tests.device.core.uploads.test_refusals import PAGE


def _put(size_bytes: int = 100, *, resumed: bool = False) -> SinglePut:
    session = UploadSession(target=TARGET, protocol=SINGLE_PUT)
    return SinglePut(session, Cargo(size_bytes=size_bytes, chunk_bytes=1), resumed=resumed)


def test_headers_go_out_as_handed() -> None:
    """Nothing is added to what the API handed out, least of all Content-Range."""
    assert TARGET.headers == _put().next_request().headers


def test_a_large_body_asks_first() -> None:
    """A dead URL must not cost a large body."""
    assert _put(65_537, resumed=True).next_request().expect_continue
    assert not _put(65_536, resumed=True).next_request().expect_continue


def test_a_fresh_url_is_trusted_with_more() -> None:
    """What was handed out just now is seldom dead, so that an image need not ask first."""
    assert _put(262_145).next_request().expect_continue
    assert not _put(262_144).next_request().expect_continue


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


@pytest.mark.parametrize(
    ("header", "resumed", "complete"),
    [
        (("x-goog-if-generation-match", "0"), True, True),
        (("If-None-Match", "*"), True, True),
        (("If-None-Match", "*"), False, False),
        (("x-goog-if-generation-match", "7"), True, False),
        (("Content-Type", "audio/opus"), True, False),
    ],
)
def test_an_url_that_was_signed_for_one_put(
    header: tuple[str, str], resumed: bool, complete: bool
) -> None:
    """412 says that an earlier PUT of ours arrived, if its URL was for new objects only."""
    session = UploadSession(target=replace(TARGET, headers=(header,)), protocol=SINGLE_PUT)
    put = SinglePut(session, Cargo(size_bytes=100, chunk_bytes=1), resumed=resumed)

    outcome = put.received(Response(status=412))

    assert complete == (Complete(Evidence(status=412)) == outcome)
    assert (100 if complete else 0) == put.offset
