"""Bell: wake-ups that cannot be lost."""

import asyncio

import pytest

from device.bell import Bell, first_of


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


@pytest.mark.asyncio
async def test_the_first_of_several_waits_ends_the_others():
    """Which one it was is told, and nothing is left waiting."""
    bells = [Bell(), Bell(), Bell()]
    bells[1].ring()

    assert {1} == await first_of(*(bell.after(0) for bell in bells))
    assert [set(), set()] == [bells[0]._waiting, bells[2]._waiting]


@pytest.mark.asyncio
async def test_what_the_first_wait_raised_is_raised():
    """A driver that fails while the bell is waited for."""

    async def fail() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await first_of(Bell().after(0), fail())
