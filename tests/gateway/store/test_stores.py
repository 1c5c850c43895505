"""The fixtures of databases themselves: each test gets one of its own, with all tables."""

import pytest

from gateway.model import Recording, RecordingFilter
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("again", [1, 2])
async def test_a_test_has_a_database_of_its_own(any_store, again):
    """What another test wrote is not there."""
    before = await any_store.recordings.page(RecordingFilter(), 9, 0)
    made = Recording(id="rec_1", created_at=FakeClock().now())
    await any_store.recordings.create(made, None)

    assert [] == before
    assert made == await any_store.recordings.recording("rec_1")


async def test_two_stores_share_one_database(any_store, open_any):
    """As two processes do."""
    made = Recording(id="rec_1", created_at=FakeClock().now())
    await any_store.recordings.create(made, None)
    async with open_any() as other:
        assert made == await other.recordings.recording("rec_1")
