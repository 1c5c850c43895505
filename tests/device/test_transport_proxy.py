"""The transport through a proxy: tunnels, credentials, refusals, early answers."""

import asyncio
import contextlib
import ssl
from pathlib import Path

import pytest
import trustme

from device.core.uploads import Broken, Request, Response
from device.errors import CloudUnreachable, NotTheCloud
from device.proxies import chosen
from device.transport import Patience, Transport
from tests.fakes.connect_proxy import ConnectProxy
from tests.fakes.raw_server import Sink, head_of, listening
from tests.fakes.uploads import noise

CONTENT = noise(900_000)
QUICK = Patience(
    connect_s=2, call_s=2, stall_s=0.4, response_s=0.4, continue_s=0.05, queue_bytes=65_536
)
LOGIN = "field:p@ss:word"


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    file = tmp_path / "audio.opus"
    file.write_bytes(CONTENT)
    return file


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def serving(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("store.example").configure_cert(context)
    return context


def through(
    proxy: ConnectProxy, authority: trustme.CA, *, login: str = "", direct: str = ""
) -> Transport:
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    proxies = chosen(f"http://127.0.0.1:{proxy.port}", login=login, direct=direct)
    return Transport(patience=QUICK, tls=trusting, proxies=proxies)


def put(scheme: str = "https") -> Request:
    return Request(
        method="PUT",
        url=f"{scheme}://store.example/o%2Fp?X-Amz-Credential=a%2Fb%3D&s=%7e",
        headers=(("Content-Type", "audio/opus"),),
        body_bytes=len(CONTENT),
    )


@pytest.mark.asyncio
async def test_tls_goes_through_a_tunnel(
    medium: Path, authority: trustme.CA, serving: ssl.SSLContext
) -> None:
    """The proxy hears the host alone; the store hears exactly the request, and no credentials."""
    sink, seen = Sink(), []
    async with (
        listening(sink, serving) as port,
        ConnectProxy({"store.example": port}, login=LOGIN) as proxy,
        through(proxy, authority, login=LOGIN) as transport,
    ):
        answer = await transport.send(put(), medium, seen.append)

    assert isinstance(answer, Response)
    assert ["CONNECT store.example:443 HTTP/1.1"] == proxy.lines
    assert [CONTENT] == sink.bodies
    assert len(CONTENT) == seen[-1]
    assert sink.heads[0].startswith(b"PUT /o%2Fp?X-Amz-Credential=a%2Fb%3D&s=%7e HTTP/1.1\r\n")
    assert b"roxy" not in sink.heads[0]


@pytest.mark.asyncio
async def test_a_tunnel_is_kept(
    medium: Path, authority: trustme.CA, serving: ssl.SSLContext
) -> None:
    """Several media share one tunnel."""
    sink = Sink()
    async with (
        listening(sink, serving) as port,
        ConnectProxy({"store.example": port}) as proxy,
        through(proxy, authority) as transport,
    ):
        for _ in range(3):
            await transport.send(put(), medium, lambda _: None)

    assert 1 == sink.connections


@pytest.mark.asyncio
async def test_plain_http_is_forwarded_exactly(medium: Path, authority: trustme.CA) -> None:
    """Without TLS the proxy gets the whole URL, not one character of its query changed."""
    sink, seen = Sink(), []
    async with (
        listening(sink) as port,
        ConnectProxy({"store.example": port}, login=LOGIN) as proxy,
        through(proxy, authority, login=LOGIN) as transport,
    ):
        answer = await transport.send(put("http"), medium, seen.append)

    assert isinstance(answer, Response)
    assert ["PUT http://store.example/o%2Fp?X-Amz-Credential=a%2Fb%3D&s=%7e HTTP/1.1"] == (
        proxy.lines
    )
    assert [CONTENT] == sink.bodies
    assert b"roxy" not in sink.heads[0]


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.asyncio
async def test_a_proxy_that_asks_for_credentials(
    medium: Path, authority: trustme.CA, scheme: str
) -> None:
    """407 is nobody's answer but the proxy's, and the hint names the key to set."""
    async with (
        ConnectProxy({"store.example": 1}, login=LOGIN) as proxy,
        through(proxy, authority, login="field:wrong") as transport,
    ):
        with pytest.raises(NotTheCloud) as sent:
            await transport.send(put(scheme), medium, lambda _: None)
        with pytest.raises(NotTheCloud) as called:
            await transport.call("GET", f"{scheme}://store.example/v1", {}, None)

    assert "the proxy asks for credentials (HTTP 407)" == str(sent.value) == str(called.value)
    assert "proxy_login_file" in (sent.value.hint or "")
    assert "wrong" not in f"{sent.value}{sent.value.hint}"


@pytest.mark.parametrize("status", [302, 403, 511])
@pytest.mark.asyncio
async def test_a_proxy_that_refuses(medium: Path, authority: trustme.CA, status: int) -> None:
    """A tunnel that is refused or redirected is no answer of the store's."""
    async with (
        ConnectProxy({}, answers=status) as proxy,
        through(proxy, authority) as transport,
    ):
        with pytest.raises(NotTheCloud) as told:
            await transport.send(put(), medium, lambda _: None)

    assert f"the proxy does not let this machine through (HTTP {status})" == str(told.value)


@pytest.mark.asyncio
async def test_a_proxy_without_a_way(medium: Path, authority: trustme.CA) -> None:
    """A proxy that cannot reach the server is a network that is down."""
    async with ConnectProxy({}) as proxy, through(proxy, authority) as transport:
        answer = await transport.send(put(), medium, lambda _: None)
        with pytest.raises(CloudUnreachable):
            await transport.call("GET", "https://store.example/v1", {}, None)

    assert Broken("the proxy finds no way to the server (HTTP 502)") == answer


@pytest.mark.asyncio
async def test_no_proxy_there(medium: Path, authority: trustme.CA) -> None:
    """A proxy that is down is named, without its password."""
    async with ConnectProxy({}) as proxy:
        pass
    async with through(proxy, authority, login=LOGIN) as transport:
        answer = await transport.send(put(), medium, lambda _: None)

    refused = f"cannot connect to the proxy 127.0.0.1:{proxy.port}: Connection refused"
    assert Broken(refused) == answer


@pytest.mark.asyncio
async def test_a_stranger_behind_the_proxy(medium: Path, serving: ssl.SSLContext) -> None:
    """A certificate nobody vouches for ends the request in the tunnel too."""
    sink = Sink()
    async with (
        listening(sink, serving) as port,
        ConnectProxy({"store.example": port}) as proxy,
        through(proxy, trustme.CA()) as transport,
    ):
        with pytest.raises(NotTheCloud) as told:
            await transport.send(put(), medium, lambda _: None)

    assert "the certificate of store.example is not trusted" == str(told.value)
    assert [] == sink.heads


@pytest.mark.asyncio
async def test_a_portal_that_speaks_no_tls(medium: Path, authority: trustme.CA) -> None:
    """Plain HTTP where TLS was expected is a portal, not a cut."""

    async def portal(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://login/\r\n\r\n")
        await writer.drain()

    async with (
        listening(portal) as port,
        ConnectProxy({"store.example": port}) as proxy,
        through(proxy, authority) as transport,
    ):
        with pytest.raises(NotTheCloud) as told:
            await transport.send(put(), medium, lambda _: None)

    assert "does not speak TLS" in str(told.value)


@pytest.mark.asyncio
async def test_this_machine_is_reached_directly(medium: Path, authority: trustme.CA) -> None:
    """A gateway on loopback is never asked for through the proxy."""
    sink = Sink()
    async with (
        listening(sink) as port,
        ConnectProxy({}) as proxy,
        through(proxy, authority) as transport,
    ):
        await transport.call("POST", f"http://127.0.0.1:{port}/v1", {}, {})

    assert [] == proxy.lines
    assert 1 == len(sink.heads)


@pytest.mark.asyncio
async def test_an_early_answer_is_heard_through_a_tunnel(
    medium: Path, authority: trustme.CA, serving: ssl.SSLContext
) -> None:
    """A store that refuses midway is quoted, over TLS and through the proxy."""

    async def refuse_midway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        await reader.readexactly(100_000)
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        with contextlib.suppress(OSError):
            while await reader.read(65_536):
                pass

    async with (
        listening(refuse_midway, serving) as port,
        ConnectProxy({"store.example": port}) as proxy,
        through(proxy, authority) as transport,
    ):
        answer = await transport.send(put(), medium, lambda _: None)

    assert isinstance(answer, Response)
    assert 403 == answer.status
