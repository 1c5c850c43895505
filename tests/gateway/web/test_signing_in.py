"""Sessions over several processes."""

from datetime import UTC, datetime

import pytest

from gateway.core.tokens import api_key, credential_hash
from gateway.errors import Unauthorized
from gateway.model import ApiKey, Scope
from gateway.web.signing_in import Asking, SessionDesk
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.asyncio

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY = api_key(b"k" * 32, Scope)
READING = Asking(changes=False, own_page=False, csrf=None, waits=False)


async def test_every_process_knows_a_session_and_its_end(any_store, open_any):
    """What one of them began another goes on with, and ends."""
    await any_store.keys.add(
        ApiKey(
            id="key_1",
            name="ops",
            key_hash=credential_hash(KEY),
            scopes=frozenset(Scope),
            created_at=NOW,
        )
    )
    async with open_any() as other:
        here, there = (
            SessionDesk(store, FakeClock(NOW), secret=b"s" * 32) for store in (any_store, other)
        )
        cookie, _ = await here.sign_in(KEY, guesser="10.0.0.7")
        caller = await there.caller(cookie, READING)
        same = here.csrf(cookie) == there.csrf(cookie)
        await there.sign_out(cookie)
        with pytest.raises(Unauthorized):
            await here.caller(cookie, READING)

    assert ("key_1", "ops", True) == (caller.key_id, caller.name, caller.by_console)
    assert same


async def test_a_cookie_that_is_no_text_hinders_nobody(any_store):
    """A neighbour's page can set one; whoever signs in anew signs out of it."""
    desk = SessionDesk(any_store, FakeClock(NOW), secret=b"s" * 32)

    assert await desk.sign_out("\udcff") is None
