"""The parts documents of multipart uploads: one upload for all who ask, none for what is over."""

import asyncio
from unittest.mock import patch

import pytest
import pytest_asyncio

from gateway.config_objects import S3Config
from gateway.core.signing import Purpose, signed_url
from gateway.errors import NotFound, UploadGone
from gateway.model import RecordingStatus
from tests.fakes.bucket import Bucket
from tests.gateway.on_bucket import Client, gateway_on
from tests.gateway.serving import SECRET, serving

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
    all_began = asyncio.Barrier(4)

    async def together(what):
        if what == "begin":
            await all_began.wait()

    bucket.after = together
    told = await asyncio.gather(*(client.parts(medium) for _ in range(4)))

    assert len({each.complete_url for each in told}) == 1
    assert len(bucket.state.uploads) == 1


async def test_each_part_is_signed_for_its_own_bytes(client, bucket):
    """Full parts, and a last one with the rest; also where the document begins further on."""
    medium, _ = await client.medium(await client.recording(), LONG)
    told = await client.parts(medium)
    handle = told.complete_url.rpartition("/")[2]
    bucket.put_part(handle, 1, LONG[:1000])
    later = await client.parts(medium)
    sizes = {1: 1000, 2: 1000, 3: len(LONG) - 2000}
    urls = {n: f"http://bucket/{handle}/{n}?bytes={size}" for n, size in sizes.items()}

    assert urls == told.urls
    assert {2: urls[2], 3: urls[3]} == later.urls


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


@pytest_asyncio.fixture
async def api(bucket, tmp_path, clock):
    with patch("gateway.objects.s3.S3Objects", lambda *_, **__: bucket):
        async with serving(tmp_path / "data", clock, objects=S3Config(bucket="b")) as api:
            _, api.token = await api.device()
            yield api


async def url_of(api):
    """Give the URL of a parts document, and its medium's id."""
    target = await api.target(await api.recording(), LONG)
    return target["upload_url"], target["media_id"]


async def test_a_document_is_only_for_its_url(api, clock):
    """Another medium, another purpose, another expiry, another signature: nothing is opened."""
    url, medium_id = await url_of(api)
    _, other = await url_of(api)
    expires = int(clock.now().timestamp()) + 3600
    bytes_too = signed_url(
        SECRET, Purpose.UPLOAD, medium_id, base_url=f"{api.url}/v1", expires=expires
    ).replace("?", "/parts?")
    wrong = [
        url.replace(medium_id, other),
        url.replace("expires=1", "expires=2"),
        url.replace("signature=", "signature=A"),
        url.partition("&")[0],
        url.partition("?")[0],
        bytes_too,
    ]
    refused = [await api.call("GET", each) for each in wrong]
    good = await api.call("GET", url)
    clock.advance(3601)
    old = await api.call("GET", url)

    assert {(403, "signature_invalid")} == {(each.status, each.code) for each in refused}
    assert [part["number"] for part in good.json["parts"]] == [1, 2, 3]
    assert good.headers["Cache-Control"] == "no-store"
    assert (old.status, old.code) == (403, "url_expired")


async def test_a_document_opens_no_bytes(api):
    """What lists parts takes none: the gateway's own upload URLs are another purpose."""
    url, _ = await url_of(api)

    assert (await api.call("PUT", url.replace("/parts?", "?"), body=b"x")).status in {403, 404}


@pytest.mark.parametrize("first", ["0", "-1", "x", "10002", "1.5", "99999999999999999999", ""])
async def test_from_is_a_part_number(api, bucket, first):
    """It is outside the signature, so it may be anything, and begins nothing."""
    url, _ = await url_of(api)
    answer = await api.call("GET", f"{url}&from={first}")

    assert (answer.status, answer.code) == (400, "invalid_request")
    assert bucket.state.uploads == {}


async def test_from_asks_for_no_part_that_is_none(api, bucket):
    """Beyond the last part there is no URL, and before the first question no upload."""
    url, _ = await url_of(api)
    early = await api.call("GET", f"{url}&from=2")
    await api.call("GET", url)
    beyond = await api.call("GET", f"{url}&from=10001")

    assert (early.status, early.code) == (410, "upload_gone")
    assert (beyond.status, beyond.json["parts"]) == (200, [])
    assert len(bucket.state.uploads) == 1
