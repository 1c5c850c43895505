"""Media that become whole at the same time: one statement, and each its own outcome."""

import asyncio

import pytest
import pytest_asyncio
from sqlalchemy import event

from gateway.errors import NotFound, Verifying
from gateway.model import MediaStatus, MediaType, Medium, Recording
from gateway.store import Asked
from gateway.store.shared import refusing
from gateway.store.sql import open_store
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.asyncio

NOW = FakeClock().now()


@pytest_asyncio.fixture
async def store(postgres, tmp_path):
    async with open_store(tmp_path, postgres) as store:
        yield store


def medium(number):
    return Medium(
        id=f"med_{number}",
        recording_id="rec_1",
        type=MediaType.IMAGE,
        content_type="image/jpeg",
        created_at=NOW,
        file_size_bytes=number,
    )


async def with_media(store, count):
    await store.recordings.create(Recording(id="rec_1", created_at=NOW), None)
    made = [medium(number) for number in range(count)]
    await store.recordings.add_media(
        "rec_1", [Asked(each, None) for each in made], of_device=None, limit=99
    )
    return made


async def finish(store, one):
    return await store.recordings.finish_medium(
        one, size_bytes=one.file_size_bytes, sha256=f"{one.file_size_bytes:064}", mark=one.id
    )


async def all_at_once(store, made):
    return await asyncio.gather(*(finish(store, each) for each in made), return_exceptions=True)


async def now_kept(store):
    recording = await store.recordings.recording("rec_1")
    return {each.id: each for each in recording.media}


async def test_those_of_a_moment_are_one_statement(store):
    """Eleven media cost one journey, and each has its own digest."""
    made = await with_media(store, 11)
    asked = []
    engine = store._database._writer._engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    await all_at_once(store, made)
    kept = (await now_kept(store)).values()

    assert 1 == len(asked)
    assert [(n, f"{n:064}", f"med_{n}") for n in range(11)] == [
        (each.file_size_bytes, each.content_sha256, each.store_mark) for each in kept
    ]


async def test_one_that_is_put_aside_holds_up_no_other(store):
    """It alone is refused."""
    made = await with_media(store, 3)
    await store.leases.hold(refusing("med_1"), "prc_1", 60)
    results = await all_at_once(store, made)
    kept = await now_kept(store)

    assert isinstance(results[1], Verifying)
    assert [MediaStatus.UPLOADED, MediaStatus.PENDING, MediaStatus.UPLOADED] == [
        kept[each.id].status for each in made
    ]


async def test_a_deleted_recording_has_none_to_finish(store):
    """All are told so."""
    made = await with_media(store, 2)
    await store.recordings.delete("rec_1", NOW)

    assert [NotFound] * 2 == [type(each) for each in await all_at_once(store, made)]


async def test_one_who_leaves_takes_nothing_from_the_others(store):
    """Who is cancelled while it waits was not the one that all waited for."""
    made = await with_media(store, 2)
    leaving = asyncio.create_task(finish(store, made[0]))
    staying = asyncio.create_task(finish(store, made[1]))
    await asyncio.sleep(0)
    leaving.cancel()
    await staying

    assert MediaStatus.UPLOADED is (await now_kept(store))["med_1"].status


async def test_who_comes_later_is_not_forgotten(store):
    """Each of those that come one after another is noted, whatever was under way."""
    made = await with_media(store, 6)
    tasks = []
    for each in made:
        tasks.append(asyncio.create_task(finish(store, each)))
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)

    assert {MediaStatus.UPLOADED} == {each.status for each in (await now_kept(store)).values()}
