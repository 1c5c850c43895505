"""Which modem carries a network, and what it says of its radio."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.surroundings.modem import (
    MODEM,
    REGISTRATION,
    SIGNAL,
    carrier,
    measures_nothing,
    mobile,
)

CONNECTED = 11
REGISTERED = 8


def modem(*ports: str, state: int = REGISTERED) -> dict:
    return {MODEM: {"State": state, "Ports": [[name, 2] for name in ports]}}


@pytest.mark.parametrize(
    ("modems", "interfaces", "chosen"),
    [
        ({"/a": modem("wwan0"), "/b": modem("wwan1")}, {"wwan1"}, "/b"),
        ({"/a": modem("ttyUSB2"), "/b": modem("cdc-wdm0")}, {"ppp0", "ttyUSB2"}, "/a"),
        ({"/a": modem("ttyUSB2"), "/b": modem("x", state=CONNECTED)}, {"ppp0"}, "/b"),
        ({"/a": modem("ttyUSB2")}, {"ppp0"}, "/a"),
        ({"/a": modem("ttyUSB2"), "/b": modem("ttyUSB5")}, {"ppp0"}, None),
        ({"/a": modem("u", state=CONNECTED), "/b": modem("v", state=CONNECTED)}, {"ppp0"}, None),
        ({"/sim": {"org.freedesktop.ModemManager1.Sim": {}}}, {"wwan0"}, None),
        ({}, {"wwan0"}, None),
    ],
)
def test_the_modem_behind_a_network(modems, interfaces, chosen):
    """It is the one with that port, else the only one that can be meant."""
    assert chosen == carrier(modems, frozenset(interfaces))


@pytest.mark.parametrize(
    ("technologies", "radio"),
    [
        (1 << 14, "lte"),
        (1 << 15 | 1 << 14, "5gnr"),
        (1 << 5, "umts"),
        (1 << 1, "gsm"),
        (1 << 17, "lte-nb-iot"),
        (0, None),
        (1 << 25, None),
        (0xFFFFFFFF, None),
        (-1, None),
        ("lte", None),
        (None, None),
    ],
)
def test_technologies(technologies, radio):
    """The newest technology in use is named as ModemManager names it."""
    assert radio == mobile({MODEM: {"AccessTechnologies": technologies}}).radio


@pytest.mark.parametrize(
    ("state", "roaming"),
    [
        (0, None), (1, False), (2, None), (3, None), (4, None), (5, True), (6, False), (7, True),
        (8, None), (9, False), (10, True), (11, None), (None, None), ([], None),
    ],
)  # fmt: skip
def test_registrations(state, roaming):
    """A registration for text messages alone, or without voice, is one all the same."""
    assert roaming is mobile({REGISTRATION: {"RegistrationState": state}}).roaming


@pytest.mark.parametrize(
    ("signal", "dbm"),
    [
        ({"Lte": {"rssi": -71.4, "rsrp": -99.0}}, -71),
        ({"Lte": {"rsrp": -99.0}}, -99),
        ({"Umts": {"rscp": -88.0, "rssi": -70.0}}, -70),
        ({"Umts": {"rscp": -88.0}}, -88),
        ({"Nr5g": {"rsrp": -95.0}, "Lte": {"rssi": -65.0}}, -65),
        ({"Nr5g": {"rsrp": -95.0}, "Lte": {"rsrp": -105.0}}, -95),
        ({"Lte": {"rssi": -math.inf}, "Gsm": {"rssi": -80.0}}, -80),
        ({"Lte": {"rssi": math.nan}}, -70),
        ({"Lte": {}}, -70),
        ({"Lte": "nonsense"}, -70),
        ({}, -70),
    ],
)
def test_the_signal(signal, dbm):
    """What is measured comes first, by one measure for all technologies; else the quality."""
    found = mobile({SIGNAL: {"Rate": 10, **signal}, MODEM: {"SignalQuality": [70, True]}})

    assert dbm == found.signal_dbm


@pytest.mark.parametrize(
    ("quality", "dbm"),
    [
        ([100, True], -51),
        ([1, False], -112),
        ([50], -82),
        ([0, True], None),
        ([101], None),
        (None, None),
    ],
)
def test_the_quality(quality, dbm):
    """A percentage spans what a GSM modem can report; none at all is no signal."""
    assert dbm == mobile({MODEM: {"SignalQuality": quality}}).signal_dbm


@pytest.mark.parametrize(
    ("interfaces", "nothing"),
    [
        ({SIGNAL: {"Rate": 0}}, True),
        ({SIGNAL: {}}, True),
        ({SIGNAL: {"Rate": 5}}, False),
        ({}, False),
    ],
)
def test_modems_that_measure_nothing(interfaces, nothing):
    """A modem that cannot measure is not asked to."""
    assert nothing is measures_nothing(interfaces)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_NAMES = st.sampled_from(
    ["State", "Ports", "SignalQuality", "AccessTechnologies", "RegistrationState", "Lte", "Rate"]
)


@given(
    interfaces=st.dictionaries(
        st.sampled_from([MODEM, REGISTRATION, SIGNAL]), st.dictionaries(_NAMES, _VALUES)
    )
)
def test_nothing_a_modem_says_is_an_error(interfaces):
    """Whatever types its properties have, reading them never fails."""
    carrier({"/a": interfaces}, frozenset({"wwan0"}))
    measures_nothing(interfaces)
    found = mobile(interfaces)

    assert found.signal_dbm is None or -150 <= found.signal_dbm <= 0
