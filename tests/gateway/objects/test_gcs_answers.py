"""What Google, or what stands in its place, may answer that is not what was asked for."""

import pytest
import pytest_asyncio
from aiohttp import web

from gateway.config_objects import GcsConfig
from gateway.errors import StorageFailed
from gateway.objects import ObjectRef
from gateway.objects.gcs import GcsObjects

pytestmark = pytest.mark.asyncio

REF = ObjectRef("rec_1", "med_1")


@pytest_asyncio.fixture
async def gcs():
    """A store whose every answer is `told["body"]`."""
    told = {"body": ""}

    async def answer(_request):
        return web.Response(text=told["body"])

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
