"""Permission: the policy, asked with how things stand."""

from datetime import UTC, datetime

import pytest

from device.core.policy import MB, Hold, Send
from device.daytime import Daytime
from device.errors import Held
from device.permission import Permission
from device.settings import SendSettings
from device.surroundings import NetworkKind, NetworkState, PowerState
from tests.fakes.clock import FakeClock


class Used:
    """A ledger that says what a test says."""

    def __init__(self, used_bytes: int) -> None:
        self.bytes = used_bytes

    def used_bytes(self) -> int:
        return self.bytes


def permission(used: Used, settings: SendSettings) -> Permission:
    clock = FakeClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
    return Permission(
        ledger=used,
        clock=clock,
        daytime=Daytime(clock),
        settings=lambda: settings,
        network=lambda: NetworkState(kind=NetworkKind.CELLULAR),
        power=PowerState,
    )


def test_a_hold_is_raised_with_its_reason_and_end():
    """What the policy refuses never begins."""
    asked = permission(Used(5 * MB), SendSettings(daily_data_limit_mb=5))
    with pytest.raises(Held) as caught, asked.leave(1):
        pytest.fail("it began")

    assert "data-limit" == caught.value.why
    assert datetime(2026, 3, 2, tzinfo=UTC) == caught.value.until


def test_requests_together_keep_the_limit():
    """What another request will still send is spoken for, and what has left counts once."""
    used = Used(0)
    asked = permission(used, SendSettings(daily_data_limit_mb=10))
    with asked.leave(8 * MB) as first:
        beside = asked.told(4 * MB)
        first.moved(8 * MB)
        used.bytes = 8 * MB
        after = asked.told(2 * MB)

    assert isinstance(beside, Hold)
    assert Send() == after


def test_what_has_leave_is_not_held_by_its_own_bytes():
    """The last that fits into a day is not cut short because it fills the day."""
    used = Used(4 * MB)
    asked = permission(used, SendSettings(daily_data_limit_mb=10))
    with asked.leave(6 * MB) as given:
        given.moved(1 * MB)
        used.bytes = 6 * MB  # and one is on its way, unacknowledged
        still, more = asked.told(), asked.told(1)

    assert Send() == still
    assert isinstance(more, Hold)


def test_what_has_leave_ends_with_the_limit():
    """What a bad link sends again and again counts, and no leave is for more than the day."""
    used = Used(4 * MB)
    asked = permission(used, SendSettings(daily_data_limit_mb=10))
    with asked.leave(6 * MB):
        used.bytes = 10 * MB
        still = asked.told()

    assert isinstance(still, Hold)


def test_what_was_given_ends_with_its_request():
    """A request that failed leaves its share to the others."""
    asked = permission(Used(0), SendSettings(daily_data_limit_mb=10))
    with pytest.raises(RuntimeError), asked.leave(8 * MB):
        raise RuntimeError

    assert Send() == asked.told(10 * MB)
