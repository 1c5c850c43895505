"""Events and webhooks as tests of the store make them."""

from datetime import timedelta

from gateway.model import MediaStatus, MediaType, Medium, Recording
from gateway.model_events import Lease, Try, Webhook
from gateway.store import Asked

SHA256 = "0" * 64


def hook(name, at, *events, **more):
    return Webhook(
        id=f"wh_{name}",
        url=f"http://127.0.0.1/{name}",
        events=events or ("*",),
        created_at=at,
        **more,
    )


async def happened(store, clock, count=1, first=1):
    """Create recordings and fan their events out."""
    for number in range(first, first + count):
        await store.recordings.create(Recording(id=f"rec_{number}", created_at=clock.now()), None)
    await store.events.fan_out(clock.now(), 100)


async def whole(store, clock, recording_id="rec_1"):
    """Make a recording whose one medium is whole; answers the medium."""
    await store.recordings.create(Recording(id=recording_id, created_at=clock.now()), None)
    wanted = Medium(
        id=f"med_{recording_id}",
        recording_id=recording_id,
        type=MediaType.AUDIO,
        content_type="audio/ogg; codecs=opus",
        created_at=clock.now(),
    )
    await store.recordings.add_media(recording_id, [Asked(wanted, None)], of_device=None, limit=9)
    done = await store.recordings.finish_medium(wanted, size_bytes=7, sha256=SHA256)
    assert done.status is MediaStatus.UPLOADED
    return done


async def types(store, after=0):
    return [event.type for event in await store.events.after(after, 100)]


def lease(clock, name="lease", for_s=60):
    now = clock.now()
    return Lease(name=name, at=now, until=now + timedelta(seconds=for_s))


async def claim(store, clock, name="lease", **bounds):
    return await store.deliveries.claim(
        lease(clock, name), **{"limit": 100, "each": 100, "slots": {}, **bounds}
    )


def good(clock):
    return Try(at=clock.now(), duration_ms=5, status=200, answer="ok")


def bad(clock):
    return Try(at=clock.now(), duration_ms=5, error="no connection: Connection refused")
