"""Bell: wake-ups that cannot be lost."""

import asyncio

import pytest

from device.bell import Bell


@pytest.mark.asyncio
async def test_ring_before_wait_still_wakes():
    """A ring between looking and waiting is not lost."""
    bell = Bell()
    seen = bell.count
    bell.ring()

    await bell.after(seen)


@pytest.mark.asyncio
async def test_ring_wakes_all_waiters():
    """One ring wakes everybody who waits."""
    bell = Bell()
    waiters = [asyncio.create_task(bell.after(bell.count)) for _ in range(3)]
    await asyncio.sleep(0)
    bell.ring()

    assert [None] * 3 == await asyncio.gather(*waiters)


@pytest.mark.asyncio
async def test_no_ring_no_return():
    """Without a ring nobody wakes, and a cancelled waiter is forgotten."""
    bell = Bell()
    waiter = asyncio.create_task(bell.after(bell.count))
    await asyncio.sleep(0)

    assert not waiter.done()

    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    bell.ring()

    assert waiter.cancelled()
