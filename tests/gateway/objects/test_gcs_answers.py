"""What Google, or what stands in its place, may answer that is not what was asked for."""

import json

import pytest
import pytest_asyncio
from aiohttp import web

from gateway.config_objects import GcsConfig
from gateway.errors import StorageFailed, Unavailable
from gateway.objects import ObjectRef
from gateway.objects.gcs import GcsObjects
from gateway.objects.store_http import StoreAnswer

pytestmark = pytest.mark.asyncio

REF = ObjectRef("rec_1", "med_1")


@pytest_asyncio.fixture
async def gcs():
    """A store whose every answer is `told["body"]`, but `told["media"]` of an object's bytes."""
    told = {"body": ""}

    async def answer(request):
        told.setdefault("asked", []).append(request.method)
        return web.Response(text=told["media" if "alt" in request.query else "body"])

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    store = GcsObjects(GcsConfig(bucket="bkt", emulator=f"http://{host}:{port}"))
    yield store, told
    await store.aclose()
    await runner.cleanup()


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"size": "many"}', '{"size": -1}', "<html>"])
async def test_a_size_is_never_guessed(gcs, body):
    """An object whose size is not told is neither missing nor of another size."""
    store, told = gcs
    told["body"] = body

    with pytest.raises(StorageFailed):
        await store.look(REF)


@pytest.mark.parametrize(
    "body",
    ['{"items": [{}]}', '{"items": [{"name": "objects/r/m", "updated": "?"}]}', '{"items": 3}'],
)
async def test_nonsense_is_a_fault_of_the_store(gcs, body):
    """A list that cannot be read is no list of nothing, and no fault of ours."""
    store, told = gcs
    told["body"] = body

    with pytest.raises(StorageFailed):
        _ = [each async for each in store.listed()]


@pytest.mark.parametrize(
    ("told_of", "read"),
    [
        ({"size": "3"}, True),
        ({"size": "3", "md5Hash": "kAFQmDzST7DWlj99KOF/cg=="}, True),
        ({"size": "3", "md5Hash": "AAAAAAAAAAAAAAAAAAAAAA=="}, False),
        ({"size": "4"}, False),
    ],
)
async def test_what_was_read_is_held_against_what_google_counted(gcs, told_of, read):
    """Bytes that were damaged on the way to us are read again, not taken for the object's."""
    store, told = gcs
    told.update(body=json.dumps(told_of), media="abc")
    if read:
        assert (await store.verify(REF)).size_bytes == 3
        return

    with pytest.raises(Unavailable):
        await store.verify(REF)


async def test_a_copy_that_does_not_end_is_given_up(gcs, monkeypatch):
    """However often Google says that there is more to copy, the wrong object goes."""
    store, told = gcs
    told["body"] = '{"rewriteToken": "more"}'
    monkeypatch.setattr("gateway.objects.gcs._COPIES", 3)
    await store.reject(REF)

    assert ["POST"] * 3 + ["DELETE"] == told["asked"]


async def test_a_copy_that_takes_too_long_is_given_up(gcs, monkeypatch):
    """Time is limited too, and what was copied of it is not waited for."""
    store, told = gcs
    told["body"] = '{"rewriteToken": "more"}'
    monkeypatch.setattr("gateway.objects.gcs._COPIES", 1_000_000)
    monkeypatch.setattr("gateway.objects.gcs._COPY_S", 0.02)
    await store.reject(REF)

    assert "DELETE" == told["asked"][-1]


async def test_a_copy_goes_on_where_google_says(gcs):
    """A large object is copied by several requests, each with the token of the one before."""
    store, _ = gcs
    bodies = iter(['{"rewriteToken": "a/b"}', "{}"])
    tokens = []

    async def ask(method, url, **_):
        tokens.append((method, url.partition("rewriteToken=")[2]))
        return StoreAnswer(200, {}, next(bodies, "{}").encode())

    store._ask = ask
    await store.reject(REF)

    assert [("POST", ""), ("POST", "a%2Fb"), ("DELETE", "")] == tokens
