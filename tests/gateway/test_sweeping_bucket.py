"""The sweeper over a bucket: what races, refusals and clocks must not keep it from."""

from contextlib import suppress

import pytest
import pytest_asyncio

from gateway.errors import GatewayError, StorageFailed, Unavailable
from gateway.model import RecordingStatus
from gateway.objects import ObjectRef, Offer
from gateway.sweeping import Litter, Swept
from tests.fakes.bucket import Bucket
from tests.gateway.on_bucket import Client, gateway_on
from tests.gateway.serving import SECRET

pytestmark = pytest.mark.asyncio

AUDIO = b"opus" * 100
LONG = b"opus" * 700
DAY_S = 24 * 3600
AGE_S = 30 * DAY_S


@pytest.fixture
def bucket(clock):
    return Bucket(clock.now, secret=SECRET)


@pytest_asyncio.fixture
async def client(bucket, tmp_path, clock):
    async with gateway_on(bucket, tmp_path / "data", clock) as found:
        yield Client(found, bucket)


async def test_an_upload_begun_while_its_recording_was_deleted(client, bucket, clock):
    """A deletion between the upload and its row leaves neither behind for ever."""
    recording = await client.recording()
    medium, _ = await client.medium(recording, LONG)
    sweeper = client.found.sweeper

    async def deleted(what):
        if what == "begin":
            await client.desk.delete(client.caller, recording.id)

    bucket.after = deleted
    with suppress(GatewayError):
        await client.parts(medium)
    clock.advance(DAY_S)
    young = await sweeper.sweep()
    clock.advance(AGE_S)
    old = await sweeper.sweep()

    assert young == []
    assert old == [Swept(Litter.UPLOAD, medium.id)]
    assert bucket.state.uploads == {}
    assert await client.store.uploads.all() == {}
    assert await sweeper.sweep() == []


async def test_one_medium_that_the_store_refuses_keeps_nobody_else(client, bucket, clock):
    """An object that may not be read stays, and what comes after it is swept all the same."""
    recording = await client.recording()
    _, locked = await client.medium(recording, AUDIO, key="a")
    idle, _ = await client.medium(recording, AUDIO, key="b")
    bucket.put(locked, AUDIO)
    clock.advance(AGE_S + 1)

    async def refused(what):
        if what == "verify":
            raise StorageFailed("the object store refuses the gateway: HTTP 403")

    bucket.before = refused
    swept = await client.found.sweeper.sweep()

    assert swept == [Swept(Litter.MEDIUM, idle.id)]
    assert bucket.content(locked) == AUDIO


async def test_a_store_that_is_away_ends_a_sweep(client, bucket, clock):
    """Nothing is taken for missing while nobody can be asked."""
    recording = await client.recording()
    medium, _ = await client.medium(recording, AUDIO)
    clock.advance(AGE_S + 1)

    async def away(_what):
        raise Unavailable("the object store cannot be reached")

    bucket.before = away
    with pytest.raises(Unavailable):
        await client.found.sweeper.sweep()
    now = await client.store.recordings.medium(medium.id)

    assert now.expired_at is None


async def test_a_deletion_that_fails_is_not_swept(client, bucket):
    """What could not be removed is not told as removed, and comes again."""
    recording = await client.recording()
    _, ref = await client.medium(recording, AUDIO)
    bucket.put(ref, AUDIO)
    failing = True

    async def refused(what):
        if what == "remove" and failing:
            raise StorageFailed("the object store refuses the gateway: HTTP 403")

    bucket.before = refused
    await client.desk.delete(client.caller, recording.id)
    with pytest.raises(StorageFailed):
        await client.found.sweeper.sweep()
    before = counted(client)
    failing = False
    after = await client.found.sweeper.sweep()

    assert (before, counted(client)) == (0, 1)
    assert after == [Swept(Litter.RECORDING, recording.id)]
    assert bucket.content(ref) is None


def counted(client):
    registry = client.found.gateway.metrics.registry
    return registry.get_sample_value("fieldpost_gateway_swept_total", {"what": "recording"}) or 0


async def test_a_store_that_is_away_holds_up_no_start(client, bucket):
    """Of many deletions to finish only the first waits for a store that does not answer."""
    asked = []

    async def away(what):
        asked.append(what)
        raise Unavailable("the object store does not answer in time")

    bucket.before = away
    for each in range(5):
        recording = await client.recording(key=f"r{each}")
        await client.medium(recording, AUDIO, key=f"m{each}")
        await client.desk.delete(client.caller, recording.id)
    asked.clear()
    await client.desk.purge_deleted()

    assert len(asked) == 1
    assert len(await client.store.recordings.deleted()) == 5


async def test_a_clock_that_was_ahead_stops_no_listing(client, bucket, clock):
    """Objects of deleted recordings are looked for again once the clock is right."""
    recording = await client.recording()
    medium, ref = await client.medium(recording, AUDIO)
    await client.desk.delete(client.caller, recording.id)
    clock.step(10 * 365 * DAY_S)
    await client.found.sweeper.sweep()
    clock.step(-10 * 365 * DAY_S)
    bucket.put(ref, AUDIO)

    assert await client.found.sweeper.sweep() == [Swept(Litter.OBJECT, medium.id)]


async def test_an_upload_completed_while_it_is_swept(client, bucket, clock):
    """A slow phone that completes in the middle of a sweep loses nothing."""
    recording = await client.recording()
    medium, ref = await client.medium(recording, LONG)
    await client.parts(medium)
    (handle,) = bucket.state.uploads
    for number in (1, 2, 3):
        bucket.put_part(handle, number, LONG[(number - 1) * 1000 : number * 1000])
    clock.advance(AGE_S + 1)

    async def completed(what):
        if what == "abandon":
            bucket.complete(handle, 3)

    bucket.before = completed
    await client.found.sweeper.sweep()
    done = await client.complete(recording, LONG)

    assert done.status is RecordingStatus.UPLOADED
    assert bucket.content(ref) == LONG
    assert await client.found.sweeper.sweep() == []


async def test_what_another_gateway_began_stays(client, bucket, clock):
    """Uploads and objects that this gateway does not know are left alone for ever."""
    strange = ObjectRef("rec_of_another", "med_of_another")
    await bucket.begin(strange, Offer(content_type="audio/ogg"))
    bucket.put(strange, AUDIO)
    clock.advance(100 * AGE_S)

    assert await client.found.sweeper.sweep() == []
    assert bucket.content(strange) == AUDIO
    assert len(bucket.state.uploads) == 1


async def test_a_document_asked_for_in_the_middle_of_a_sweep(client, bucket, clock):
    """Whoever comes back between the list of idle media and its decision keeps the upload."""
    medium, _ = await client.medium(await client.recording(), LONG)
    await client.parts(medium)
    clock.advance(AGE_S + 1)

    async def back(what):
        if what == "look":
            await client.parts(medium)

    bucket.before = back

    assert await client.found.sweeper.sweep() == []
    assert len(bucket.state.uploads) == 1


async def test_a_living_upload_is_not_taken_for_a_forgotten_one(client, bucket, clock):
    """However old an upload is, its medium's last question counts."""
    medium, _ = await client.medium(await client.recording(), LONG)
    await client.parts(medium)
    for _ in range(4):
        clock.advance(AGE_S / 2)
        await client.parts(medium)

    assert await client.found.sweeper.sweep() == []
    assert len(bucket.state.uploads) == 1


async def test_whoever_comes_back_is_not_handed_the_upload_that_ends(client, bucket, clock):
    """Between the decision and the end of the old upload another begins, and stays."""
    medium, _ = await client.medium(await client.recording(), LONG)
    before = await client.parts(medium)
    clock.advance(AGE_S + 1)
    handed = []

    async def back(what):
        if what == "abandon":
            handed.append(await client.parts(medium))

    bucket.before = back
    await client.found.sweeper.sweep()
    (handle,) = bucket.state.uploads

    assert handed[0].complete_url != before.complete_url
    assert handed[0].complete_url.endswith(f"/{handle}")
    assert await client.store.uploads.handle(medium.id) == handle
