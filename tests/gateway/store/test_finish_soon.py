"""Media noted within a moment: together, and before anybody who asks is answered."""

import asyncio
import threading

import pytest
import pytest_asyncio

from gateway.errors import Unavailable
from gateway.model import MediaStatus, MediaType, Medium, Recording
from gateway.store import Asked, RecordingFilter
from gateway.store import finishing as finishings
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.asyncio

NOW = FakeClock().now()


@pytest.fixture(autouse=True)
def _for_ever(monkeypatch):
    """Nothing is noted because time has passed."""
    monkeypatch.setattr(finishings, "_PATIENCE_S", 3600.0)


@pytest_asyncio.fixture
async def store(any_store):
    await any_store.recordings.create(Recording(id="rec_1", created_at=NOW), None)
    yield any_store
    await any_store.recordings.settled()


async def with_media(store, count, size_bytes=5):
    made = [
        Medium(
            id=f"med_{number}",
            recording_id="rec_1",
            type=MediaType.IMAGE,
            content_type="image/jpeg",
            created_at=NOW,
            file_size_bytes=size_bytes,
        )
        for number in range(count)
    ]
    asked = [Asked(each, None) for each in made]
    await store.recordings.add_media("rec_1", asked, of_device=None, limit=99)
    return made


async def finish_soon(store, media):
    for each in media:
        await store.recordings.finish_soon(each, size_bytes=5, sha256="0" * 64)


def statuses(media):
    return [each.status for each in media]


@pytest.mark.parametrize("question", ["recording", "medium", "page", "delete"])
async def test_who_asks_is_told_of_it(store, question):
    """Whatever is asked, what was answered before is known."""
    made = await with_media(store, 3)
    await finish_soon(store, made)
    recordings = store.recordings
    match question:
        case "recording":
            told = (await recordings.recording("rec_1")).media
        case "medium":
            told = [await recordings.medium(each.id) for each in made]
        case "page":
            told = (await recordings.page(RecordingFilter(), 10, 0))[0].media
        case _:
            told = (await recordings.delete("rec_1", NOW)).media

    assert [MediaStatus.UPLOADED] * 3 == statuses(told)


async def test_those_of_a_moment_are_noted_together(store, monkeypatch):
    """A hundred answers cost one transaction."""
    made = await with_media(store, 50)
    works = []
    real = store._database.writing_of

    async def counted(key, work, *arguments, **more):
        works.append(key)
        return await real(key, work, *arguments, **more)

    monkeypatch.setattr(store._database, "writing_of", counted)
    await finish_soon(store, made)
    await store.recordings.settled()

    assert 1 == len(works)
    assert {MediaStatus.UPLOADED} == set(
        statuses((await store.recordings.recording("rec_1")).media)
    )


async def test_it_is_noted_though_nobody_asks(store, monkeypatch):
    """A moment later it is on disk."""
    monkeypatch.setattr(finishings, "_PATIENCE_S", 0.001)
    made = await with_media(store, 1)
    await finish_soon(store, made)
    (batch,) = store.recordings._finishing._at_work
    await asyncio.wait([batch.task])

    assert not store.recordings._finishing._at_work
    assert {} == batch.task.result()


async def test_one_that_is_waited_for_takes_the_others_along(store):
    """Whoever must not answer before hurries the moment on."""
    first, second = await with_media(store, 2)
    await finish_soon(store, [first])
    await store.recordings.finish_medium(second, size_bytes=5, sha256="1" * 64)

    assert not store.recordings._finishing._at_work
    assert [MediaStatus.UPLOADED] * 2 == statuses((await store.recordings.recording("rec_1")).media)


async def test_a_size_that_was_not_known_is_counted_first(store):
    """Where quotas are to be corrected nothing is answered before."""
    (made,) = await with_media(store, 1, size_bytes=None)
    await finish_soon(store, [made])

    assert not store.recordings._finishing._at_work
    assert 5 == (await store.recordings.medium("med_0")).file_size_bytes


async def test_a_recording_that_was_deleted_meanwhile_needs_no_note(store, monkeypatch):
    """Its media are nobody's any more, and nothing fails for it."""
    made = await with_media(store, 2)
    await finish_soon(store, made[:1])

    async def unsettled():
        pass

    with monkeypatch.context() as patched:
        patched.setattr(store.recordings, "settled", unsettled)
        await store.recordings.delete("rec_1", NOW)
    await store.recordings.settled()

    assert not store.recordings._finishing._at_work
    assert await store.recordings.recording("rec_1") is None


@pytest_asyncio.fixture
async def failed(store, monkeypatch):
    """A medium that could not be noted, since the database could not be used."""
    (made,) = await with_media(store, 1)

    async def failing(*_args, **_more):
        raise Unavailable("the database cannot be used now")

    monkeypatch.setattr(finishings, "_AGAIN_S", 3600.0)
    with monkeypatch.context() as patched:
        patched.setattr(store._database, "writing_of", failing)
        await finish_soon(store, [made])
        await store.recordings.settled()
    return made


async def test_a_database_that_fails_is_tried_again(store, failed, caplog):
    """Who asks meanwhile is told that it is pending; it was told to the log."""
    before = (await store.recordings.medium(failed.id)).status
    store.recordings._finishing._try_again()
    after = (await store.recordings.medium(failed.id)).status

    assert ["Media that are whole are not noted."] == [
        record.message for record in caplog.get_records("setup")
    ]
    assert (MediaStatus.PENDING, MediaStatus.UPLOADED) == (before, after)


@pytest.mark.parametrize("change", ["reopen", "finish", "delete"])
async def test_what_was_changed_meanwhile_is_not_tried_again(store, failed, change):
    """An old note never comes after what has taken its place."""
    recordings = store.recordings
    match change:
        case "reopen":
            await recordings.reopen_medium(failed.id, blame=False)
        case "finish":
            await recordings.finish_medium(failed, size_bytes=5, sha256="2" * 64)
        case _:
            await recordings.delete("rec_1", NOW)
    recordings._finishing._try_again()

    assert not recordings._finishing._at_work


async def test_who_comes_while_others_are_noted_is_not_forgotten(store, monkeypatch):
    """Its batch is the next one: what is being written is closed."""
    first, second = await with_media(store, 2)
    finishing = store.recordings._finishing
    note, begun, goes_on = finishing._note, threading.Event(), threading.Event()

    def held_up(connection, brought):
        begun.set()
        assert goes_on.wait(10)
        return note(connection, brought)

    monkeypatch.setattr(finishing, "_note", held_up)
    if store._database.shared:
        # Its statements run in the loop, which must not be held up.
        goes_on.set()
    await finish_soon(store, [first])
    settling = asyncio.create_task(store.recordings.settled())
    await asyncio.to_thread(begun.wait, 10)
    await finish_soon(store, [second])
    goes_on.set()
    await settling
    kept = (await store.recordings.recording("rec_1")).media

    assert [MediaStatus.UPLOADED] * 2 == statuses(kept)


async def test_who_only_looks_does_not_wait_for_a_database_that_hangs(store, monkeypatch):
    """It is told what is known."""
    made = await with_media(store, 1)
    ends = asyncio.Event()
    real = store._database.writing_of

    async def hanging(*arguments, **more):
        await ends.wait()
        return await real(*arguments, **more)

    monkeypatch.setattr("gateway.store.recordings._SHOWN_S", 0.01)
    monkeypatch.setattr(store._database, "writing_of", hanging)
    await finish_soon(store, made)
    told = (await store.recordings.recording("rec_1")).media
    ends.set()
    await store.recordings.settled()

    assert [MediaStatus.PENDING] == statuses(told)
    assert MediaStatus.UPLOADED is (await store.recordings.medium("med_0")).status
