"""Who answers at a gateway's address: one of ours, a portal, something else, or nobody."""

from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from device.cli.setup_gateway import who_answers
from device.config import CloudConfig, NetworkConfig
from device.errors import CloudUnreachable, NotTheCloud

PORTAL = web.Response, {"text": "<html>Welcome</html>", "content_type": "text/html"}
OURS = web.json_response, {"data": {"name": "fieldpost-gateway", "version": "1.2", "api": "v1"}}
OTHER = web.json_response, {"data": {"error": "no such page"}, "status": 404}
LIST = web.json_response, {"data": []}


@asynccontextmanager
async def serving(answer):
    make, parts = answer
    app = web.Application()

    async def tell(_request):
        return make(**parts)

    app.router.add_get("/behind/version", tell)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        yield CloudConfig(base_url=f"http://127.0.0.1:{port}/behind/v1")
    finally:
        await runner.cleanup()


@pytest.mark.asyncio
async def test_a_gateway_says_its_name():
    """Behind a path of a proxy too."""
    async with serving(OURS) as cloud:
        assert "fieldpost-gateway 1.2 answers" == await who_answers(cloud, NetworkConfig(), {})


@pytest.mark.asyncio
@pytest.mark.parametrize("answer", [PORTAL, OTHER, LIST], ids=["portal", "other", "list"])
async def test_something_else_is_no_gateway(answer):
    """A hotel's sign-in page answers everything with 200."""
    async with serving(answer) as cloud:
        with pytest.raises(NotTheCloud, match="no Fieldpost gateway"):
            await who_answers(cloud, NetworkConfig(), {})


@pytest.mark.asyncio
@pytest.mark.parametrize("allowed", [True, False], ids=["here", "elsewhere"])
async def test_a_gateway_without_tls_is_told_as_one(allowed, monkeypatch):
    """Whoever leaves https:// or http:// out is told which, not to sign in anywhere."""
    monkeypatch.setattr("device.cli.setup_gateway.is_loopback", lambda _: allowed)
    async with serving(OURS) as cloud:
        plain = cloud.base_url
        with pytest.raises(NotTheCloud, match=f"a gateway answers at {plain}") as raised:
            await who_answers(
                CloudConfig(base_url=plain.replace("http:", "https:")), NetworkConfig(), {}
            )

    assert (raised.value.hint or "").startswith(f"--base-url {plain}")
    assert allowed == ("allow_http" not in (raised.value.hint or ""))


@pytest.mark.asyncio
async def test_a_portal_without_tls_is_a_portal():
    """Something that is no gateway in clear either."""
    async with serving(PORTAL) as cloud:
        other = CloudConfig(base_url=cloud.base_url.replace("http:", "https:"))
        with pytest.raises(NotTheCloud, match="does not speak TLS"):
            await who_answers(other, NetworkConfig(), {})


@pytest.mark.asyncio
async def test_nobody_is_there():
    """The sentence of every connection that fails."""
    with pytest.raises(CloudUnreachable):
        await who_answers(CloudConfig(base_url="http://127.0.0.1:9/v1"), NetworkConfig(), {})
