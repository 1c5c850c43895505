"""What a bucket's answers and silences become."""

import asyncio
import logging
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from aiohttp import web

from gateway.errors import StorageFailed, StorageFull, Unavailable
from gateway.objects.store_http import StoreHttp

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def store():
    """A store that answers what its path says: /STATUS/WORDS."""

    async def answer(request):
        return web.Response(
            status=int(request.match_info["status"]), text=request.match_info["words"]
        )

    app = web.Application()
    app.router.add_route("*", "/{status}/{words:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    http = StoreHttp()
    host, port = runner.addresses[0]
    yield http, f"http://{host}:{port}"
    await http.aclose()
    await runner.cleanup()


@asynccontextmanager
async def answering(answer):
    """Serve one answer to everything; yield the address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    yield f"http://{host}:{port}"
    await runner.cleanup()


@pytest.mark.parametrize(
    ("path", "becomes"),
    [
        ("/507/", StorageFull),
        ("/403/%3CCode%3EQuotaExceeded%3C/Code%3E", StorageFull),
        ("/503/", Unavailable),
        ("/429/", Unavailable),
        ("/403/", StorageFailed),
        ("/404/", StorageFailed),
        ("/301/", StorageFailed),
        ("/501/", StorageFailed),
        ("/408/", Unavailable),
    ],
)
async def test_a_refusal_has_one_meaning(store, path, becomes):
    """No room, unwell, or against us: told apart once, for every request."""
    http, url = store
    with pytest.raises(becomes) as caught:
        await http.ask("GET", url + path)

    assert becomes is caught.type


async def test_a_refusal_is_told_without_its_words(store, caplog):
    """The log names status and code, not a body that may echo a signed request."""
    http, url = store
    body = "%3CCode%3ESignatureDoesNotMatch%3C/Code%3E%3CStringToSign%3Esecret%3C/StringToSign%3E"
    with caplog.at_level(logging.ERROR), pytest.raises(StorageFailed) as caught:
        await http.ask("GET", f"{url}/403/{body}")

    assert ["SignatureDoesNotMatch"] == [record.code for record in caplog.records]
    assert "secret" not in str(caught.value) + caplog.text


async def test_an_absent_object_is_an_answer(store):
    """Reading what is not there gives None."""
    http, url = store
    async with http.reading(f"{url}/404/") as reading:
        assert reading is None


async def test_no_login_of_netrc_goes_to_a_store(tmp_path, monkeypatch):
    """Headers are what was signed: a login that the machine's owner keeps for a host stays home."""
    (tmp_path / ".netrc").write_text("default login owner password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    seen = []

    async def answer(request):
        seen.append(dict(request.headers))
        return web.Response()

    async with answering(answer) as url:
        http = StoreHttp()
        await http.ask("PUT", f"{url}/a", headers={"x-amz-date": "now"}, body=b"1")
        async with http.reading(f"{url}/a") as reading:
            assert reading is not None
        await http.aclose()

    assert [False, False] == ["Authorization" in headers for headers in seen]


async def test_a_proxy_of_the_environment_is_taken(monkeypatch):
    """As every program does; what NO_PROXY names is reached without it."""
    seen = []

    async def answer(request):
        seen.append(request.raw_path)
        return web.Response()

    async with answering(answer) as proxy:
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.setenv("no_proxy", "direct.example")
        http = StoreHttp()
        await http.ask("GET", "http://store.example/a?x=%2F")
        await http.aclose()

    assert (["http://store.example/a?x=%2F"], None) == (
        seen,
        http._proxies.way_to("http://direct.example/"),
    )


async def test_silence_ends(store, monkeypatch):
    """A store that accepts and says nothing is not waited for without end."""
    http, _ = store
    monkeypatch.setattr("gateway.objects.store_http._ANSWER_S", 0.05)
    server = await _deaf()
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(Unavailable, match="in time"):
        await http.ask("GET", f"http://127.0.0.1:{port}/")
    await http.aclose()
    server.close()


async def test_a_refused_connection_is_unavailable(store):
    """Nothing listens there."""
    http, _ = store
    with pytest.raises(Unavailable, match="cannot be reached"):
        await http.ask("GET", "http://127.0.0.1:9/")


@pytest.mark.parametrize(
    "said", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"]
)
async def test_no_signed_url_is_told(store, said):
    """What goes wrong on the wire is told to clients and logs without the URL: it opens doors."""
    http, _ = store

    async def speak(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(Unavailable) as caught:
        await http.ask("GET", f"http://127.0.0.1:{port}/bkt/key?X-Amz-Signature=secret")
    server.close()

    assert "cannot be reached" in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_an_answer_is_not_read_without_end(store, monkeypatch):
    """A store that sends far more than any answer needs is not taken into memory."""
    monkeypatch.setattr("gateway.objects.store_http._MOST_BYTES", 100)
    http, url = store
    short = await http.ask("GET", f"{url}/200/{'a' * 100}")
    with pytest.raises(StorageFailed, match="too long"):
        await http.ask("GET", f"{url}/200/{'a' * 101}")

    assert short.body == b"a" * 100


async def _deaf():

    async def hear(reader, writer):
        await reader.read()
        writer.close()

    return await asyncio.start_server(hear, "127.0.0.1", 0)
