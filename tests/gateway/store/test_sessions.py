"""Sessions of the console in a database."""

from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from gateway.model import ApiKey, Scope, WebSession

pytestmark = pytest.mark.asyncio

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
KEY = ApiKey(
    id="key_1", name="ops", key_hash="h" * 64, scopes=frozenset({Scope.ADMIN}), created_at=NOW
)


def session(name="a", expires_at=LATER, created_at=NOW):
    return WebSession(
        session_hash=name * 64,
        key=KEY,
        created_at=created_at,
        seen_at=created_at,
        expires_at=expires_at,
    )


@pytest_asyncio.fixture
async def sessions(any_store):
    await any_store.keys.add(KEY)
    await any_store.sessions.add(session())
    return any_store.sessions


async def test_a_session_is_found_with_its_key(sessions):
    """As it was kept; another hash finds nothing."""
    assert session() == await sessions.session("a" * 64, NOW)
    assert await sessions.session("b" * 64, NOW) is None


async def test_a_session_that_is_over_is_not_found(sessions):
    """From its last moment on."""
    assert await sessions.session("a" * 64, LATER) is None


async def test_a_session_of_a_revoked_key_is_not_found(sessions, any_store):
    """The key is looked at each time."""
    await any_store.keys.revoke("key_1", NOW)

    assert await sessions.session("a" * 64, NOW) is None


async def test_a_session_is_never_prolonged_back(sessions):
    """Of two requests at once the later one counts, in whatever order they write."""
    for hours in (2, 1):
        at = NOW + timedelta(hours=hours)
        await sessions.prolong("a" * 64, at, at + timedelta(hours=12))
    found = await sessions.session("a" * 64, LATER)

    assert NOW + timedelta(hours=14) == found.expires_at


async def test_an_ended_session_is_gone(sessions):
    """As often as it is ended."""
    await sessions.end("a" * 64)
    await sessions.end("a" * 64)

    assert await sessions.session("a" * 64, NOW) is None


async def test_who_signs_in_sweeps_out_what_is_over(sessions):
    """What is left behind does not pile up; what is good stays."""
    await sessions.add(session("b", LATER + timedelta(hours=1)))
    await sessions.add(session("c", LATER + timedelta(hours=2), created_at=LATER))
    await sessions.prolong("a" * 64, LATER, LATER + timedelta(hours=9))

    assert await sessions.session("a" * 64, LATER) is None
    assert await sessions.session("b" * 64, LATER) is not None
