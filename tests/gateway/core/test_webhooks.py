"""Secrets, signatures and the times of tries."""

from datetime import UTC, datetime, timedelta

from gateway.core.webhooks import next_try, signature, webhook_secret

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_signature_is_botas():
    """HMAC-SHA256 over the time, a dot and the body; computed with `openssl dgst` once."""
    expected = "v1=423eaca490dc90f990738fb794aeaf13bc5ebdb56ba71a34ff498d8927382f0c"

    assert expected == signature("whsec_test", 1772366400, b'{"id":"evt_1"}')
    assert signature("whsec_test", 1, b"a") != signature("whsec_test", 2, b"a")
    assert signature("whsec_test", 1, b"a") != signature("whsec_other", 1, b"a")


def test_each_generation_has_its_secret():
    """The same one each time it is asked for, another for any other webhook or key."""
    secrets = {
        webhook_secret(key, webhook_id, generation)
        for key in (b"a" * 32, b"b" * 32)
        for webhook_id in ("wh_1", "wh_2")
        for generation in (1, 2)
    }

    assert 8 == len(secrets)
    assert webhook_secret(b"a" * 32, "wh_1", 1) in secrets


def test_tries_come_less_and_less_often():
    """A minute after the first, eight hours after the fifth, none after the sixth."""
    waits = [next_try(tried, NOW) for tried in range(1, 7)]

    assert [60, 300, 1800, 7200, 28800] == [(at - NOW).total_seconds() for at in waits[:5]]
    assert None is waits[5]
    assert timedelta(hours=10, minutes=36) == sum((at - NOW for at in waits[:5]), timedelta())
