"""The parts documents of multipart uploads: one upload for all who ask, none for what is over."""

import asyncio

import pytest
import pytest_asyncio

from gateway.errors import NotFound, UploadGone
from gateway.model import RecordingStatus
from tests.fakes.bucket import Bucket
from tests.gateway.on_bucket import Client, gateway_on
from tests.gateway.serving import SECRET

pytestmark = pytest.mark.asyncio

LONG = bytes(range(256)) * 9


@pytest.fixture
def bucket(clock):
    return Bucket(clock.now, secret=SECRET)


@pytest_asyncio.fixture
async def client(bucket, tmp_path, clock):
    async with gateway_on(bucket, tmp_path / "data", clock) as found:
        yield Client(found, bucket)


async def sent(client, bucket, medium):
    """Send every part by the document; gives the handle."""
    told = await client.parts(medium)
    handle = told.complete_url.rpartition("/")[2]
    for number in told.urls:
        bucket.put_part(handle, number, LONG[(number - 1) * 1000 : number * 1000])
    return handle


async def test_many_who_ask_first_get_one_upload(client, bucket):
    """What was begun in vain is ended at once."""
    medium, _ = await client.medium(await client.recording(), LONG)

    async def together(what):
        if what == "begin":
            await asyncio.sleep(0.05)

    bucket.after = together
    told = await asyncio.gather(*(client.parts(medium) for _ in range(4)))

    assert len({each.complete_url for each in told}) == 1
    assert len(bucket.state.uploads) == 1


async def test_what_is_held_is_not_asked_for(client, bucket):
    """The document begins behind the parts that are up without a gap."""
    medium, _ = await client.medium(await client.recording(), LONG)
    told = await client.parts(medium)
    handle = told.complete_url.rpartition("/")[2]
    bucket.put_part(handle, 1, LONG[:1000])
    again = await client.parts(medium)
    beyond = await client.parts(medium, first=4)

    assert list(told.urls) == [1, 2, 3]
    assert list(again.urls) == [2, 3]
    assert [part.number for part in again.held] == [1]
    assert beyond.urls == {}


async def test_a_whole_medium_takes_no_more_parts(client, bucket):
    """After upload-complete the old URL begins nothing, and the bucket holds one object."""
    recording = await client.recording()
    medium, ref = await client.medium(recording, LONG)
    bucket.complete(await sent(client, bucket, medium), 3)
    done = await client.complete(recording, LONG)
    with pytest.raises(UploadGone):
        await client.parts(medium)

    assert done.status is RecordingStatus.UPLOADED
    assert bucket.content(ref) == LONG
    assert bucket.state.uploads == {}
    assert await client.store.uploads.all() == {}


async def test_an_upload_that_is_no_more_is_forgotten(client, bucket):
    """Ended by a rule of the bucket: the answer is Gone, and the next question begins anew."""
    medium, _ = await client.medium(await client.recording(), LONG)
    handle = await sent(client, bucket, medium)
    del bucket.state.uploads[handle]
    with pytest.raises(UploadGone):
        await client.parts(medium, first=3)
    with pytest.raises(UploadGone):
        await client.parts(medium, first=3)
    anew = await client.parts(medium)

    assert list(anew.urls) == [1, 2, 3]
    assert not anew.complete_url.endswith(handle)


async def test_a_deleted_recording_has_no_parts(client):
    """A URL that still lives opens nothing of what was deleted."""
    recording = await client.recording()
    medium, _ = await client.medium(recording, LONG)
    await client.desk.delete(client.caller, recording.id)

    with pytest.raises(NotFound):
        await client.parts(medium)
