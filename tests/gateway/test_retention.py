"""Retention: what is uploaded and old goes with its objects; nothing else ever does."""

import asyncio
from datetime import timedelta

import pytest
import pytest_asyncio

from gateway.config_bounds import BoundsConfig
from gateway.model import MediaStatus, MediaType, Medium, Recording, RecordingStatus
from gateway.model_bounds import ALL_DEVICES, AuditFilter, Quota
from gateway.retention import Retention
from gateway.store import Asked
from tests.gateway.serving import digest, serving

pytestmark = pytest.mark.asyncio

SOUND = b"sound" * 100
DAY_S = 24 * 3600


@pytest_asyncio.fixture
async def api(tmp_path, clock):
    """A gateway called by a device."""
    async with serving(tmp_path / "data", clock) as api:
        _, api.token = await api.device()
        yield api


@pytest.fixture
def retention(api):
    def make(days, **more):
        gateway = api.gateway
        return Retention(
            gateway.store,
            gateway.recordings,
            gateway.clock,
            BoundsConfig(retention_days=days, **more),
            process_id="prc_test",
        )

    return make


async def uploaded(api, **more):
    recording = await api.recording(**more)
    target = await api.target(recording, SOUND)
    await api.put(target["upload_url"], SOUND, 0, len(SOUND))
    assert 200 == (await api.complete(recording, SOUND)).status
    return recording


async def uploaded_by(api, token):
    own, api.token = api.token, token
    try:
        return await uploaded(api)
    finally:
        api.token = own


async def left(api):
    return [each["id"] for each in (await api.call("GET", "/v1/recordings")).json["data"]]


def objects(tmp_path):
    return sorted(path.name for path in (tmp_path / "data" / "objects").glob("*/*"))


async def test_what_is_uploaded_and_old_goes_with_its_objects(api, clock, retention, tmp_path):
    """Once its days are over, not before; and who did it is noted."""
    old = await uploaded(api)
    clock.advance(DAY_S)
    young = await uploaded(api)
    assert [] == await retention(2).once()
    clock.advance(DAY_S + 1)
    gone = await retention(2).once()
    [noted] = await api.gateway.store.audit.page(AuditFilter(actor="retention"), 9)

    assert [old] == [each.recording_id for each in gone]
    assert [young] == await left(api)
    assert 1 == len(await asyncio.to_thread(objects, tmp_path))
    assert ("deleteRecording", old, 2) == (
        noted.action,
        noted.subject,
        noted.details["retention_days"],
    )


async def test_what_is_not_uploaded_stays(api, clock, retention):
    """However old: pending, half there, or failed its check."""
    pending = await api.recording()
    half = await api.recording()
    target = await api.target(half, SOUND)
    await api.put(target["upload_url"], SOUND[:100], 0, len(SOUND))
    wrong = await api.recording()
    target = await api.target(wrong, SOUND, declare=False)
    await api.put(target["upload_url"], SOUND, 0, len(SOUND))
    await api.complete(wrong, b"another")
    status = (await api.call("GET", f"/v1/recordings/{wrong}")).json["status"]
    clock.advance(400 * DAY_S)

    assert [] == await retention(1).once()
    assert "integrity_failure" == status
    assert {pending, half, wrong} == set(await left(api))


async def test_nothing_goes_unless_somebody_says_so(api, clock, retention):
    """By default recordings are kept for ever."""
    await uploaded(api)
    clock.advance(4000 * DAY_S)

    assert [] == await retention(0).once()


async def test_too_many_days_for_a_calendar_are_for_ever(api, clock, retention):
    """One such number, of one device, keeps nobody else's from going."""
    kept = await uploaded(api)
    device = (await api.call("GET", "/v1/devices/me")).json["id"]
    await api.gateway.store.quotas.write(device, Quota(retention_days=2**53), clock.now())
    _, token = await api.device("AM-08")
    old = await uploaded_by(api, token)
    clock.advance(2 * DAY_S)
    gone = await retention(1, audit_days=10**6).once()

    assert [old] == [each.recording_id for each in gone]
    assert [kept] == await left(api)


async def test_a_device_has_its_own_days(api, clock, retention):
    """Longer, for ever, or shorter than the others'."""
    quotas = api.gateway.store.quotas
    made = {}
    for days in (None, 1, 30, 0):
        device, api.token = await api.device(f"AM-{days}")
        made[days] = await uploaded(api)
        await quotas.write(device, Quota(retention_days=days), clock.now())
    clock.advance(10 * DAY_S)
    gone = await retention(7).once()
    clock.advance(10 * DAY_S)
    await quotas.write(ALL_DEVICES, Quota(retention_days=0), clock.now())
    later = await retention(7).once()

    assert {made[1], made[None]} == {each.recording_id for each in gone}
    assert [] == later


async def test_a_dry_run_only_says(api, clock, retention):
    """What would go, how old it is and by which rule."""
    recording = await uploaded(api)
    at = clock.now()
    clock.advance(3 * DAY_S)
    [named] = await retention(2).once(dry_run=True)

    assert (recording, at, 2) == (named.recording_id, named.uploaded_at, named.days)
    assert [recording] == await left(api)


async def test_one_process_at_a_time_sees_to_it(api, clock, retention):
    """Another that holds the lease is left to it; a dry run needs none."""
    await uploaded(api)
    clock.advance(3 * DAY_S)
    await api.gateway.store.leases.hold("retention", "prc_other", 300)

    assert [] == await retention(2).once()
    assert 1 == len(await retention(2).once(dry_run=True))


async def test_old_entries_and_counts_go_too(api, clock, retention):
    """Of the audit, of days, of windows."""
    store = api.gateway.store
    await store.rates.take("dev_x", at=clock.now(), window_s=60, limit=5, want=5)
    device, api.token = await api.device()
    day = clock.now().date()
    await api.recording()
    clock.advance(11 * DAY_S)
    await retention(0, audit_days=10).once()

    assert [] == await store.audit.page(AuditFilter(), 9)
    assert 0 == (await store.quotas.used(device, day)).recordings


async def test_old_recordings_are_listed_by_pages(any_store, clock):
    """Oldest first, uploaded ones alone, on each kind of database."""
    now = clock.now()
    for n in range(5):
        await any_store.recordings.create(Recording(id=f"rec_{n}", created_at=now), None)
        medium = Medium(
            id=f"med_{n}",
            recording_id=f"rec_{n}",
            type=MediaType.AUDIO,
            content_type="audio/ogg",
            created_at=now,
        )
        [made] = await any_store.recordings.add_media(
            f"rec_{n}", [Asked(medium, None)], of_device=None, limit=9
        )
        whole = await any_store.recordings.finish_medium(
            made.value, size_bytes=len(SOUND), sha256=digest(SOUND)
        )
        assert whole.status is MediaStatus.UPLOADED
        if n:
            await any_store.recordings.complete(f"rec_{n}", whole, None, now + timedelta(hours=n))
    await any_store.recordings.delete("rec_2", now)
    before = now + timedelta(hours=4)
    first = await any_store.ageing.page(before, after_seq=0, limit=1)
    rest = await any_store.ageing.page(before, after_seq=first[0].seq, limit=9)
    none = await any_store.ageing.page(before, after_seq=0, limit=9, device_id="dev_1")
    found = await any_store.recordings.recording("rec_0")

    assert ["rec_1", "rec_3"] == [each.id for each in (*first, *rest)]
    assert [] == none
    assert RecordingStatus.PENDING is found.status
