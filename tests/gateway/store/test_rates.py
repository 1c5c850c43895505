"""Windows of time with a limit: nobody takes more of one than there is, whatever process asks."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from gateway.store.bounds import Grant
from gateway.store.schema_bounds import rate_windows

pytestmark = pytest.mark.asyncio

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


async def take(store, want, *, limit=10, at=NOW, subject="dev_1"):
    return await store.rates.take(subject, at=at, window_s=60, limit=limit, want=want)


async def windows(store):
    query = select(rate_windows.c.begins_s).order_by(rate_windows.c.begins_s)
    return await store._database.reading(lambda each: each.execute(query).scalars().all())


async def test_a_window_gives_what_it_has_and_no_more(any_store):
    """Whoever asks for more than is left gets what is left."""
    grants = [await take(any_store, 6) for _ in range(3)]

    assert [Grant(6, 4), Grant(4, 0), Grant(0, 0)] == grants


async def test_processes_share_a_window(any_store, open_any):
    """Two processes that take at the same time get together what one would."""
    async with open_any() as other:
        grants = await asyncio.gather(*(take(s, 1) for s in (any_store, other) for _ in range(8)))

    assert 10 == sum(grant.count for grant in grants)


async def test_subjects_and_windows_are_apart(any_store):
    """Nobody pays for another, or for the minute before."""
    await take(any_store, 10)

    assert Grant(10, 0) == await take(any_store, 10, subject="dev_2")
    assert Grant(10, 0) == await take(any_store, 10, at=NOW + MINUTE)


async def test_a_lower_limit_holds_at_once(any_store):
    """What was taken under a higher one counts."""
    await take(any_store, 8)

    assert Grant(0, 0) == await take(any_store, 1, limit=5)


async def test_what_is_given_back_can_be_taken_again(any_store):
    """A try that turned out right is none."""
    await take(any_store, 10)
    await any_store.rates.give_back("dev_1", at=NOW, window_s=60, count=1)

    assert Grant(1, 0) == await take(any_store, 2)


async def test_windows_that_are_over_go(any_store):
    """By the next but one of the same subject, or by the sweeper."""
    for minutes in range(4):
        await take(any_store, 1, at=NOW + minutes * MINUTE)
    kept = await windows(any_store)
    await any_store.rates.forget(NOW + 5 * MINUTE)

    assert 2 == len(kept)
    assert [] == await windows(any_store)
