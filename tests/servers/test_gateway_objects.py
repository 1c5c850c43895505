"""The gateway's object stores do on real servers what every ObjectStore must."""

import asyncio
import hashlib
import io
import uuid
from dataclasses import replace
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from gateway.config_objects import GcsConfig, S3Config
from gateway.errors import StorageFailed
from gateway.objects import ObjectRef, Offer
from gateway.objects.gcs import GcsObjects
from gateway.objects.s3 import S3Objects
from tests.gateway.objects import conformance
from tests.gateway.objects.conformance import CONTENT, REF, SIGNED, offer_of, sha256
from tests.servers import gcs as emulator
from tests.servers import s3 as servers

pytestmark = pytest.mark.asyncio

MIB = 1024 * 1024


class Client:
    """A client that knows nothing but what it was handed."""

    def __init__(self, store, session):
        self.store = store
        self.session = session

    async def put(self, target, content, *, cut=0):
        headers = dict(target.headers)
        if target.protocol == "chunked_put":
            size = len(content)
            headers["Content-Range"] = f"bytes 0-{size - 1}/{size}" if size else "bytes */0"
        if cut:
            await _vanish(target.url, headers, content, cut)
            return
        status, _, body = await self.send("PUT", target.url, content, headers)
        good = {200, 201, 412} if conformance.only_new(target) else {200, 201}
        assert status in good, (status, body)

    async def send(self, method, url, content=b"", headers=None):
        async with self.session.request(
            method,
            URL(url, encoded=True),
            data=io.BytesIO(content),
            headers=headers,
            skip_auto_headers=("Content-Type",),
        ) as response:
            return response.status, response.headers, await response.read()

    async def fetch(self, url):
        status, _, body = await self.send("GET", url)
        assert status == 200, (status, body)
        return body


async def _vanish(url, headers, content, cut):
    """Announce all of it, send less, and hang up."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    lines = [f"PUT {parts.path}?{parts.query} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(content)}", "", ""]
    writer.write("\r\n".join(lines).encode() + content[: len(content) - cut])
    await writer.drain()
    writer.write_eof()
    await reader.read()
    writer.close()
    await writer.wait_closed()


def s3_config(s3, **more):
    return S3Config(
        bucket=servers.BUCKET,
        prefix=f"{uuid.uuid4().hex}/",
        endpoint=s3.endpoint,
        region=servers.REGION,
        key_id=servers.ACCESS_KEY,
        secret=servers.SECRET_KEY,
        **more,
    )


@pytest_asyncio.fixture
async def rig(s3):
    store = S3Objects(s3_config(s3), secret=b"s" * 32)
    async with aiohttp.ClientSession() as session:
        yield Client(store, session)
    await store.aclose()


@pytest_asyncio.fixture
async def gcs_rig(gcs):
    config = GcsConfig(bucket=emulator.BUCKET, prefix=f"{uuid.uuid4().hex}/", emulator=gcs.endpoint)
    store = GcsObjects(config)
    async with aiohttp.ClientSession() as session:
        yield Client(store, session)
    await store.aclose()


@pytest_asyncio.fixture
async def s3_store(s3):
    """With parts from 5 MiB on."""
    store = S3Objects(s3_config(s3, single_put_bytes=5 * MIB), secret=b"s" * 32)
    yield store
    await store.aclose()


@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
async def test_s3(rig, check):
    """A bucket of each S3 server."""
    await check(rig)


@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
async def test_gcs(gcs_rig, check):
    """A bucket of the emulator of Google Cloud Storage."""
    await check(gcs_rig)


async def test_a_store_that_counts_digests_is_found_out(rig, s3, request):
    """SeaweedFS refuses bytes of another SHA-256 and tells its own count; MinIO's code does not."""
    counts = s3 is request.getfixturevalue("seaweedfs")
    target = await conformance.send(rig, CONTENT)
    found = await rig.store.look(REF)

    assert counts == ("x-amz-checksum-sha256" in target.headers)
    assert (len(CONTENT), sha256(CONTENT) if counts else None) == (found.size_bytes, found.sha256)


async def test_other_bytes_are_refused_where_the_store_counts(seaweedfs):
    """Bytes that are not what was announced do not become an object."""
    store = S3Objects(s3_config(seaweedfs), secret=b"s" * 32)
    async with aiohttp.ClientSession() as session:
        client = Client(store, session)
        target = await store.target(REF, offer_of(CONTENT), SIGNED)
        status, _, body = await client.send("PUT", target.url, CONTENT[::-1], target.headers)
        found = await store.look(REF)
    await store.aclose()

    assert (400, None) == (status, found), body


async def test_another_length_is_refused(rig):
    """The announced size is signed: a client cannot fill the store."""
    target = await rig.store.target(REF, Offer(content_type="audio/opus", size_bytes=9), SIGNED)
    status, _, _ = await rig.send("PUT", target.url, b"ten  bytes", target.headers)

    assert status == 403
    assert await rig.store.verify(REF) is None


async def test_an_object_is_not_replaced_where_the_store_can_refuse(rig, s3, request):
    """SeaweedFS keeps what is there until it is put aside; MinIO's code takes the next."""
    keeps = s3 is request.getfixturevalue("seaweedfs")
    target = await conformance.send(rig, CONTENT)
    again, _, _ = await rig.send("PUT", target.url, CONTENT, target.headers)
    without = {n: v for n, v in target.headers.items() if n != "If-None-Match"}
    sly, _, _ = await rig.send("PUT", target.url, CONTENT, without)
    await rig.store.reject(REF)
    after, _, _ = await rig.send("PUT", target.url, CONTENT, target.headers)

    assert ((412, 403, 200) if keeps else (200, 200, 200)) == (again, sly, after)


async def test_a_part_has_the_length_it_was_signed_for(s3_store):
    """Neither more nor less: a client cannot fill the store through a part."""
    handle = await s3_store.begin(REF, Offer(content_type="audio/opus", size_bytes=9 * MIB))
    (url,) = await s3_store.part_urls(REF, handle, {2: 9}, 600)
    async with aiohttp.ClientSession() as session:
        client = Client(s3_store, session)
        answers = [(await client.send("PUT", url, b"x" * size))[0] for size in (10, 8, 9)]
    held = await s3_store.held(REF, handle, 1)
    await s3_store.abandon(REF, handle)

    assert [403, 403, 200] == answers
    assert [(2, 9)] == [(part.number, part.size_bytes) for part in held]


async def test_parts_make_an_object(s3_store):
    """Parts go up by their URLs; what is held is told; the list makes the object."""
    content = bytes(range(256)) * (20 * 1024) + b"end"
    offer = Offer(content_type="audio/opus", size_bytes=len(content))
    part_bytes = s3_store.part_bytes(len(content))
    handle = await s3_store.begin(REF, offer)
    urls = await s3_store.part_urls(REF, handle, {1: part_bytes, 2: 3}, 600)
    async with aiohttp.ClientSession() as session:
        client = Client(s3_store, session)
        await client.send("PUT", urls[1], content[part_bytes:])
        held = await s3_store.held(REF, handle, 1)
        await client.send("PUT", urls[0], content[:part_bytes])
        both = await s3_store.held(REF, handle, 1)
        later = await s3_store.held(REF, handle, 2)
        listed = "".join(
            f"<Part><PartNumber>{p.number}</PartNumber><ETag>{p.etag}</ETag></Part>" for p in both
        )
        document = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>"
        url = await s3_store.complete_url(REF, handle, 600)
        status, _, said = await client.send("POST", url, document.encode())
    stored = await s3_store.verify(REF)

    assert 5 * MIB == part_bytes
    assert [(2, 3)] == [(part.number, part.size_bytes) for part in held]
    assert [1, 2] == [part.number for part in both]
    assert [2] == [part.number for part in later]
    assert (200, False) == (status, b"<Error>" in said)
    assert hashlib.sha256(content).hexdigest() == stored.sha256
    assert await s3_store.held(REF, handle, 1) is None


async def test_an_abandoned_upload_is_gone(s3_store):
    """Abandoning is repeatable, and the upload tells nothing any more."""
    handle = await s3_store.begin(REF, Offer(content_type="audio/opus", size_bytes=9 * MIB))
    before = await s3_store.held(REF, handle, 1)
    for _ in range(2):
        await s3_store.abandon(REF, handle)

    assert before == []
    assert await s3_store.held(REF, handle, 1) is None


async def test_uploads_that_were_begun_are_listed(rig):
    """What a crash left begun is found, under the medium it belongs to."""
    handle = await rig.store.begin(REF, Offer(content_type="audio/opus", size_bytes=9 * MIB))
    begun = await rig.store.begun()
    await rig.store.abandon(REF, handle)
    after = await rig.store.begun()

    assert [(REF, handle)] == [(each.ref, each.handle) for each in begun]
    assert after == []


@pytest.mark.parametrize(
    ("wrong", "setting"),
    [
        ({"secret": "not-that-one"}, "S3_SECRET_ACCESS_KEY_FILE"),
        ({"key_id": "AKNOBODY"}, "S3_ACCESS_KEY_ID"),
        ({"bucket": "no-such-bucket"}, "FIELDPOST_GATEWAY_OBJECTS"),
    ],
    ids=["secret", "key", "bucket"],
)
async def test_a_wrong_setting_is_named(s3, wrong, setting):
    """What the servers answer to it is told as the setting that it comes from."""
    store = S3Objects(replace(s3_config(s3), **wrong), secret=b"s" * 32)
    with pytest.raises(StorageFailed) as refused:
        await store.ping()
    await store.aclose()

    assert setting in refused.value.hint
    assert "not-that-one" not in str(refused.value) + refused.value.hint


async def test_a_wrong_bucket_of_google_is_named(gcs):
    """So is one of the emulator."""
    store = GcsObjects(GcsConfig(bucket="no-such-bucket", emulator=gcs.endpoint))
    with pytest.raises(StorageFailed) as refused:
        await store.ping()
    await store.aclose()

    assert "FIELDPOST_GATEWAY_OBJECTS" in refused.value.hint


async def test_objects_of_s3_are_listed(rig, monkeypatch):
    """All objects, page by page."""
    monkeypatch.setattr("gateway.objects.s3._LISTED", 2)
    await listed(rig)


async def test_objects_of_gcs_are_listed(gcs_rig, monkeypatch):
    """All objects, page by page."""
    monkeypatch.setattr("gateway.objects.gcs._LISTED", 2)
    await listed(gcs_rig)


async def listed(rig):
    refs = [ObjectRef(f"rec_{n}", f"med_{n}") for n in range(5)]
    for ref in refs:
        await conformance.send(rig, CONTENT, ref)

    assert refs == [each.ref async for each in rig.store.listed()]


async def test_every_unfinished_upload_is_listed(s3_store, monkeypatch):
    """Page after page, also where two uploads are of one object."""
    monkeypatch.setattr("gateway.objects.s3._BEGUN", 2)
    refs = [REF, REF, REF, ObjectRef("rec_1", "med_2"), ObjectRef("rec_2", "med_3")]
    handles = [await s3_store.begin(ref, Offer(content_type="audio/ogg")) for ref in refs]
    begun = await s3_store.begun()
    for each in begun:
        await s3_store.abandon(each.ref, each.handle)

    assert sorted(handles) == sorted(each.handle for each in begun)
    assert await s3_store.begun() == []
