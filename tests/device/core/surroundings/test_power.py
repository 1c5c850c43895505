"""Batteries, by UPower's numbers and by the kernel's words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.surroundings.power import of_supplies, of_upower
from device.surroundings import PowerState

NONE = PowerState()


def state(percent: int | None = None, charging: bool | None = None) -> PowerState:
    return PowerState(battery_percent=percent, charging=charging)


@pytest.mark.parametrize(
    ("display", "power"),
    [
        ({"IsPresent": True, "Percentage": 41.5, "State": 2}, state(42, False)),
        ({"IsPresent": True, "Percentage": 120.0, "State": 4}, state(100, True)),
        ({"IsPresent": True, "Percentage": 5, "State": 77}, state(5)),
        ({"IsPresent": False, "Percentage": 0.0, "State": 0}, NONE),
        ({"IsPresent": True}, NONE),
        ({}, NONE),
    ],
)
def test_the_display_device(display, power):
    """What is not present is no battery, whatever its percentage."""
    assert power == of_upower(display)


@pytest.mark.parametrize(
    ("supplies", "power"),
    [
        ([], NONE),
        ([{"type": "Mains", "online": "1"}], NONE),
        ([{"type": "Battery", "capacity": "64", "status": "Charging"}], state(64, True)),
        ([{"type": "Battery", "capacity": "64", "status": "Discharging"}], state(64, False)),
        ([{"type": "Battery", "capacity": "100", "status": "Full"}], state(100, True)),
        ([{"type": "Battery", "capacity": "80", "status": "Not charging"}], state(80, True)),
        ([{"type": "Battery", "capacity": "80", "status": "Unknown"}], state(80)),
        ([{"type": "Battery", "capacity": "80"}], state(80)),
        ([{"type": "Battery", "capacity": "80"}, {"type": "USB", "online": "1"}], state(80, True)),
        ([{"type": "Battery", "capacity": "80"}, {"type": "USB", "online": "0"}], state(80, False)),
        ([{"type": "Battery", "capacity": "80", "scope": "Device"}], NONE),
        ([{"type": "Battery", "capacity": "80", "present": "0"}], NONE),
        ([{"type": "Battery", "energy_now": "30", "energy_full": "40"}], state(75)),
        ([{"type": "Battery", "charge_now": "30", "charge_full": "40"}], state(75)),
        ([{"type": "Battery", "charge_now": "30", "charge_full": "0"}], NONE),
        ([{"type": "Battery", "status": "Charging"}], NONE),
        (
            [
                {"type": "Battery", "capacity": "20", "status": "Discharging"},
                {"type": "Battery", "capacity": "60", "status": "Charging"},
            ],
            state(40, True),
        ),
    ],
)
def test_supplies(supplies, power):
    """The box's own batteries count, by whatever the gauge says of them."""
    assert power == of_supplies(supplies)


_NAMES = ("type", "scope", "present", "status", "online", "capacity", "energy_now", "energy_full")


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(_NAMES), st.text() | st.sampled_from(["Battery", "50", "-3", "²"])
        )
    )
)
def test_no_supply_is_an_error(supplies):
    """Whatever the files say, a percentage is one."""
    found = of_supplies(supplies)

    assert found.battery_percent is None or 0 <= found.battery_percent <= 100


@given(
    percent=st.none() | st.floats() | st.integers() | st.text(),
    state=st.none() | st.integers() | st.lists(st.text()),
)
def test_nothing_upower_says_is_an_error(percent, state):
    """Whatever its properties are, a percentage is one."""
    found = of_upower({"IsPresent": True, "Percentage": percent, "State": state})

    assert found.battery_percent is None or 0 <= found.battery_percent <= 100
