"""The configuration knows which lines a Bota recorder can be on."""

import pytest

from device.config import Config, RecorderConfig
from device.config_checks import SCHEMES, problems
from device.drivers import BUILTIN, BY_SCHEME


def complaints(**recorder) -> list[str]:
    config = Config(recorders=(RecorderConfig(**recorder),))
    return list(problems(config, lambda *_: "x", (lambda *_: "x",)))


def test_a_bota_recorder_is_on_bluetooth():
    """With its driver named, an address is all it takes."""
    assert complaints(url="ble://C0:FF:EE:00:00:01", driver="bota") == []


@pytest.mark.parametrize(
    ("url", "release", "words"),
    [
        ("serial:///dev/ttyX", "delete", "does not work over serial://"),
        ("ble://C0:FF:EE:00:00:01", "archive:/x", "for folders only"),
    ],
)
def test_what_it_cannot_do_is_said(url, release, words):
    """No serial line, and no archive."""
    (complaint,) = complaints(url=url, driver="bota", release=release)

    assert words in complaint


def test_it_may_be_pulled_while_it_records():
    """Live recordings are for the one driver that can tell their end."""
    assert complaints(url="ble://C0:FF:EE:00:00:01", driver="bota", live=True) == []


@pytest.mark.parametrize("url", ["serial:///dev/ttyX", "ble://AM-07", "folder:///x"])
def test_other_drivers_pull_what_is_finished(url):
    """A key that would be ignored is refused, with a sentence."""
    (complaint,) = complaints(url=url, live=True)

    assert "live is for driver bota" in complaint


def test_every_driver_has_its_lines():
    """What is built in and which schemes it takes are written down together."""
    assert set(SCHEMES) == set(BUILTIN)
    assert all(scheme in SCHEMES[driver] for scheme, driver in BY_SCHEME.items())
