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
from device.core.uploads.refusals import refusal, sentence

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
        (511, b"", NotTheStore),
        (403, b"<!DOCTYPE html><html>blocked</html>", NotTheStore),
    ],
)
def test_the_table(status: int, body: bytes, kind: type) -> None:
    """Each status and code has one meaning."""
    assert isinstance(refusal(Response(status=status, body=body)), kind)


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
