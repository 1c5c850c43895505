"""Visit: what it tells the spool of its recorder while it comes, goes and fills up."""

import asyncio
from dataclasses import replace

import pytest

from device.errors import LinkLost, LinkReason, LinkUnavailable, SpoolFull
from device.model import RecorderInfo, State
from device.spool.reader import read_only
from device.visit import CALM_S
from tests.device.test_visit import OTHER, Rig, rig
from tests.fakes.scripted_driver import RECORDER, ScriptedDriver, key

pytestmark = pytest.mark.asyncio
__all__ = ["rig"]

URL = "scripted://1"
INFO = RecorderInfo(
    recorder=RECORDER, driver="scripted", battery_percent=80, pending=7, clock_offset_s=90.0
)
OFF = LinkUnavailable("it is off", reason=LinkReason.NOT_FOUND, hint="switch it on")


def tells(driver: ScriptedDriver, *infos: RecorderInfo | Exception) -> list[RecorderInfo]:
    """Let `info()` give these in turn, the last one for ever; return what was asked."""
    told: list[RecorderInfo] = []

    async def info() -> RecorderInfo:
        now = infos[min(len(told), len(infos) - 1)]
        told.append(now)
        if isinstance(now, Exception):
            raise now
        return now

    driver.info = info
    return told


async def kept(rig: Rig) -> RecorderInfo:
    with read_only(rig.spool.root) as reader:
        (seen,) = await asyncio.to_thread(reader.last_seen)
    assert seen.url == URL
    return seen.info


async def unreached(rig: Rig):
    return await asyncio.to_thread(rig.spool.unreached, URL)


async def two_rounds(rig: Rig) -> list[State]:
    """Visit for ever, until what appears later is pulled, released, and told of too."""
    uplink = asyncio.create_task(rig.uplink.run())
    visit = asyncio.create_task(rig.visitor().run(once=False))
    try:
        async with asyncio.timeout(10):
            while rig.driver.contents:
                await asyncio.wait({visit}, timeout=0.01)
            rig.driver.contents[key(3)] = (OTHER,)
            rig.driver.news.set()
            while await rig.states() != [State.RELEASED] * 3:
                rig.clock.advance(CALM_S)
                await asyncio.wait({visit}, timeout=0.01)
            while not rig.clock.sleeping:  # until the next round is waited for
                await asyncio.wait({visit}, timeout=0.01)
    finally:
        for task in (visit, uplink):
            task.cancel()
        await asyncio.gather(visit, uplink, return_exceptions=True)
    return await rig.states()


async def test_what_is_released_waits_no_more(rig: Rig):
    """The count is that of the listing and the spool, whatever the recorder counts itself."""
    tells(rig.driver, INFO)
    await rig.once(rig.visitor())

    assert await kept(rig) == replace(INFO, pending=0)
    assert await unreached(rig) is None


async def test_what_waits_is_told_before_it_is_pulled(rig: Rig):
    """A pull may take hours, and `status` is asked meanwhile."""
    tells(rig.driver, INFO)
    seen: list[int | None] = []
    before = rig.spool.begin

    def begin(recording):
        with read_only(rig.spool.root) as reader:
            seen.extend(each.info.pending for each in reader.last_seen())
        return before(recording)

    rig.spool.begin = begin
    await rig.once(rig.visitor())

    assert seen == [2, 2]


async def test_what_the_cloud_does_not_take_waits_still(rig: Rig):
    """Nothing is released, so all that is listed waits."""
    tells(rig.driver, INFO)
    rig.uplink.gives_up = True
    await rig.once(rig.visitor())

    assert (await kept(rig)).pending == 2


async def test_a_listing_that_is_not_whole_counts_nothing(rig: Rig):
    """Then the recorder's own count is what there is."""
    tells(rig.driver, INFO)
    rig.driver.complete = False
    await rig.once(rig.visitor())

    assert (await kept(rig)).pending == 7


async def test_who_is_not_there_is_kept_with_the_reason(rig: Rig):
    """The visitor's sentence, without the URL that stands beside it."""
    rig.absent = [OFF] * 100
    await rig.once(rig.visitor())
    why = await unreached(rig)

    assert (why.url, why.problem, why.hint) == (URL, "it is off", "switch it on")


async def test_a_reason_that_names_the_url_names_it_once(rig: Rig):
    """Links say where; the visitor and `status` put the URL in front anyway."""
    rig.absent = [LinkUnavailable(f"{URL}: it is far", reason=LinkReason.NO_ANSWER)] * 100
    visitor = rig.visitor()
    await rig.once(visitor)

    assert visitor.problems == (f"{URL}: it is far",)
    assert (await unreached(rig)).problem == "it is far"


async def test_a_recorder_that_comes_back_is_reached(rig: Rig):
    """The first listing ends the absence."""
    rig.absent = [OFF] * 4
    await rig.once(rig.visitor())

    assert await unreached(rig) is None
    assert (await kept(rig)).recorder == RECORDER


async def test_how_it_fares_is_asked_before_each_listing(rig: Rig):
    """A battery that empties is seen without a new connection."""
    told = tells(rig.driver, INFO, replace(INFO, battery_percent=20, clock_offset_s=0.1))
    states = await two_rounds(rig)

    assert states == [State.RELEASED] * 3
    assert len(told) >= 2
    assert (await kept(rig)).battery_percent == 20


async def test_a_clock_that_was_set_stays_told_for_the_visit(rig: Rig):
    """Operators are to hear that it had been wrong, and that is measured at the opening alone."""
    tells(rig.driver, INFO, replace(INFO, clock_offset_s=0.1))
    await two_rounds(rig)

    assert (await kept(rig)).clock_offset_s == 90.0


async def test_a_recorder_that_will_not_say_how_it_fares_is_emptied_all_the_same(rig: Rig):
    """Only its opening needs to know who it is."""
    tells(rig.driver, INFO, LinkLost("no answer"))

    assert await two_rounds(rig) == [State.RELEASED] * 3
    assert rig.opened == 1


async def test_an_index_that_cannot_be_written_stops_no_visit(rig: Rig, monkeypatch):
    """Recordings come first; how the recorder fares is told some other time."""

    def full(*_):
        raise SpoolFull("no room")

    monkeypatch.setattr(rig.spool, "save_last_seen", full)
    await rig.once(rig.visitor())

    assert await rig.states() == [State.RELEASED] * 2
