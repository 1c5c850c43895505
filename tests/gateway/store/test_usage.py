"""What is used of quotas: counted with what uses it, and refused where it is too much."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.errors import QuotaReached, StorageQuotaReached
from gateway.model import Device, Intent, MediaType, Medium, Recording
from gateway.model_bounds import ALL_DEVICES, Quota, Usage
from gateway.store import Asked
from gateway.store.sql import migrate, open_store
from tests.gateway.store.test_store import older

pytestmark = pytest.mark.asyncio

NOW = datetime(2026, 3, 1, 23, 59, 30, tzinfo=UTC)
DAY = NOW.date()
SHA256 = "0" * 64


class Desk:
    """Makes recordings of one device, by way of one key."""

    def __init__(self, store):
        self.store = store
        self.made = 0

    async def recording(self, key=None, at=NOW):
        self.made += 1
        intent = (
            None
            if key is None
            else Intent(owner="o", operation="create", key=key, fingerprint="f", at=at)
        )
        made = await self.store.recordings.create(
            Recording(id=f"rec_{self.made}", created_at=at, device_id="dev_1", key_id="key_1"),
            intent,
        )
        return made.value.id

    async def media(self, recording, *sizes, key=None, at=NOW):
        asked = []
        for size in sizes:
            self.made += 1
            medium = Medium(
                id=f"med_{self.made}",
                recording_id=recording,
                type=MediaType.AUDIO,
                content_type="audio/ogg",
                created_at=at,
                file_size_bytes=size,
            )
            intent = (
                None
                if key is None
                else Intent(owner="o", operation="upload-url", key=key, fingerprint="f", at=at)
            )
            asked.append(Asked(medium, intent))
        made = await self.store.recordings.add_media(recording, asked, of_device=None, limit=99)
        return [each.value for each in made]

    async def finish(self, medium, size):
        return await self.store.recordings.finish_medium(medium, size_bytes=size, sha256=SHA256)

    async def quota(self, subject="dev_1", **bounds):
        await self.store.quotas.write(subject, Quota(**bounds), NOW)

    async def used(self, subject="dev_1", day=DAY):
        return await self.store.quotas.used(subject, day)


async def desk_on(store):
    await store.devices.create(
        Device(id="dev_1", serial_number="AM-07", created_at=NOW, updated_at=NOW)
    )
    return Desk(store)


async def test_recordings_and_media_are_counted_once(any_store):
    """For the device and for the key; a repeated request counts nothing."""
    desk = await desk_on(any_store)
    recording = await desk.recording(key="k")
    for _ in range(2):
        await desk.recording(key="k")
        await desk.media(recording, 100, key="m")
    await desk.media(recording, None, 11)

    used = Usage(day=DAY, recordings=1, media=3, media_bytes=111, storage_bytes=111)
    assert used == await desk.used()
    assert used == await desk.used("key_1")
    assert Usage(day=DAY + timedelta(days=1), storage_bytes=111) == await desk.used(
        day=DAY + timedelta(days=1)
    )


@pytest.mark.parametrize(("declared", "size"), [(None, 70), (50, 70), (70, 70), (100, 70)])
async def test_what_was_declared_is_corrected_in_the_end(any_store, declared, size):
    """Once, however often a medium is noted as whole, and on the day it was asked for."""
    desk = await desk_on(any_store)
    [medium] = await desk.media(await desk.recording(), declared)
    finished = await desk.finish(medium, size)
    await desk.finish(finished, size)

    used = await desk.used()
    assert (70, 70) == (used.media_bytes, used.storage_bytes)


async def test_a_size_that_is_told_late_counts_once(any_store):
    """When it is told, not again at the end by whoever did not know it."""
    desk = await desk_on(any_store)
    [medium] = await desk.media(await desk.recording(), None)
    for _ in range(2):
        await any_store.recordings.size_medium(medium.id, 70)
    told = await desk.used()
    await desk.finish(medium, 70)

    assert (70, 70) == (told.media_bytes, told.storage_bytes)
    assert told == await desk.used()


async def test_what_is_deleted_is_kept_no_more(any_store):
    """Once; what was done in the day stays done."""
    desk = await desk_on(any_store)
    recording = await desk.recording()
    [whole, _] = await desk.media(recording, 70, 30)
    await desk.finish(whole, 70)
    for _ in range(2):
        await any_store.recordings.delete(recording, NOW)

    used = await desk.used()
    assert (1, 2, 100, 0) == (used.recordings, used.media, used.media_bytes, used.storage_bytes)


async def test_what_expired_is_kept_again_when_it_is_asked_for(any_store):
    """And not twice when its recording is deleted meanwhile."""
    desk = await desk_on(any_store)
    recording = await desk.recording()
    [medium] = await desk.media(recording, 70, key="m")
    later = NOW + timedelta(days=40)

    async def expire():
        await any_store.idle.expire(medium.id, since=later, at=later)
        return (await desk.used()).storage_bytes

    expired = await expire()
    await desk.media(recording, 70, key="m")
    revived = (await desk.used()).storage_bytes
    await expire()
    await any_store.recordings.delete(recording, later)
    await any_store.recordings.touch_medium(medium.id, later)

    assert (0, 70, 0) == (expired, revived, (await desk.used()).storage_bytes)


async def test_what_is_withdrawn_counts_nothing(any_store):
    """Nobody ever heard of it."""
    desk = await desk_on(any_store)
    [whole, lost] = await desk.media(await desk.recording(), 70, 30)
    await desk.finish(whole, 70)
    await any_store.recordings.withdraw_media([whole.id, lost.id])

    used = await desk.used()
    assert (70, 70) == (used.media_bytes, used.storage_bytes)


async def test_one_recording_too_many_of_a_day_is_refused_until_midnight(any_store):
    """And leaves nothing behind; the next day begins anew."""
    desk = await desk_on(any_store)
    await desk.quota(recordings_per_day=1)
    await desk.recording(key="a")
    with pytest.raises(QuotaReached) as refused:
        await desk.recording(key="b")
    await desk.recording(key="a")

    assert {"Retry-After": "30"} == refused.value.headers
    assert 1 == (await desk.used()).recordings
    assert await desk.recording(key="b", at=NOW + timedelta(minutes=1))


@pytest.mark.parametrize("subject", ["dev_1", ALL_DEVICES, "key_1"])
async def test_bytes_that_are_too_many_of_a_day_are_refused(any_store, subject):
    """Whoever's quota it is; all or nothing."""
    desk = await desk_on(any_store)
    await desk.quota(subject, media_bytes_per_day=100)
    recording = await desk.recording()
    await desk.media(recording, 60)
    with pytest.raises(QuotaReached):
        await desk.media(recording, 20, 21)
    await desk.media(recording, 40)

    assert (2, 100) == ((used := await desk.used()).media, used.media_bytes)


async def test_what_would_be_too_much_to_keep_is_refused(any_store):
    """Until something is deleted."""
    desk = await desk_on(any_store)
    await desk.quota(storage_bytes=100)
    old, new = await desk.recording(), await desk.recording()
    await desk.media(old, 60)
    with pytest.raises(StorageQuotaReached):
        await desk.media(new, 60)
    await any_store.recordings.delete(old, NOW)
    await desk.media(new, 60)

    assert 60 == (await desk.used()).storage_bytes


async def test_a_device_has_what_holds_for_all_unless_it_has_its_own(any_store):
    """Bound by bound; 0 stands for none."""
    desk = await desk_on(any_store)
    await desk.quota(ALL_DEVICES, recordings_per_day=1, storage_bytes=10)
    await desk.quota(recordings_per_day=0)
    [recording, _] = [await desk.recording() for _ in range(2)]
    with pytest.raises(StorageQuotaReached):
        await desk.media(recording, 11)

    assert {"dev_1": Quota(recordings_per_day=0)} == await any_store.quotas.read(["dev_1", "x"])


async def test_days_of_long_ago_are_forgotten(any_store):
    """What is kept is not."""
    desk = await desk_on(any_store)
    await desk.media(await desk.recording(), 60)
    await any_store.quotas.forget(DAY + timedelta(days=1))

    assert Usage(day=DAY, storage_bytes=60) == await desk.used()


async def test_what_an_older_release_kept_counts(tmp_path):
    """From the migration on: neither what is deleted nor what is expired."""
    await older(
        tmp_path,
        "0003",
        "INSERT INTO devices (id, serial_number, metadata, heartbeat, binding_generation,"
        " created_at, updated_at)"
        " VALUES ('dev_1', 'AM-07', '{}', '{}', 0, '2026-03-01 12:00:00', '2026-03-01 12:00:00')",
        "INSERT INTO recordings (id, device_id, status, metadata, created_at, deleted_at) VALUES"
        " ('rec_1', 'dev_1', 'pending', '{}', '2026-03-01 12:00:00', NULL),"
        " ('rec_2', 'dev_1', 'pending', '{}', '2026-03-01 12:00:00', '2026-03-01 12:00:00')",
        "INSERT INTO media (id, recording_id, type, content_type, status, created_at,"
        " file_size_bytes, expired_at) VALUES"
        " ('med_1', 'rec_1', 'audio', 'a/o', 'pending', '2026-03-01 12:00:00', 70, NULL),"
        " ('med_2', 'rec_1', 'image', 'i/j', 'pending', '2026-03-01 12:00:00', NULL, NULL),"
        " ('med_3', 'rec_1', 'image', 'i/j', 'pending', '2026-03-01 12:00:00', 5,"
        " '2026-03-01 12:00:00'),"
        " ('med_4', 'rec_2', 'audio', 'a/o', 'pending', '2026-03-01 12:00:00', 9, NULL)",
    )
    await migrate(tmp_path)
    async with open_store(tmp_path) as store:
        assert 70 == (await store.quotas.used("dev_1", DAY)).storage_bytes
