"""Where phones' recordings are relayed to, read from the environment."""

from pathlib import Path

import pytest

from gateway.config_relay import RelayConfig, read_relay
from gateway.errors import ConfigInvalid

P = "FIELDPOST_GATEWAY_"
GOOD = {f"{P}RELAY_URL": "https://api.example/v1/", f"{P}RELAY_KEY_FILE": "/etc/fieldpost/key"}


def test_nothing_is_relayed_unless_asked():
    """Recordings are kept by the gateway itself."""
    assert read_relay({f"{P}RELAY_API": "bota"}, P) is None


def test_a_relay_is_read():
    """The API is Bota's where nothing is said."""
    expected = RelayConfig(url="https://api.example/v1", key_file=Path("/etc/fieldpost/key"))

    assert expected == read_relay(GOOD, P)


def test_this_machine_may_be_reached_without_tls():
    """Nobody listens in there."""
    found = read_relay({**GOOD, f"{P}RELAY_URL": "http://127.0.0.1:9000/v1"}, P)

    assert found is not None


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("RELAY_URL", "http://api.example/v1", "https://"),
        ("RELAY_URL", "api.example", "https://"),
        ("RELAY_API", "siro", "bota"),
        ("RELAY_KEY_FILE", "", "RELAY_KEY_FILE"),
    ],
)
def test_what_cannot_work_is_refused(name, value, says):
    """Before the first recording is lost time."""
    with pytest.raises(ConfigInvalid, match=says):
        read_relay({**GOOD, f"{P}{name}": value}, P)
