"""Credentials that are remembered: revoked at once here, within a second from elsewhere."""

import asyncio

import pytest

from gateway.core.tokens import credential_hash, device_token
from gateway.model import ApiKey, Device, DeviceToken, Scope
from gateway.store.remembered import REMEMBERED_S, Remembered
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.asyncio


class Rows:
    """What is looked up, and how often."""

    def __init__(self, **rows):
        self.rows, self.looks = rows, 0

    async def look(self):
        self.looks += 1
        return self.rows.get("a")


async def test_it_is_looked_up_once_a_second():
    """What was found counts for a second at most, from when it was asked for."""
    clock, rows = FakeClock(), Rows(a="good")
    remembered = Remembered(clock.monotonic)
    first = [await remembered.get("a", rows.look) for _ in range(3)]
    looks = rows.looks
    rows.rows["a"] = "revoked"
    clock.advance(REMEMBERED_S)

    assert (["good"] * 3, 1) == (first, looks)
    assert "revoked" == await remembered.get("a", rows.look)
    assert REMEMBERED_S <= 1


async def test_the_second_runs_while_it_is_looked_up():
    """A slow look may show what was a second ago when it ends: it counts no longer for that."""
    clock, rows = FakeClock(), Rows(a="good")
    remembered = Remembered(clock.monotonic)

    async def slow():
        found = await rows.look()
        clock.advance(REMEMBERED_S)
        return found

    await remembered.get("a", slow)
    rows.rows["a"] = "revoked"

    assert "revoked" == await remembered.get("a", rows.look)


async def test_what_is_not_found_is_not_remembered():
    """A credential that is added is let in at once."""
    rows = Rows()
    remembered = Remembered(FakeClock().monotonic)
    missing = await remembered.get("a", rows.look)
    rows.rows["a"] = "new"

    assert (None, "new") == (missing, await remembered.get("a", rows.look))


async def test_a_look_beside_a_change_is_not_remembered():
    """What was looked up before a change and arrives after it counts for that request alone."""
    remembered = Remembered(FakeClock().monotonic)
    rows, looked, may_end = Rows(a="good"), asyncio.Event(), asyncio.Event()

    async def slow():
        found = await rows.look()
        looked.set()
        await may_end.wait()
        return found

    early = asyncio.create_task(remembered.get("a", slow))
    await looked.wait()
    with remembered.changing():
        rows.rows["a"] = "revoked"
    may_end.set()

    assert "good" == await early
    assert "revoked" == await remembered.get("a", rows.look)


async def test_strangers_do_not_fill_the_memory():
    """However many credentials are seen, what is remembered of them is bounded."""
    rows, remembered = Rows(a="good"), Remembered(FakeClock().monotonic)
    for number in range(3000):
        await remembered.get(str(number), rows.look)

    assert len(remembered._found) <= 1024


async def device(store, now):
    made = Device(id="dev_1", serial_number="AM-07", created_at=now, updated_at=now)
    await store.devices.create(made)
    hashed = credential_hash(device_token(b"x" * 32))
    await store.devices.issue(
        DeviceToken(id="tok_1", device_id="dev_1", token_hash=hashed, created_at=now)
    )
    return hashed


async def test_a_revoked_token_is_seen_at_once(open_any):
    """A token that was just in use shows as revoked as soon as revoking it returns."""
    now = FakeClock().now()
    async with open_any() as store:
        hashed = await device(store, now)
        before = await store.devices.token(hashed)
        await store.devices.revoke("dev_1", now)
        after = await store.devices.token(hashed)

    assert (None, now) == (before.revoked_at, after.revoked_at)


async def test_a_token_revoked_by_another_process_is_seen_in_time(open_any):
    """What another process revoked shows once the second is over."""
    clock = FakeClock()
    async with open_any() as store, open_any() as other:
        store.devices._remembered = Remembered(clock.monotonic)
        hashed = await device(store, clock.now())
        await store.devices.token(hashed)
        await other.devices.revoke("dev_1", clock.now())
        clock.advance(REMEMBERED_S)
        after = await store.devices.token(hashed)

    assert after.revoked_at is not None


async def test_a_revoked_key_is_seen_at_once(open_any):
    """The same for API keys."""
    now = FakeClock().now()
    key = ApiKey(id="key_1", name="k", key_hash="0" * 64, scopes=frozenset(Scope), created_at=now)
    async with open_any() as store:
        await store.keys.add(key)
        before = await store.keys.key(key.key_hash)
        await store.keys.revoke(key.id, now)
        after = await store.keys.key(key.key_hash)

    assert (None, now) == (before.revoked_at, after.revoked_at)
