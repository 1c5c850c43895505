"""Leases and agreements: one holder at a time, and one value for all."""

import asyncio

import pytest

pytestmark = pytest.mark.asyncio


async def test_a_lease_has_one_holder(any_store, open_any):
    """Another process does not get it, and whoever has it may hold it again."""
    async with open_any() as other:
        first = await any_store.leases.hold("sweep", "prc_1", 60)
        second = await other.leases.hold("sweep", "prc_2", 60)
        again = await any_store.leases.hold("sweep", "prc_1", 60)

    assert (True, False, True) == (first, second, again)


async def test_a_lease_that_ran_out_is_anybodys(any_store):
    """A process that died holds up the others no longer than it said."""
    await any_store.leases.hold("sweep", "prc_1", 0)

    assert await any_store.leases.hold("sweep", "prc_2", 60)
    assert not await any_store.leases.hold("sweep", "prc_1", 60)


async def test_a_lease_is_dropped_by_its_holder_alone(any_store):
    """Who lost it cannot take it from the next one."""
    await any_store.leases.hold("sweep", "prc_1", 60)
    await any_store.leases.drop("sweep", "prc_2")
    kept = await any_store.leases.hold("sweep", "prc_2", 60)
    await any_store.leases.drop("sweep", "prc_1")

    assert not kept
    assert await any_store.leases.hold("sweep", "prc_2", 60)


async def test_many_who_want_a_lease_at_once_get_one(any_store, open_any):
    """Whoever comes first: there is exactly one."""
    async with open_any() as other:
        wanted = [
            store.leases.hold("sweep", f"prc_{number}", 60)
            for number, store in enumerate([any_store, other] * 6)
        ]
        got = await asyncio.gather(*wanted)

    assert 1 == sum(got)


async def test_the_first_value_is_agreed_on(any_store, open_any):
    """Of two that come at once one holds, for both, until another is adopted."""
    async with open_any() as other:
        both = await asyncio.gather(
            any_store.agreements.agree("key", "a"), other.agreements.agree("key", "b")
        )
        after = [await other.agreements.agree("key", value) for value in "ab"]
        await any_store.agreements.adopt("key", "c")

        assert [False, True] == sorted(both)
        assert both == after
        assert await other.agreements.agree("key", "c")
        assert not await other.agreements.agree("key", "a")
