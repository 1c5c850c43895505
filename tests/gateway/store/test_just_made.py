"""Media that are remembered from when they were made: given once, and only as they are."""

import pytest
import pytest_asyncio

from gateway.errors import NotFound
from gateway.model import Intent, MediaType, Medium, Recording
from gateway.store import Asked
from gateway.store.just_made import KEPT_S, JustMade
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.asyncio

NOW = FakeClock().now()
INTENT = Intent(owner="dev_1", operation="upload-url", key="k", fingerprint="f", at=NOW)


def medium(medium_id="med_1", **more):
    return Medium(
        id=medium_id,
        recording_id="rec_1",
        type=MediaType.IMAGE,
        content_type="image/jpeg",
        created_at=NOW,
        **more,
    )


@pytest_asyncio.fixture
async def store(any_store):
    await any_store.recordings.create(Recording(id="rec_1", created_at=NOW), None)
    return any_store


async def handed_out(store, wanted=None):
    asked = Asked(wanted or medium(), INTENT)
    await store.recordings.add_media("rec_1", [asked], of_device=None, limit=9)


async def reads(store, monkeypatch):
    """Look a medium up for its bytes, and say what that was and whether the database was asked."""
    asked = []
    real = store.recordings.medium

    async def watched(medium_id):
        asked.append(medium_id)
        return await real(medium_id)

    monkeypatch.setattr(store.recordings, "medium", watched)
    given, is_new = await store.recordings.awaited("med_1")
    assert is_new is not bool(asked)
    return given, bool(asked)


async def test_it_is_given_once():
    """Who asks again has the database asked."""
    handed = JustMade(FakeClock().monotonic)
    handed.keep([medium()])

    assert (medium(), None) == (handed.take("med_1"), handed.take("med_1"))


async def test_it_is_given_for_a_minute():
    """Afterwards it is as if it had not been kept."""
    clock = FakeClock()
    handed = JustMade(clock.monotonic)
    handed.keep([medium()])
    clock.advance(KEPT_S)

    assert handed.take("med_1") is None
    assert KEPT_S <= 60


async def test_it_takes_little_room():
    """Media that nobody sends do not gather."""
    handed = JustMade(FakeClock().monotonic)
    for number in range(3000):
        handed.keep([medium(f"med_{number}")])

    assert sum(handed.take(f"med_{number}") is not None for number in range(3000)) <= 1024


async def test_the_first_bytes_cost_no_query(store, monkeypatch):
    """What was handed out is known without the database."""
    await handed_out(store)

    assert (medium(), False) == await reads(store, monkeypatch)


async def test_a_deleted_medium_is_not_given(store, monkeypatch):
    """Its bytes would be kept for nobody."""
    await handed_out(store)
    await store.recordings.delete("rec_1", NOW)

    assert (None, True) == await reads(store, monkeypatch)


async def test_a_withdrawn_medium_is_not_given(store, monkeypatch):
    """Nobody was told of it."""
    await handed_out(store)
    await store.recordings.withdraw_media(["med_1"])

    assert (None, True) == await reads(store, monkeypatch)


async def test_a_digest_that_is_declared_later_counts(store, monkeypatch):
    """The same key with a digest: bytes of another one are to be refused."""
    await handed_out(store)
    await handed_out(store, medium("med_2", declared_sha256="a" * 64))
    found, asked = await reads(store, monkeypatch)

    assert ("a" * 64, True) == (found.declared_sha256, asked)


async def test_a_reopened_medium_is_looked_up(store, monkeypatch):
    """Whatever is done to a row, the row is read afterwards."""
    await handed_out(store)
    await store.recordings.reopen_medium("med_1", blame=True)

    assert (await reads(store, monkeypatch))[1]


async def test_what_another_process_deleted_is_not_finished(store, open_any):
    """The row itself has the last word."""
    await handed_out(store)
    async with open_any() as elsewhere:
        await elsewhere.recordings.delete("rec_1", NOW)
    given, _ = await store.recordings.awaited("med_1")

    with pytest.raises(NotFound):
        await store.recordings.finish_medium(given, size_bytes=1, sha256="0" * 64)
