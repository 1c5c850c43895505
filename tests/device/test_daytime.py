"""What time it is: by the box's clock, and rather by the cloud's."""

from datetime import UTC, datetime, timedelta

import pytest

from device.daytime import Daytime
from tests.fakes.clock import FakeClock

DATE = "Sun, 01 Mar 2026 12:00:00 GMT"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_clock_that_was_set_is_believed():
    """Without a word from the cloud the box's own clock counts."""
    clock = FakeClock()

    assert clock.now() == Daytime(clock).now()


def test_a_clock_in_1970_tells_nothing():
    """A board without a battery for its clock does not know the time at first."""
    clock = FakeClock()
    clock.step(-60 * 365 * 86_400)
    daytime = Daytime(clock)

    assert daytime.now() is None
    assert daytime.offset_s() is None


def test_the_cloud_tells_the_time():
    """An answer's Date counts from then on, and goes on by the monotonic clock."""
    clock = FakeClock()
    clock.step(-60 * 365 * 86_400)
    daytime = Daytime(clock)
    daytime.heard(DATE)
    clock.advance(90)
    clock.step(86_400)

    assert NOON + timedelta(seconds=90) == daytime.now()
    assert (clock.now() - daytime.utc()).total_seconds() == daytime.offset_s()


@pytest.mark.parametrize(
    "date",
    [
        None,
        "",
        "yesterday",
        "Sun, 01 Mar 1970 12:00:00 GMT",
        "Sun, 01 Mar 2026 12:00:00",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Fri, 31 Dec 9999 23:59:59 -1200",
        "Sun, 01 Mar 2026 12:00:00 +99999999999999999999",
        "Sun, 01 Mar 99999999999999999999 12:00:00 GMT",
    ],
)
def test_what_is_no_date_changes_nothing(date):
    """A missing, broken or impossible Date leaves what was known."""
    daytime = Daytime(FakeClock())
    daytime.heard(DATE)
    daytime.heard(date)

    assert NOON == daytime.now()
