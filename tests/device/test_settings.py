"""Settings: what the box and the gateway say of uploads, merged with origins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.config import ConnectionConfig, PowerConfig, UploadConfig
from device.settings import BUILT_IN, GATEWAY, HERE, SendSettings, merge


def merged(remote=None, *, upload=None, connection=None, power=None):
    return merge(
        connection or ConnectionConfig(),
        upload or UploadConfig(),
        power or PowerConfig(),
        remote or {},
    )


def test_built_in_values_hold_where_nobody_speaks():
    """No setting anywhere: the documented defaults, and said so."""
    told = merged()

    assert SendSettings() == told.send
    assert {BUILT_IN} == set(told.origins.values())


def test_the_gateway_speaks_over_the_built_in():
    """What the gateway sends holds, and its origin is named."""
    told = merged({"upload": {"allow_roaming": True, "daily_data_limit_mb": 200}})

    assert told.send.allow_roaming
    assert 200 == told.send.daily_data_limit_mb
    assert GATEWAY == told.origins["upload.allow_roaming"]


def test_the_box_speaks_last():
    """The operator on the spot wins."""
    told = merged(
        {"upload": {"off_peak_hours": {"enabled": True, "start": "22:00", "end": "06:00"}}},
        upload=UploadConfig(off_peak_hours=""),
    )

    assert told.send.off_peak is None
    assert HERE == told.origins["upload.off_peak_hours"]


@pytest.mark.parametrize(
    ("here", "there", "limit", "origin"),
    [
        (100, 500, 100, HERE),
        (500, 100, 100, GATEWAY),
        (0, 100, 100, GATEWAY),
        (100, 0, 100, HERE),
        (0, 0, 0, HERE),
    ],
)
def test_the_smallest_data_limit_holds(here, there, limit, origin):
    """Any level may lower the limit and none may raise it; 0 sets none."""
    told = merged(
        {"upload": {"daily_data_limit_mb": there}}, upload=UploadConfig(daily_data_limit_mb=here)
    )

    assert limit == told.send.daily_data_limit_mb
    assert origin == told.origins["upload.daily_data_limit_mb"]


def test_bota_hours_become_ours():
    """Bota's object with a zone is understood."""
    hours = {"enabled": True, "start": "22:00", "end": "06:00", "timezone": "Europe/Berlin"}

    told = merged({"upload": {"off_peak_hours": hours}})

    assert "22:00-06:00 Europe/Berlin" == str(told.send.off_peak)


def test_hours_that_are_switched_off_hold_nothing():
    """`enabled: false` means all day."""
    hours = {"enabled": False, "start": "22:00", "end": "06:00"}

    assert merged({"upload": {"off_peak_hours": hours}}).send.off_peak is None


def test_a_network_switched_off_is_not_used():
    """`enabled_connections` takes a network away whatever the preference."""
    told = merged({"connection": {"enabled_connections": {"wifi": True, "cellular": False}}})

    assert frozenset({"wifi"}) == told.send.networks


def test_a_value_nobody_can_follow_is_told_and_ignored():
    """A gateway's nonsense leaves the level below in force."""
    told = merged({"upload": {"daily_data_limit_mb": "lots", "allow_roaming": True}})

    assert 0 == told.send.daily_data_limit_mb
    assert told.send.allow_roaming
    (sentence,) = told.ignored
    assert "upload.daily_data_limit_mb" in sentence


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)
KEYS = [key.split(".") for key in merged().origins]


@given(
    st.lists(st.tuples(st.sampled_from(KEYS), JSON), max_size=5), st.dictionaries(st.text(), JSON)
)
def test_no_answer_of_a_gateway_breaks_the_box(told, rest):
    """Whatever JSON comes, the merge gives settings within their ranges."""
    remote = dict(rest)
    for (section, name), value in told:
        held = remote.setdefault(section, {})
        if isinstance(held, dict):
            held[name] = value

    send = merged(remote).send

    assert 0 <= send.low_battery_threshold_percent <= 100
    assert 0 <= send.daily_data_limit_mb
    assert send.networks <= {"wifi", "cellular"}
