"""Which changes are told."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.surroundings.change import worth_telling
from device.surroundings import Connectivity, NetworkKind, NetworkState

WIFI = NetworkState(kind=NetworkKind.WIFI, interface="wlan0", signal_dbm=-60)


@pytest.mark.parametrize(
    ("signal_dbm", "told_s", "worth"),
    [
        (-60, 1e9, False),
        (-65, 59.9, False),
        (-55, 59.9, False),
        (-66, 0.0, True),
        (-54, 0.0, True),
        (-61, 60.0, True),
        (None, 0.0, True),
    ],
)
def test_signals(signal_dbm, told_s, worth):
    """More than 5 dB is told at once, less after a minute, nothing never."""
    assert worth is worth_telling(WIFI, replace(WIFI, signal_dbm=signal_dbm), told_s)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": NetworkKind.ETHERNET},
        {"connectivity": Connectivity.FULL},
        {"metered": True},
        {"roaming": True},
        {"radio": "lte"},
        {"interface": "wlan1"},
    ],
)
def test_everything_else(change):
    """Any other change is told at once."""
    assert worth_telling(WIFI, replace(WIFI, **change), 0.0)


@given(levels=st.lists(st.integers(-100, -30), min_size=1))
def test_who_is_told_is_never_far_off(levels):
    """However a signal creeps, what was told last is at most 5 dB away."""
    told = WIFI
    for level in levels:
        now = replace(WIFI, signal_dbm=level)
        if worth_telling(told, now, 0.0):
            told = now

        assert abs((told.signal_dbm or 0) - level) <= 5
