"""The ledger: what left today by which network, across restarts and clock steps."""

import asyncio
import threading
from datetime import UTC, date, datetime, timedelta

import pytest

from device.daytime import Daytime
from device.errors import SpoolStorageFailed
from device.ledger import LOOK_S, SAVE_BYTES, SAVE_S, Ledger
from device.model import Spent
from device.surroundings import NetworkKind, NetworkState
from tests.fakes.clock import FakeClock
from tests.fakes.uploads import spool_in

TODAY = date(2026, 3, 1)
MOBILE = NetworkState(kind=NetworkKind.CELLULAR)
WIFI = NetworkState(kind=NetworkKind.WIFI)
pytestmark = pytest.mark.asyncio


class Counter:
    """A tally that counts what a test says."""

    def __init__(self) -> None:
        self.new_bytes = 0

    def take(self) -> int:
        taken, self.new_bytes = self.new_bytes, 0
        return taken


@pytest.fixture
def clock():
    return FakeClock(datetime(2026, 3, 1, 12, tzinfo=UTC))


@pytest.fixture
def spool(tmp_path, clock):
    with spool_in(tmp_path / "spool", clock) as opened:
        yield opened


@pytest.fixture
def counter():
    return Counter()


@pytest.fixture
def ledger(spool, counter, clock):
    return Ledger(spool, counter, clock, Daytime(clock))


async def test_each_network_has_its_own_figure(ledger, counter, spool):
    """What left before a change of network is the earlier network's."""
    ledger.moved_to(MOBILE)
    counter.new_bytes = 1000
    ledger.moved_to(WIFI)
    counter.new_bytes = 50
    await ledger.save()

    assert 1000 == ledger.used_bytes()
    assert (
        Spent(kind="4g", costs=True, sent_bytes=1000),
        Spent(kind="wifi", costs=False, sent_bytes=50),
    ) == await asyncio.to_thread(spool.spent, TODAY)


async def test_a_restart_goes_on_from_the_spool(spool, counter, clock, ledger):
    """What earlier runs sent today counts."""
    ledger.moved_to(MOBILE)
    counter.new_bytes = 700
    await ledger.save()
    again = Ledger(spool, counter, clock, Daytime(clock))
    await again.begin()
    again.moved_to(MOBILE)
    counter.new_bytes = 5

    assert 705 == again.used_bytes()


async def test_the_next_day_begins_at_nothing(ledger, counter, clock):
    """At midnight the count starts over, and the day before keeps its own."""
    ledger.moved_to(MOBILE)
    counter.new_bytes = 700
    await ledger.save()
    clock.advance(12 * 3600)

    assert 0 == ledger.used_bytes()


async def test_a_clock_that_steps_back_gives_no_day_back(ledger, counter, clock, spool):
    """Yesterday's figure is there again when the clock says that it is yesterday."""
    ledger.moved_to(MOBILE)
    await ledger.begin()
    counter.new_bytes = 700
    await ledger.save()
    clock.step(86_400)
    counter.new_bytes = 30
    await ledger.save()
    clock.step(-86_400)
    counter.new_bytes = 1

    assert 701 == ledger.used_bytes()


async def test_what_the_disk_refuses_is_kept_in_memory(ledger, counter, spool, monkeypatch):
    """A failed write loses no byte of the count."""

    def refuse(*_: object) -> None:
        raise SpoolStorageFailed("the disk failed")

    ledger.moved_to(MOBILE)
    counter.new_bytes = 700
    with monkeypatch.context() as broken:
        broken.setattr(spool, "spend", refuse)
        with pytest.raises(SpoolStorageFailed):
            await ledger.save()
    held = ledger.used_bytes()
    await ledger.save()

    assert 700 == held == ledger.used_bytes()
    assert 700 == await asyncio.to_thread(spool.sent_bytes, TODAY)


async def test_a_day_that_becomes_known_late_is_counted_at_once(spool, counter, clock, ledger):
    """A board that boots in 1970 hears what day it is, and what left before on it counts."""
    ledger.moved_to(MOBILE)
    counter.new_bytes = 700
    await ledger.save()
    clock.step(-56 * 365 * 86_400)
    daytime = Daytime(clock)
    again = Ledger(spool, counter, clock, daytime)
    await again.begin()
    daytime.heard("Sun, 01 Mar 2026 13:00:00 GMT")

    assert 700 == again.used_bytes()


async def test_days_of_a_clock_never_set_do_not_add_up(spool, counter, clock):
    """What each boot sends in 1970 must not fill a limit that no midnight empties."""
    clock.step(-56 * 365 * 86_400)
    for _ in range(2):
        each = Ledger(spool, counter, clock, Daytime(clock))
        await each.begin()
        each.moved_to(MOBILE)
        counter.new_bytes = 700
        await each.save()

    assert 700 == each.used_bytes()


async def test_a_stop_in_the_middle_of_a_save_counts_nothing_twice(
    ledger, counter, spool, monkeypatch
):
    """Cancelled while it writes, it does not write the same again at the end."""
    writing, go_on, spend = threading.Event(), threading.Event(), spool.spend

    def slowly(day: date, more: Spent) -> None:
        writing.set()
        assert go_on.wait(10)
        spend(day, more)

    monkeypatch.setattr(spool, "spend", slowly)
    ledger.moved_to(MOBILE)
    counter.new_bytes = 700
    saving = asyncio.create_task(ledger.save())
    await asyncio.to_thread(writing.wait, 10)
    saving.cancel()
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(saving, return_exceptions=True)
    await ledger.save()

    assert 700 == await asyncio.to_thread(spool.sent_bytes, TODAY)
    assert 700 == ledger.used_bytes()


async def test_what_another_ledger_saved_counts_after_a_second_begin(spool, counter, clock, ledger):
    """A reload opens the next one before the last one's final save."""
    again = Ledger(spool, Counter(), clock, Daytime(clock))
    await again.begin()
    ledger.moved_to(MOBILE)
    counter.new_bytes = 700
    await ledger.save()
    await again.begin()

    assert 700 == again.used_bytes()


async def asleep(clock: FakeClock) -> None:
    while not clock.sleeping:  # noqa: ASYNC110 - a fake clock has no event for it
        await asyncio.sleep(0)


async def kept_soon_and_after_all(ledger, clock, spool) -> tuple[int, int]:
    running = asyncio.create_task(ledger.run())
    kept = []
    for seconds in (LOOK_S, SAVE_S):
        await asleep(clock)
        clock.advance(seconds)
        await asyncio.sleep(0)
        await asleep(clock)
        kept.append(await asyncio.to_thread(spool.sent_bytes, TODAY))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return kept[0], kept[1]


async def test_small_sums_wait(ledger, counter, clock, spool):
    """A heartbeat a minute costs no write a minute, and is counted in the end."""
    counter.new_bytes = SAVE_BYTES - 1

    assert (0, SAVE_BYTES - 1) == await kept_soon_and_after_all(ledger, clock, spool)


async def test_large_sums_do_not_wait(ledger, counter, clock, spool):
    """What a crash must not forget is kept within seconds."""
    counter.new_bytes = SAVE_BYTES

    assert (SAVE_BYTES, SAVE_BYTES) == await kept_soon_and_after_all(ledger, clock, spool)


async def test_what_was_spent_is_told_before_it_is_saved(ledger, counter, spool):
    """By network, beside what the spool holds; other days do not count."""
    ledger.moved_to(WIFI)
    counter.new_bytes = 50
    await ledger.save()
    counter.new_bytes = 7
    ledger.moved_to(MOBILE)
    counter.new_bytes = 1000

    assert (
        Spent(kind="4g", costs=True, sent_bytes=1000),
        Spent(kind="wifi", costs=False, sent_bytes=57),
    ) == await ledger.spent(TODAY)
    assert () == await ledger.spent(TODAY + timedelta(days=1))
