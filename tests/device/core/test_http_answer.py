"""Shape, time and waits of an HTTP answer."""

from datetime import UTC, datetime

import pytest

from device.core.http_answer import asked_wait_s, looks_like_html, plain, server_time

DATE = "Sun, 01 Mar 2026 12:00:00 GMT"
NOON_S = 1_772_366_400


@pytest.mark.parametrize(
    ("status", "headers", "wait_s"),
    [
        (429, {"retry-after": "30"}, 30.0),
        (503, {"retry-after": " 7 "}, 7.0),
        (503, {"retry-after": "999999999"}, 86_400.0),
        (503, {"retry-after": "9" * 5000}, None),
        (503, {"retry-after": "-1"}, None),
        (503, {"retry-after": "Sun, 01 Mar 2026 12:02:00 GMT", "date": DATE}, 120.0),
        (503, {"retry-after": "Sun, 01 Mar 2026 11:02:00 GMT", "date": DATE}, 0.0),
        (503, {"retry-after": "Sun, 01 Mar 2026 12:02:00 GMT"}, None),
        (503, {"retry-after": "soon", "date": DATE}, None),
        (429, {"x-ratelimit-reset": str(NOON_S + 9), "date": DATE}, 9.0),
        (429, {"x-ratelimit-reset": "9" * 15, "date": DATE}, None),
        (429, {"x-ratelimit-reset": "x", "date": DATE}, None),
        (503, {"x-ratelimit-reset": str(NOON_S + 9), "date": DATE}, None),
        (429, {}, None),
    ],
)
def test_the_asked_wait(status: int, headers: dict[str, str], wait_s: float | None) -> None:
    """Seconds, a date against the answer's own Date, or the limit's reset; else none."""
    assert wait_s == asked_wait_s(status, headers)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (DATE, datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("Sun, 01 Mar 2026 12:00:00 -0000", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("Sun, 01 Mar 2026 13:00:00 +0100", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("Sun, 99 Mar 2026", None),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),
        ("", None),
    ],
)
def test_the_servers_time(text: str, moment: datetime | None) -> None:
    """The Date header as aware UTC, or nothing."""
    assert moment == server_time({"date": text})


@pytest.mark.parametrize(
    ("headers", "body", "html"),
    [
        ({"content-type": "text/HTML"}, b"", True),
        ({}, b"\n <!DOCTYPE HTML><p>", True),
        ({}, b"<html>", True),
        ({"content-type": "application/json"}, b"{}", False),
        ({}, b"<Error>", False),
    ],
)
def test_pages_are_told(headers: dict[str, str], body: bytes, html: bool) -> None:
    """A page made for people is told by its type or by how it begins."""
    assert html is looks_like_html(headers, body)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("no such key\x1b[2J", "no such key [2J"),
        ("really? yes", "really? yes"),
        ("cannot PUT https://s3/a?X-Amz-Signature=abc&x=1 now", "cannot PUT https://s3/a?… now"),
        ("invalid token dtok_abc-DEF_1", "invalid token …"),
        ("key 'sk_live_12' is revoked", "key '…' is revoked"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer …"),
        (None, ""),
        ("x" * 300, "x" * 200),
    ],
)
def test_what_strangers_say(said: object, shown: str) -> None:
    """Their words are printable and short, and a secret that they repeat is not."""
    assert shown == plain(said)
