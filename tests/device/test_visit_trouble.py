"""Visit in trouble: one recording, or one odd recorder, never stops or floods the rest."""

import asyncio
import random
from dataclasses import replace

import pytest

from device.errors import (
    FieldpostError,
    LinkLost,
    MediumGone,
    ProtocolViolation,
    RecorderBusy,
    SpoolFull,
    SpoolStorageFailed,
)
from device.model import State
from device.visit import PATIENCE
from tests.device.test_visit import Rig, rig
from tests.fakes.scripted_driver import key

__all__ = ["rig"]

pytestmark = pytest.mark.asyncio

STUCK = [RecorderBusy("storage failed", retry_after_s=5), LinkLost("it hangs")]


@pytest.mark.parametrize("error", STUCK)
async def test_a_recording_that_cannot_be_read_blocks_no_other(rig: Rig, error: FieldpostError):
    """A bad sector under the first recording does not keep those behind it on the recorder."""
    rig.driver.refuse[key(1)] = error
    visitor = rig.visitor()
    await rig.once(visitor)
    stuck = await asyncio.to_thread(rig.spool.known, key(1))
    other = await asyncio.to_thread(rig.spool.known, key(2))

    assert other is not None
    assert State.RELEASED is other.state
    assert State.PULLING is stuck.state
    assert str(error) in stuck.wait.reason
    assert visitor.problems


@pytest.mark.parametrize("error", [ProtocolViolation("still there"), MediumGone("what?")])
async def test_a_release_that_goes_wrong_blocks_no_other(rig: Rig, error: FieldpostError):
    """A recorder that lies about one deletion still deletes the others."""
    released = rig.driver.release

    async def release(which, digests):
        if which == key(1):
            raise error
        await released(which, digests)

    rig.driver.release = release
    visitor = rig.visitor()
    await rig.once(visitor)

    assert [key(2)] == rig.driver.released
    assert State.STORED is (await asyncio.to_thread(rig.spool.known, key(1))).state
    assert any(str(error) in problem for problem in visitor.problems)


async def test_an_absurd_pause_is_not_believed(rig: Rig):
    """A recorder that asks to be left alone for weeks is asked again much sooner."""
    rig.absent = [RecorderBusy("busy", retry_after_s=4_294_967.0)]
    began_s = rig.clock.monotonic()
    await rig.once(rig.visitor())

    assert await rig.states() == [State.RELEASED] * 2
    assert rig.clock.monotonic() - began_s <= 600


async def test_news_without_end_are_no_busy_loop(rig: Rig):
    """A recorder that always claims to hold something new is listed at a bounded rate."""
    listings = 0
    recordings = rig.driver.recordings

    async def count():
        nonlocal listings
        listings += 1
        return await recordings()

    async def at_once():
        return None

    rig.driver.recordings, rig.driver.changed = count, at_once
    visit = asyncio.create_task(rig.visitor().run(once=False))
    uplink = asyncio.create_task(rig.uplink.run())
    try:
        for _ in range(50):
            await asyncio.wait({visit}, timeout=0.005)
    finally:
        for task in (visit, uplink):
            task.cancel()
        await asyncio.gather(visit, uplink, return_exceptions=True)

    assert listings <= 3


async def test_once_looks_again_when_room_came_while_it_pulled(rig: Rig):
    """Room that uploads made during a long pull is used, not reported as missing."""
    rig.driver.contents = {key(n): (random.Random(n).randbytes(30_000),) for n in (1, 2, 3)}
    room_for, full, read = rig.spool.room_for, [SpoolFull("no room")], rig.driver.read

    def no_room_at_first(more_bytes):
        if full:
            raise full.pop()
        room_for(more_bytes)

    async def read_slowly(recording, medium, offset):
        if recording.key == key(3):
            async with asyncio.timeout(5):
                await rig.uplink.stored.after(0)
            raise MediumGone("deleted")
        async for chunk in read(recording, medium, offset):
            yield chunk

    rig.spool.room_for, rig.driver.read = no_room_at_first, read_slowly
    visitor = rig.visitor()
    await rig.once(visitor)

    assert await rig.states() == [State.RELEASED, State.RELEASED, State.PULLING]


async def test_what_is_whole_is_sealed_though_no_longer_listed(rig: Rig):
    """A cut between the last byte and the seal needs no recorder to be mended."""
    seal, failures = rig.spool.seal, [SpoolStorageFailed("EIO")] * PATIENCE

    def fail(entry):
        if failures:
            raise failures.pop()
        return seal(entry)

    rig.spool.seal = fail
    await rig.once(rig.visitor())
    failures.clear()
    rig.driver.contents.clear()
    await rig.once(rig.visitor())

    assert await rig.states() == [State.RELEASED] * 2


async def test_once_sees_every_portion_of_a_listing(rig: Rig):
    """A folder of more recordings than one listing shows is emptied all the same."""
    rig.driver.contents = {key(n): (random.Random(n).randbytes(1_000),) for n in range(5)}
    recordings = rig.driver.recordings

    async def portion():
        listing = await recordings()
        rest = len(listing.recordings) > 2
        if rest:
            rig.driver.news.set()
        return replace(listing, recordings=listing.recordings[:2], complete=not rest)

    rig.driver.recordings = portion
    await rig.once(rig.visitor())

    assert await rig.states() == [State.RELEASED] * 5
