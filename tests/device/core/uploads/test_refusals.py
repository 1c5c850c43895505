"""What a store's refusal means."""

import pytest

from device.core.uploads import (
    Ambiguous,
    Expired,
    Gone,
    NotTheStore,
    Refused,
    Response,
    Throttled,
)
from device.core.uploads.refusals import error_code, refusal, sentence

PAGE = Response(status=200, headers={"content-type": "text/html; charset=utf-8"}, body=b"<html>")


def _xml(code: str, message: str = "no") -> bytes:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (403, _xml("AccessDenied", "Request has expired"), Expired),
        (403, _xml("ExpiredToken"), Expired),
        (403, _xml("SignatureDoesNotMatch"), Expired),
        (403, _xml("RequestTimeTooSkewed"), Expired),
        (403, b"", Expired),
        (401, b"", Expired),
        (400, _xml("ExpiredToken"), Expired),
        (400, _xml("RequestTimeout"), Ambiguous),
        (400, _xml("BadDigest"), Ambiguous),
        (400, _xml("EntityTooLarge"), Refused),
        (400, b"", Refused),
        (411, b"", Refused),
        (413, b"", Refused),
        (501, _xml("NotImplemented"), Refused),
        (404, _xml("NoSuchBucket"), Refused),
        (404, b"<html>Error 404 (Not Found)!!1</html>", Gone),
        (410, b"", Gone),
        (499, b"", Gone),
        (422, b"{}", Gone),
        (408, b"", Ambiguous),
        (409, _xml("ConditionalRequestConflict"), Ambiguous),
        (412, b"", Ambiguous),
        (202, b"", Ambiguous),
        (429, b"", Throttled),
        (500, _xml("InternalError"), Throttled),
        (503, _xml("SlowDown"), Throttled),
        (502, b"<html>Bad Gateway</html>", Throttled),
        (302, b"", NotTheStore),
        (308, b"", NotTheStore),
        (407, b"", NotTheStore),
        (400, _xml("EntityTooSmall"), Refused),
        (400, _xml("InvalidBlockList"), Refused),
        (403, _xml("AuthenticationFailed"), Expired),
        (404, _xml("NoSuchUpload"), Gone),
        (409, _xml("BlobAlreadyExists"), Ambiguous),
        (415, b"", Refused),
        (423, b"", Ambiguous),
        (460, b"", Ambiguous),
        (511, b"", NotTheStore),
        (403, b"<!DOCTYPE html><html>blocked</html>", NotTheStore),
    ],
)
def test_the_table(status: int, body: bytes, kind: type) -> None:
    """Each status and code has one meaning."""
    assert isinstance(refusal(Response(status=status, body=body)), kind)


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (_xml("SignatureDoesNotMatch"), True),
        (b"<Error><Code>AccessDenied</Code><HeadersNotSigned>x-amz-acl</HeadersNotSigned>", True),
        (_xml("AuthenticationFailed") + b"<D>Signature did not match. String to sign</D>", True),
        (_xml("AuthenticationFailed") + b"<D>Signature not valid in the specified time</D>", False),
        (_xml("AccessDenied", "Request has expired"), False),
        (_xml("RequestTimeTooSkewed"), False),
        (b"", False),
    ],
)
def test_a_wrong_signature_is_told_from_an_old_one(body: bytes, wrong: bool) -> None:
    """What was sent is not what was signed, or it merely is too late."""
    outcome = refusal(Response(status=403, body=body))

    assert isinstance(outcome, Expired)
    assert wrong is outcome.signature_wrong


def test_azure_states_its_code_in_a_header_too() -> None:
    """Some proxies drop or replace the body of an error; what is no code there is ignored."""
    stated = Response(status=409, headers={"x-ms-error-code": "BlobAlreadyExists"})
    odd = Response(status=409, headers={"x-ms-error-code": "<b>no</b>"})

    assert ("BlobAlreadyExists", "") == (error_code(stated), error_code(odd))


def test_another_version_of_tus_is_named() -> None:
    """A 412 of a tus server says what it speaks."""
    outcome = refusal(Response(status=412, headers={"tus-version": "0.2.2"}))

    assert Refused("HTTP 412: the store speaks tus 0.2.2") == outcome


def test_the_asked_wait_is_kept() -> None:
    """Retry-After of a 503 travels with the outcome."""
    outcome = refusal(Response(status=503, headers={"retry-after": "12"}))

    assert Throttled(12.0, "HTTP 503") == outcome


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            _xml("AccessDenied", "Request\x00has expired"),
            "HTTP 400: AccessDenied: Request has expired",
        ),
        (b"<Error><Code>Odd</Code></Error>", "HTTP 400: Odd"),
        (b'{"error": {"code": "x", "message": "no room"}}', "HTTP 400: no room"),
        (b'{"detail": "no room"}', "HTTP 400: no room"),
        (b'{"detail": 3}', "HTTP 400"),
        (b"[1]", "HTTP 400"),
        (b"[" * 60_000, "HTTP 400"),
        (b"\xff", "HTTP 400"),
    ],
)
def test_the_sentence(body: bytes, words: str) -> None:
    """People read status, code and message, whichever shape the error has, and nothing else."""
    assert words == sentence(Response(status=400, body=body))
