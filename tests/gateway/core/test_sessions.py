"""What proves that a page of the console asks."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.core.sessions import SLIDE_EVERY, csrf_token, own_origin, slides

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("origin", "host", "public_url", "own"),
    [
        ("https://gw.example.org", "gw.example.org", None, True),
        ("http://gw.example.org:8470", "gw.example.org:8470", None, True),
        ("https://GW.example.org", "gw.example.ORG", None, True),
        ("https://gw.example.org", "10.0.0.7:8470", "https://gw.example.org", True),
        ("https://gw.example.org", "10.0.0.7:8470", "https://gw.example.org/prefix", True),
        ("http://gw.example.org", "10.0.0.7:8470", "https://gw.example.org", False),
        ("https://evil.example", "gw.example.org", None, False),
        ("https://gw.example.org.evil.example", "gw.example.org", None, False),
        ("https://gw.example.org:444", "gw.example.org", None, False),
        ("null", "null", None, False),
        ("file://gw.example.org", "gw.example.org", None, False),
        ("https://[", "[", None, False),
        ("", "", None, False),
        (None, "gw.example.org", None, False),
    ],
)
def test_only_pages_of_this_gateway_are_its_own(origin, host, public_url, own):
    """Host and port must be those that the request went to, or those that clients are told."""
    assert own == own_origin(origin, host=host, public_url=public_url)


def test_each_session_has_a_token_of_its_own():
    """Neither another session's token fits, nor that of another gateway."""
    tokens = {csrf_token(secret, text) for secret in (b"a" * 32, b"b" * 32) for text in "xy"}

    assert 4 == len(tokens)


def test_a_session_is_prolonged_now_and_then():
    """Not with every request, each of which would be a write."""
    early, due = NOW + SLIDE_EVERY - timedelta(seconds=1), NOW + SLIDE_EVERY

    assert [False, True] == [slides(NOW, early), slides(NOW, due)]
