"""Settings of events, read from the environment."""

import pytest

from gateway.config_events import EventsConfig, read_events
from gateway.errors import ConfigInvalid


def test_nothing_is_set_up_by_itself():
    """No stream, and TLS for webhooks far away."""
    assert EventsConfig() == read_events({"FIELDPOST_GATEWAY_NATS_URL": " "})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("WEBHOOKS_ALLOW_HTTP", "perhaps"),
        ("NATS_URL", "http://nats.example.org"),
        ("NATS_URL", "nats://"),
        ("NATS_STREAM", "my.stream"),
        ("NATS_CREDS_FILE", "/nowhere/nats.creds"),
        ("EVENTS_KEEP_DAYS", "0"),
        ("EVENTS_KEEP_DAYS", "-1"),
    ],
)
def test_what_cannot_be_used_is_named(name, text):
    """At the start, not when the first event waits."""
    with pytest.raises(ConfigInvalid, match=name):
        read_events({f"FIELDPOST_GATEWAY_{name}": text})


def test_a_password_is_not_shown():
    """Addresses of servers can hold one."""
    read = read_events({"FIELDPOST_GATEWAY_NATS_URL": "nats://me:hunter2@nats.example.org"})

    assert "hunter2" not in repr(read)
