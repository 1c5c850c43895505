"""The outbox: what is noted with which change, in which order, and for how long."""

import asyncio
from datetime import timedelta

import pytest

from gateway.errors import IdempotencyMismatch
from gateway.model import Device, DeviceToken, EnrolCode, Intent, Recording
from tests.gateway.store.noted import claim, good, happened, hook, types, whole

pytestmark = pytest.mark.asyncio


def intent(clock, fingerprint="f" * 64):
    return Intent(owner="project", operation="o", key="k", fingerprint=fingerprint, at=clock.now())


async def device(store, clock):
    now = clock.now()
    made = Device(id="dev_1", serial_number="AM-07", created_at=now, updated_at=now)
    await store.devices.create(made)


def token(clock, name="tok_1"):
    return DeviceToken(id=name, device_id="dev_1", token_hash=name, created_at=clock.now())


async def fan(store, clock):
    await store.events.fan_out(clock.now(), 100)


async def test_a_created_recording_is_told_once(any_store, clock):
    """The request that is repeated is not another recording."""
    for recording_id in ("rec_1", "rec_2"):
        made = Recording(id=recording_id, created_at=clock.now(), metadata={"a": 1})
        await any_store.recordings.create(made, intent(clock))
    await fan(any_store, clock)
    [event] = await any_store.events.after(0, 100)

    assert ("recording.created", "rec_1", 1) == (event.type, event.recording_id, event.position)
    assert {"a": 1} == event.data["metadata"]


async def test_what_is_refused_is_not_told(any_store, clock):
    """An event is there only if its change is."""
    await any_store.recordings.create(Recording(id="rec_1", created_at=clock.now()), intent(clock))
    with pytest.raises(IdempotencyMismatch):
        await any_store.recordings.create(
            Recording(id="rec_2", created_at=clock.now()), intent(clock, "e" * 64)
        )
    await fan(any_store, clock)

    assert ["recording.created"] == await types(any_store)


async def test_a_completed_recording_is_told_once(any_store, clock):
    """A repeated completion says nothing new; the event says what Bota's does."""
    medium = await whole(any_store, clock)
    complete = any_store.recordings.complete
    done = [
        await complete("rec_1", medium, None, clock.now(), origin="http://here/v1")
        for _ in range(2)
    ]
    await fan(any_store, clock)
    [event] = await any_store.events.after(1, 100)

    assert [True, False] == done
    assert ("recording.uploaded", "http://here/v1") == (event.type, event.origin)
    told = {"media_id": medium.id, "status": "uploaded", "file_size_bytes": 7, "format": "ogg"}
    assert told == {name: event.data[name] for name in told}


async def test_a_deleted_recording_is_told_once(any_store, clock):
    """Deleting again, as a sweeper does, says nothing new."""
    await any_store.recordings.create(Recording(id="rec_1", created_at=clock.now()), None)
    for _ in range(2):
        await any_store.recordings.delete("rec_1", clock.now())
    await fan(any_store, clock)

    assert ["recording.created", "recording.deleted"] == await types(any_store)


async def test_the_binding_of_a_device_is_told(any_store, clock):
    """Once each, with the user that it was bound to."""
    await device(any_store, clock)
    for name in ("tok_1", "tok_2"):
        await any_store.devices.bind("dev_1", "eu_1", token(clock, name), intent(clock))
    for _ in range(2):
        await any_store.devices.unbind("dev_1", clock.now())
    await fan(any_store, clock)
    told = await any_store.events.after(0, 100)

    assert ["device.bound", "device.unbound"] == [event.type for event in told]
    assert [("dev_1", "eu_1")] * 2 == [
        (event.device_id, event.data["end_user_id"]) for event in told
    ]


async def test_an_enrolment_is_told_once(any_store, clock):
    """The answer that was lost and is given again is the same enrolment."""
    await device(any_store, clock)
    now = clock.now()
    await any_store.enrolments.add(
        EnrolCode(
            id="enc_1",
            device_id="dev_1",
            code_hash="c",
            created_at=now,
            expires_at=now + timedelta(minutes=15),
        )
    )
    for _ in range(2):
        await any_store.enrolments.redeem("c", token(clock))
    await fan(any_store, clock)

    assert ["device.enrolled"] == await types(any_store)


async def test_a_change_rings(any_store, clock):
    """Whoever waits in this process need not look for it."""
    before = any_store.events.bell.count
    await any_store.recordings.create(Recording(id="rec_1", created_at=clock.now()), None)

    assert before + 1 == any_store.events.bell.count


async def test_events_go_to_the_webhooks_that_want_them(any_store, clock):
    """By type or all of them; not to one that is disabled."""
    now = clock.now()
    for webhook in (
        hook("all", now),
        hook("some", now, "recording.deleted"),
        hook("off", now, disabled_at=now),
    ):
        await any_store.webhooks.add(webhook, limit=9)
    await happened(any_store, clock)
    await any_store.recordings.delete("rec_1", clock.now())
    fanned = [await any_store.events.fan_out(clock.now(), 100) for _ in range(2)]
    made = await any_store.deliveries.page(None, None, 100, 0)

    assert [1, 0] == fanned
    assert [
        ("wh_all", "recording.created"),
        ("wh_all", "recording.deleted"),
        ("wh_some", "recording.deleted"),
    ] == sorted((each.webhook_id, each.event_type) for each in made)


async def test_processes_that_fan_out_at_once_do_each_event_once(any_store, open_any, clock):
    """Positions have no gap, and no webhook gets an event twice."""
    await any_store.webhooks.add(hook("all", clock.now()), limit=9)
    async with open_any() as other:
        stores = (any_store, other)
        await asyncio.gather(
            *(
                stores[number % 2].recordings.create(
                    Recording(id=f"rec_{number}", created_at=clock.now()), None
                )
                for number in range(20)
            )
        )
        for _ in range(5):
            await asyncio.gather(*(store.events.fan_out(clock.now(), 5) for store in stores))
    told = await any_store.events.after(0, 100)
    made = await any_store.deliveries.page(None, None, 100, 0)

    assert list(range(1, 21)) == [event.position for event in told]
    assert 20 == len({each.event_id for each in made}) == len(made)


async def test_the_stream_is_told_in_order(any_store, clock):
    """What it has taken does not wait any more."""
    await happened(any_store, clock, 3)
    waiting = await any_store.events.unstreamed(2)
    await any_store.events.streamed([event.id for event in waiting], clock.now())
    left = await any_store.events.unstreamed(9)

    assert [1, 2] == [event.position for event in waiting]
    assert [3] == [event.position for event in left]
    assert 1 == (await any_store.events.backlog()).waiting


async def test_old_events_are_forgotten_once_everybody_has_them(any_store, clock):
    """What is pending stays, so does the newest: positions are given once."""
    await any_store.webhooks.add(hook("all", clock.now()), limit=9)
    await happened(any_store, clock, 4)
    for claimed in (await claim(any_store, clock))[1:]:
        await any_store.deliveries.ended(claimed, good(clock), None)
    clock.advance(10)
    forgotten = await any_store.events.expire(clock.now(), streaming=False, limit=9)
    left = await any_store.events.after(0, 9)

    assert 2 == forgotten
    assert [1, 4] == [event.position for event in left]
    assert 4 == await any_store.events.latest()


async def test_events_that_a_stream_is_to_take_stay(any_store, clock):
    """A server that is away for longer than events are kept misses none."""
    await happened(any_store, clock, 3)
    first = (await any_store.events.unstreamed(1))[0]
    await any_store.events.streamed([first.id], clock.now())
    clock.advance(10)

    assert 1 == await any_store.events.expire(clock.now(), streaming=True, limit=9)
    assert None is await any_store.events.event(first.id)
