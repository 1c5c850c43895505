"""NetworkManager's words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.surroundings import network_manager
from device.surroundings import NetworkKind

_VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text())


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("802-11-wireless", NetworkKind.WIFI),
        ("gsm", NetworkKind.CELLULAR),
        ("cdma", NetworkKind.CELLULAR),
        ("802-3-ethernet", NetworkKind.ETHERNET),
        ("pppoe", NetworkKind.ETHERNET),
        ("bridge", None),
        ("wireguard", None),
        (None, None),
    ],
)
def test_types_of_connections(word, kind):
    """A type that says what carries it is taken at its word."""
    assert kind is network_manager.kind({"Type": word})


@pytest.mark.parametrize(
    ("percent", "dbm"), [(100, -20), (50, -70), (30, -90), (0, None), (101, None), ("x", None)]
)
def test_strengths(percent, dbm):
    """A percentage is made into decibels as NetworkManager made it out of them."""
    assert dbm == network_manager.strength_dbm({"Strength": percent})


@pytest.mark.parametrize(
    ("value", "path"), [("/a/b", "/a/b"), ("/", None), ("", None), (None, None), (7, None)]
)
def test_paths(value, path):
    """The root stands for no object."""
    assert (path, path, None) == (
        network_manager.path(value),
        network_manager.first_path([value]),
        network_manager.first_path([]),
    )


@given(value=_VALUES)
def test_no_value_is_an_error(value):
    """Whatever type a property has, reading it never fails."""
    names = ("Connectivity", "Metered", "Type", "Strength", "ConnectivityCheckEnabled")
    properties = dict.fromkeys(names, value)
    network_manager.connectivity(properties)
    network_manager.metered(properties)
    network_manager.kind(properties)
    network_manager.strength_dbm(properties)
    network_manager.first_path(value)

    assert network_manager.word(value) in {None, value if isinstance(value, str) else None}
