"""Changing single settings: the named ones become what was asked, every other bit stays."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.bota_ble.settings import (
    ALWAYS_ON,
    MAX_FLUSH_S,
    MAX_IDLE_S,
    DeviceSettings,
    Way,
    encode_settings,
    parse_settings,
)
from device.core.bota_ble.settings_change import (
    LATE,
    NAMES,
    Form,
    defaulted,
    form_of,
    rewritten,
)

IDLE = st.integers(0, MAX_IDLE_S // 10).map(lambda step: step * 10) | st.just(ALWAYS_ON)
LEGAL = {
    "wifi": st.booleans(),
    "lte": st.booleans(),
    "preference": st.permutations(list(Way)).map(lambda ways: tuple(ways[:2])),
    "lte_idle_s": IDLE,
    "wifi_idle_s": IDLE,
    "streaming": st.booleans(),
    "flush_s": st.integers(0, MAX_FLUSH_S),
    "heartbeat_wifi": st.booleans(),
    "heartbeat_lte": st.booleans(),
}
LIKELY = st.tuples(
    st.sampled_from([b"\x01", b"\x02"]),
    st.binary(min_size=1, max_size=1),
    st.lists(st.integers(0, 4), min_size=3, max_size=3).map(bytes),
    st.binary(min_size=3, max_size=14),
).map(b"".join)
"""Versions that are known, with preferences that no recorder should hold among them."""
CHANGES = st.fixed_dictionaries({}, optional=LEGAL)
PLACES = {
    "wifi": {1},
    "lte": {1},
    "preference": {2, 3, 4},
    "lte_idle_s": {5},
    "wifi_idle_s": {6},
    "streaming": {7},
    "flush_s": {8},
    "heartbeat_wifi": {9},
    "heartbeat_lte": {9},
}


@given(value=LIKELY | st.binary(max_size=20), changes=CHANGES)
def test_what_is_named_changes_and_nothing_else(value, changes):
    """Over anything that a recorder may hold: read again, only the named settings differ."""
    if form_of(value) is Form.UNKNOWN:
        return
    whole = rewritten(value, changes)

    assert parse_settings(whole) == replace(parse_settings(value), **changes)


@given(value=st.binary(min_size=10, max_size=18), changes=CHANGES)
def test_bytes_of_other_settings_are_kept(value, changes):
    """Reserved bytes, odd values and what comes behind the twelfth byte are not ours."""
    value = b"\x02\x00" + value
    whole = rewritten(value, changes)
    touched = set().union(*(PLACES[name] for name in changes))

    assert [at for at in range(len(value)) if whole[at] != value[at] and at not in touched] == []
    assert len(whole) == len(value)


def test_unknown_bits_beside_a_setting_are_kept():
    """Byte 1 and byte 9 hold more bits than are known."""
    value = bytes.fromhex("02ff0102031212013cff0000")

    assert rewritten(value, {"wifi": False})[1] == 0xFE
    assert rewritten(value, {"heartbeat_lte": False})[9] == 0xFD


def test_an_odd_preference_is_left_as_it_is():
    """A way that is preferred twice is not ours to refuse while another setting changes."""
    value = bytes.fromhex("02030101011212013c830000")

    assert rewritten(value, {"streaming": False}).hex() == "02030101011212003c830000"


@pytest.mark.parametrize(
    ("changes", "whole"),
    [
        ({"wifi": False}, "0102010203121201"),
        ({"flush_s": 30}, "02030102031212011e830000"),
        ({"lte": False, "heartbeat_wifi": False}, "02010102031212013c820000"),
    ],
    ids=str,
)
def test_the_short_form_grows_only_for_what_it_cannot_hold(changes, whole):
    """A recorder of version 1 is written version 1, unless a later setting is asked for."""
    assert rewritten(bytes.fromhex("0103010203121201"), changes).hex() == whole


@pytest.mark.parametrize("value", [b"", b"\x02\x03", bytes(12), b"\xff" * 12])
def test_blank_memory_becomes_the_defaults_with_the_changes(value):
    """What the recorder takes for its defaults is written as such."""
    expected = encode_settings(DeviceSettings(streaming=False))

    assert form_of(value) is Form.BLANK
    assert rewritten(value, {"streaming": False}) == expected


def test_an_unknown_version_is_never_overwritten():
    """Newer firmware may keep there what nobody here knows."""
    value = b"\x03" + bytes(11)

    assert form_of(value) is Form.UNKNOWN
    with pytest.raises(ValueError, match="version 3"):
        rewritten(value, {"wifi": True})


def test_what_is_not_held_is_a_default():
    """Each form says how much of it is the recorder's own."""
    assert (defaulted(Form.LONG), defaulted(Form.SHORT)) == ((), LATE)
    assert defaulted(Form.BLANK) == NAMES
