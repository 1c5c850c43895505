"""Limits and days by environment."""

import pytest

from gateway.config import read_config
from gateway.config_bounds import BoundsConfig
from gateway.errors import ConfigInvalid


def bounds(folder, **named):
    environ = {f"FIELDPOST_GATEWAY_{name}": text for name, text in named.items()}
    return read_config(data=folder, environ=environ).bounds


def test_limits_are_generous_unless_told_otherwise(tmp_path):
    """And nothing is deleted by age."""
    assert bounds(tmp_path) == BoundsConfig(
        device_per_min=600,
        device_urls_per_min=600,
        key_per_min=6000,
        key_urls_per_min=6000,
        audit_days=400,
        retention_days=0,
    )


def test_each_is_set_by_its_variable(tmp_path):
    """0 takes a limit away."""
    found = bounds(
        tmp_path,
        RATE_DEVICE_PER_MIN="1",
        RATE_DEVICE_URLS_PER_MIN="0",
        RATE_KEY_PER_MIN="3",
        RATE_KEY_URLS_PER_MIN="4",
        AUDIT_DAYS="5",
        RETENTION_DAYS="6",
    )

    assert found == BoundsConfig(
        device_per_min=1,
        device_urls_per_min=0,
        key_per_min=3,
        key_urls_per_min=4,
        audit_days=5,
        retention_days=6,
    )


@pytest.mark.parametrize(
    ("name", "wrong"), [("RATE_KEY_PER_MIN", "-1"), ("AUDIT_DAYS", "0"), ("RETENTION_DAYS", "ever")]
)
def test_what_is_no_number_is_named(tmp_path, name, wrong):
    """A typing error must not become a limit, or a deletion."""
    with pytest.raises(ConfigInvalid, match=name):
        bounds(tmp_path, **{name: wrong})
