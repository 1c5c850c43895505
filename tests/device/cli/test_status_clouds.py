"""`status` where images go to a cloud of their own."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from device.clock import SystemClock
from device.config import SpoolConfig
from device.spool.spool import Spool


@pytest.fixture
def with_images(site):
    """A site whose images go to Sivi."""
    more = f'[cloud.images]\napi = "sivi"\ntoken_file = "{site.spool.parent}/sivi"\n'
    site.config.write_text(site.config.read_text() + more)
    return site


def test_both_clouds_are_shown(fieldpost, with_images):
    """People see a line for images; programs a key of its own."""
    assert "https://api.sivi.ai" in fieldpost("status").out
    shown = json.loads(fieldpost("status", "--json").out)["cloud_images"]

    assert {"api": "sivi", "base_url": "https://api.sivi.ai"} == shown


def test_one_cloud_is_shown_alone(fieldpost):
    """Without the table there is no line, and the key says so."""
    assert "images" not in fieldpost("status").out
    assert None is json.loads(fieldpost("status", "--json").out)["cloud_images"]


def test_a_refused_credential_of_either(fieldpost, with_images):
    """The file of the one that refused is named, and no other."""
    spool = Spool.open(SpoolConfig(path=with_images.spool, min_free_bytes=0), SystemClock())
    until = datetime.now(UTC) + timedelta(minutes=6)
    spool.save_cooldown("token", until, "sivi: HTTP 401")
    spool.close()
    (warning,) = json.loads(fieldpost("status", "--json").out)["warnings"]

    folder = with_images.spool.parent
    assert f"sivi: HTTP 401; the token file is {folder}/sivi; next try" in warning
