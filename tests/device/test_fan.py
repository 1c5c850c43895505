"""Several things at a time, and none begun after a failure."""

import asyncio

import pytest

from device.errors import CloudUnreachable
from device.fan import fan_out

pytestmark = pytest.mark.asyncio


class Work:
    """Things to do that end when they are told to."""

    def __init__(self):
        self.begun = []
        self.done = []
        self.ends = {number: asyncio.Event() for number in range(5)}
        self.fails = set()

    async def __call__(self, number):
        self.begun.append(number)
        await self.ends[number].wait()
        if number in self.fails:
            raise CloudUnreachable(f"{number}")
        self.done.append(number)


async def settle():
    for _ in range(10):
        await asyncio.sleep(0)


async def test_as_many_at_a_time_as_allowed():
    """One more begins only when one has ended."""
    work = Work()
    running = asyncio.create_task(fan_out(range(5), work, at_once=2))
    await settle()
    first = list(work.begun)
    work.ends[1].set()
    await settle()
    then = list(work.begun)
    for end in work.ends.values():
        end.set()
    await running

    assert [0, 1] == first
    assert [0, 1, 2] == then
    assert [0, 1, 2, 3, 4] == sorted(work.done)


async def test_what_is_under_way_is_finished_after_a_failure():
    """Its neighbours end as they would have; nothing else begins."""
    work = Work()
    work.fails.add(0)
    running = asyncio.create_task(fan_out(range(5), work, at_once=2))
    await settle()
    work.ends[0].set()
    await settle()
    is_over_early = running.done()
    work.ends[1].set()
    with pytest.raises(CloudUnreachable):
        await running

    assert not is_over_early
    assert [0, 1] == work.begun
    assert [1] == work.done


async def test_cancelled_all_of_it_ends():
    """Nobody goes on behind the back of whoever cancelled."""
    work = Work()
    running = asyncio.create_task(fan_out(range(5), work, at_once=2))
    await settle()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    for end in work.ends.values():
        end.set()
    await settle()

    assert [] == work.done


async def test_nothing_to_do():
    """Is done at once."""
    await fan_out([], Work(), at_once=3)
