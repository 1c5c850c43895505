"""Dispatch: an operator who does not want to wait, and what a watchdog sees of it."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from device.model import State
from device.pulse import Pulses
from tests.device.test_dispatch import clock, rig, spool
from tests.fakes.bota_api import Fault
from tests.fakes.uploads import noise

__all__ = ["clock", "rig", "spool"]
pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def running(dispatcher):
    task = asyncio.create_task(dispatcher.run())
    try:
        async with asyncio.timeout(10):
            yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(task, true) -> None:
    while not await true():
        await asyncio.wait({task}, timeout=0.01)


async def test_a_call_ends_our_own_pause(rig):
    """What waits after a 503 goes up at once, with no second of the clock gone by."""
    rig.bota.faults["create"].append(Fault(status=503))
    entry = await rig.seal(1, noise(3_000))
    dispatcher = rig.dispatcher(once=False)
    async with running(dispatcher) as task:

        async def waits():
            return (await rig.entry(entry)).wait is not None and not dispatcher.sends(entry.id)

        async def is_stored():
            return (await rig.entry(entry)).state is State.STORED

        await until(task, waits)
        await dispatcher.wake()
        await until(task, is_stored)

    assert 0 == rig.clock.monotonic()


async def test_a_call_does_not_end_what_the_cloud_asked_for(rig):
    """Retry-After is the cloud's, not ours to drop."""
    rig.bota.faults["create"].append(Fault(status=429, headers={"Retry-After": "600"}))
    entry = await rig.seal(1, noise(3_000))
    dispatcher = rig.dispatcher(once=False)
    async with running(dispatcher) as task:

        async def waits():
            return (await rig.entry(entry)).wait is not None and not dispatcher.sends(entry.id)

        await until(task, waits)
        await dispatcher.wake()
        for _ in range(20):
            await asyncio.wait({task}, timeout=0.01)

    assert (State.SEALED, 1) == ((await rig.entry(entry)).state, len(rig.bota.requests))


async def test_uploads_rest_by_design_when_nothing_goes_up(rig):
    """Both signs of life wait with an end, or without one where nothing is under way."""
    pulses = Pulses(clock=rig.clock)
    dispatcher = rig.dispatcher(once=False)
    dispatcher.pulse = pulses.of("uploads", within_s=10)
    dispatcher.flying = pulses.of("bytes", within_s=10)
    await rig.seal(1, noise(3_000))
    async with running(dispatcher) as task:

        async def rests():
            return await dispatcher.settled(None) and rig.clock.sleeping == 1

        await until(task, rests)
    rig.clock.advance(3600)
    resting = pulses.overdue()
    rig.clock.advance(11)

    assert ([], ["uploads"]) == (resting, [each.name for each in pulses.overdue()])
