"""Tokens, keys and signatures, as pure functions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.signing import Purpose, check, sign
from gateway.core.tokens import Credential, Standing, api_key, derived_token, kind, standing
from gateway.errors import UrlExpired, UrlForged
from gateway.model import DeviceToken, Scope

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TOKEN = DeviceToken(id="tok", device_id="dev", token_hash="h", created_at=NOW)  # noqa: S106


def signed(expires=1000):
    return {
        "expires": str(expires),
        "signature": sign(b"k", Purpose.UPLOAD, "med", expires),
    }


def test_a_url_is_good_until_its_second():
    """It opens before its expiry and not from it on."""
    check(b"k", Purpose.UPLOAD, "med", signed(), 999.9)

    with pytest.raises(UrlExpired):
        check(b"k", Purpose.UPLOAD, "med", signed(), 1000)


@given(st.dictionaries(st.sampled_from(["expires", "signature"]), st.text(max_size=60)))
def test_no_other_query_opens_it(query):
    """Whatever comes in the query, it is refused and not a crash."""
    with pytest.raises(UrlForged):
        check(b"k", Purpose.UPLOAD, "med", query, 0)


@pytest.mark.parametrize(
    ("secret", "purpose", "medium"),
    [(b"l", Purpose.UPLOAD, "med"), (b"k", Purpose.DOWNLOAD, "med"), (b"k", Purpose.UPLOAD, "me")],
)
def test_a_signature_is_for_one_thing(secret, purpose, medium):
    """Another secret, purpose or medium does not fit."""
    with pytest.raises(UrlForged):
        check(secret, purpose, medium, signed(), 0)


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (TOKEN, Standing.VALID),
        (replace(TOKEN, revoked_at=NOW), Standing.DEAD),
        (replace(TOKEN, replaced_at=NOW), Standing.VALID),
        (replace(TOKEN, replaced_at=NOW - timedelta(hours=24)), Standing.REFRESH_ONLY),
        (replace(TOKEN, replaced_at=NOW - timedelta(days=9), revoked_at=NOW), Standing.DEAD),
    ],
)
def test_what_a_token_may_still_do(token, expected):
    """Valid, then refresh only, then dead."""
    assert standing(token, NOW) is expected


def test_derived_tokens_depend_on_every_word():
    """No two purposes share a token, however their words are cut."""
    tokens = {
        derived_token(b"k", "refresh", "ab"),
        derived_token(b"k", "refresha", "b"),
        derived_token(b"k", "refresh", "a", "b"),
        derived_token(b"l", "refresh", "ab"),
    }

    assert len(tokens) == 4


def test_kinds_are_told_by_prefix():
    """Full keys, restricted keys and device tokens look different."""
    assert api_key(b"x" * 32, Scope).startswith("sk_live_")
    assert api_key(b"x" * 32, [Scope.DEVICES_READ]).startswith("rk_live_")
    assert kind("dtok_x") is Credential.DEVICE
    assert kind("rk_live_x") is Credential.KEY
    assert kind("eyJ") is None
