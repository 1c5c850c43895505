"""Takes: the recorder that is meant, and never another one."""

import asyncio

import pytest

from device.core.orders import Order, OrderState, OrderType
from device.errors import LinkLost, RecorderBusy, RecorderRefused
from device.reach import AGAIN_S, Reach
from device.takes import Site, tell
from tests.fakes.clock import FakeClock
from tests.fakes.scripted_driver import RECORDER, ScriptedDriver

pytestmark = pytest.mark.asyncio
START, STOP = OrderType.START_RECORDING, OrderType.STOP_RECORDING


def order(name: str = "cmd_1", **params) -> Order:
    return Order(id=name, type=START, params=params)


def site(name: str = "a", driver: ScriptedDriver | None = None, **reach) -> Site:
    clock = FakeClock()
    made = Reach(clock=clock, **reach)
    if driver is not None:
        made.open(driver)
    return Site(url=f"serial:///dev/{name}", recorder=RECORDER if driver else None, reach=made)


def able(**more) -> ScriptedDriver:
    return ScriptedDriver({}, records=True, **more)


async def test_the_only_one_that_can_is_told():
    """A recorder that can only be read does not make it ambiguous."""
    driver = able()
    outcome = await tell(order(), START, [site("a", driver), site("b", ScriptedDriver({}))])

    assert OrderState.DONE is outcome.state
    assert driver.going_on is not None
    assert {"recorder": RECORDER, "recording_id": driver.going_on.recording} == outcome.result


async def test_several_must_be_told_apart():
    """Also while one of them was never reached: a guess could start the wrong one."""
    driver = able()
    outcome = await tell(order(), START, [site("a", driver), site("b")])

    assert f"must name one of {RECORDER}, serial:///dev/b" in str(outcome.error)
    assert {} == driver.did


@pytest.mark.parametrize("name", ["serial:///dev/a", RECORDER])
async def test_one_is_named(name):
    """By its URL, or by its id."""
    driver, other = able(), able()
    named = await tell(order(recorder=name), START, [site("a", driver), site("b")])

    assert OrderState.DONE is named.state
    assert (1, 0) == (len(driver.did), len(other.did))


@pytest.mark.parametrize("name", ["serial:///dev/z", 7, ""])
async def test_a_name_that_is_none(name):
    """Nobody is told; the error lists whom there is."""
    driver = able()
    outcome = await tell(order(recorder=name), START, [site("a", driver)])

    assert f"there is {RECORDER}" in str(outcome.error)
    assert {} == driver.did


async def test_nobody_can():
    """No recorder, or none of a kind that can be told."""
    for sites in ([], [site("a", ScriptedDriver({}))]):
        outcome = await tell(order(), STOP, sites)

        assert "no recorder here can be told to stop a recording" == outcome.error


async def test_the_named_one_cannot():
    """It is asked for by name, and fails by name."""
    outcome = await tell(order(recorder=RECORDER), START, [site("a", ScriptedDriver({}))])

    assert "serial:///dev/a cannot be told to start a recording" == outcome.error


@pytest.mark.parametrize("longest", [0, 86_401, "60", True, 1.5])
async def test_a_duration_that_is_none(longest):
    """It is refused here, before a recorder hears it."""
    driver = able()
    outcome = await tell(order(max_duration_sec=longest), START, [site("a", driver)])

    assert "max_duration_sec" in str(outcome.error)
    assert {} == driver.did


async def test_a_refusal_is_how_it_ends():
    """In the recorder's own words, with its URL."""
    driver = able(on_record=[RecorderRefused("the battery is low", wire_code=19)])
    outcome = await tell(order(), START, [site("a", driver)])

    assert "serial:///dev/a: the battery is low" == outcome.error


async def test_it_waits_for_one_that_comes():
    """The only recorder there is, before it was ever reached."""
    absent, driver = site("a"), able()
    telling = asyncio.create_task(tell(order(), START, [absent]))
    await asyncio.wait({telling}, timeout=0.01)
    waiting = not telling.done()
    absent.reach.open(driver)
    async with asyncio.timeout(5):
        outcome = await telling

    assert waiting
    assert OrderState.DONE is outcome.state


@pytest.mark.parametrize("fault", [LinkLost("cut"), RecorderBusy("busy", retry_after_s=1)])
@pytest.mark.parametrize("anew", [True, False], ids=["opened anew", "line came back"])
async def test_a_lost_answer_starts_no_second_recording(fault, anew):
    """The same order is given again, to a driver that is opened anew or after a while."""
    driver = able(on_record=[fault])
    there = site("a", driver)
    telling = asyncio.create_task(tell(order(), START, [there]))
    await asyncio.wait({telling}, timeout=0.01)
    if anew:
        there.reach.close()
        there.reach.open(driver)
    else:
        there.reach.clock.advance(AGAIN_S)
    async with asyncio.timeout(5):
        outcome = await telling

    assert OrderState.DONE is outcome.state
    assert 1 == len(driver.did)


async def test_two_orders_are_two():
    """A stop has a number of its own, and so has the next start."""
    driver = able()
    there = [site("a", driver)]
    for name, what in (("1", START), ("2", STOP), ("3", START)):
        outcome = await tell(order(name), what, there)

        assert OrderState.DONE is outcome.state
    assert 3 == len(driver.did)
    assert 2 == len(set(driver.did.values()))
