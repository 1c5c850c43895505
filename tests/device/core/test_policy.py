"""The sending policy: what holds uploads up, why, and until when."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.policy import MB, Hold, Send, Standing, costs, decide
from device.off_peak import OffPeak
from device.settings import SendSettings
from device.surroundings import NetworkKind, NetworkState, PowerState

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MOBILE = NetworkState(kind=NetworkKind.CELLULAR)
WIFI = NetworkState(kind=NetworkKind.WIFI)
NIGHT = OffPeak.parse("22:00-06:00 UTC")


def standing(network=WIFI, power=None, now=NOON, used_mb=0):
    return Standing(network=network, power=power or PowerState(), now=now, used_bytes=used_mb * MB)


def test_nothing_known_holds_nothing_up():
    """A box that knows neither network nor battery nor time sends."""
    assert Send() == decide(Standing(now=None), SendSettings())


def test_roaming_waits_for_the_home_network():
    """A foreign mobile network carries nothing unless the operator says so."""
    roaming = standing(NetworkState(kind=NetworkKind.CELLULAR, roaming=True))

    held = decide(roaming, SendSettings())

    assert isinstance(held, Hold)
    assert ("roaming", None) == (held.code, held.until)
    assert Send() == decide(roaming, SendSettings(allow_roaming=True))


def test_a_roaming_modem_beside_wifi_costs_nothing():
    """What the modem says does not matter while Wi-Fi carries the bytes."""
    beside = standing(NetworkState(kind=NetworkKind.WIFI, roaming=True))

    assert Send() == decide(beside, SendSettings())


@pytest.mark.parametrize(
    ("kind", "networks", "code"),
    [
        (NetworkKind.CELLULAR, {"wifi"}, "network"),
        (NetworkKind.WIFI, {"cellular"}, "network"),
        (NetworkKind.ETHERNET, {"cellular"}, "network"),
        (NetworkKind.ETHERNET, {"wifi"}, None),
        (NetworkKind.OTHER, {"wifi"}, None),
        (None, {"wifi"}, None),
    ],
)
def test_only_allowed_networks_carry(kind, networks, code):
    """A cable counts as Wi-Fi; a network of unknown kind is not forbidden."""
    settings = SendSettings(networks=frozenset(networks))

    held = decide(standing(NetworkState(kind=kind)), settings)

    assert code == getattr(held, "code", None)


@pytest.mark.parametrize(
    ("percent", "charging", "code"),
    [(19, False, "low-battery"), (19, None, "low-battery"), (20, False, None), (5, True, None)],
)
def test_a_low_battery_waits_for_the_charger(percent, charging, code):
    """Below the threshold nothing goes up unless the box is charging."""
    power = PowerState(battery_percent=percent, charging=charging)

    assert code == getattr(decide(standing(power=power), SendSettings()), "code", None)
    assert Send() == decide(standing(power=power), SendSettings(pause_on_low_battery=False))


def test_the_data_limit_ends_at_midnight():
    """What is used up today waits for tomorrow, by the box's own zone."""
    settings = SendSettings(daily_data_limit_mb=500)

    held = decide(standing(MOBILE, used_mb=500), settings)

    assert isinstance(held, Hold)
    assert ("data-limit", datetime(2026, 3, 2, tzinfo=UTC)) == (held.code, held.until)
    assert "500.0 MB" in held.reason


def test_the_next_piece_must_fit_into_what_is_left():
    """A piece that would go over the limit is not begun."""
    settings = SendSettings(daily_data_limit_mb=500)

    assert Send() == decide(standing(MOBILE, used_mb=490), settings, 10 * MB)
    assert isinstance(decide(standing(MOBILE, used_mb=490), settings, 10 * MB + 1), Hold)


def test_a_piece_larger_than_a_day_says_what_to_do():
    """A limit that can never be kept is explained, not waited out in silence."""
    held = decide(standing(MOBILE), SendSettings(daily_data_limit_mb=5), 8 * MB)

    assert isinstance(held, Hold)
    assert "chunk_bytes" in held.reason


def test_free_networks_have_no_limit():
    """The limit is of what costs: Wi-Fi goes on."""
    settings = SendSettings(daily_data_limit_mb=1)

    assert Send() == decide(standing(WIFI, used_mb=9), settings, 8 * MB)


@pytest.mark.parametrize(
    ("network", "cost"),
    [
        (WIFI, False),
        (MOBILE, True),
        (NetworkState(), True),
        (NetworkState(kind=NetworkKind.WIFI, metered=True), True),
        (NetworkState(kind=NetworkKind.CELLULAR, metered=False), False),
    ],
)
def test_what_costs(network, cost):
    """What the system says decides; else mobile and unknown networks are taken to cost."""
    assert cost == costs(network)


def test_off_peak_hours_name_their_start():
    """By day, uploads wait for the evening, and say so."""
    held = decide(standing(), SendSettings(off_peak=NIGHT))

    assert isinstance(held, Hold)
    assert datetime(2026, 3, 1, 22, tzinfo=UTC) == held.until
    assert "22:00-06:00 UTC" in held.reason


def test_off_peak_hours_end():
    """By night they may go, until the morning."""
    night = standing(now=NOON + timedelta(hours=14))

    assert Send(until=datetime(2026, 3, 2, 6, tzinfo=UTC)) == decide(
        night, SendSettings(off_peak=NIGHT)
    )


def test_hours_need_a_clock():
    """A board that does not know the time waits for it, and says so."""
    held = decide(standing(now=None), SendSettings(off_peak=NIGHT))

    assert isinstance(held, Hold)
    assert "clock" == held.code


@given(
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001 - made aware below
)
def test_hours_partition_the_day(start, end, at):
    """At every moment the hours are on or off as the clocks say, and change at the next bound."""
    if start == end:
        return
    now = at.replace(tzinfo=UTC)
    clocks = [f"{minute // 60:02}:{minute % 60:02}" for minute in (start, end)]
    minute = now.hour * 60 + now.minute

    is_on, changes = OffPeak.parse(f"{clocks[0]}-{clocks[1]} UTC").around(now)

    assert is_on == (start <= minute < end if start < end else not end <= minute < start)
    assert now < changes <= now + timedelta(days=1)
    assert changes.hour * 60 + changes.minute == (end if is_on else start)


@given(st.integers(0, 3000), st.integers(0, 3000), st.integers(0, 2000))
def test_the_limit_is_never_passed(used_mb, next_mb, limit_mb):
    """Whatever is allowed fits; nothing is refused that would."""
    settings = SendSettings(daily_data_limit_mb=limit_mb)

    told = decide(standing(MOBILE, used_mb=used_mb), settings, next_mb * MB)

    fits = used_mb < limit_mb and used_mb + next_mb <= limit_mb
    assert isinstance(told, Send) == (limit_mb == 0 or fits)
