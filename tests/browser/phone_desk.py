"""The gateway as a phone's page sees it, played by a test: strict about every frame it gets."""

import asyncio
import contextlib
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp import web
from playwright.async_api import Browser

from gateway.config import GatewayConfig
from gateway.core.tunnel import (
    SUBPROTOCOL,
    Call,
    Failed,
    Hello,
    Kind,
    Notified,
    Open,
    Succeeded,
    Told,
    Welcome,
    encode_call,
    encode_text,
    parse_binary,
    parse_text,
)
from gateway.web.site import PageFile, read_site
from tests.browser.conftest import PHONE, Trouble

DEADLINE_S = 8.0


class Tunnel:
    """One WebSocket of the page, from its hello on."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.socket = socket
        self.said: asyncio.Queue = asyncio.Queue()
        """What the phone says beside answers and notifications; None: it has gone."""
        self.notified: asyncio.Queue[Notified] = asyncio.Queue()
        self.ended = asyncio.Event()
        self._answers: dict[int, asyncio.Future] = {}
        self._order: list[int] = []

    async def listen(self) -> None:
        """Take what comes; a frame that breaks the specification ends the tunnel with 4400."""
        async for message in self.socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                heard = parse_binary(message.data)
            else:
                heard = parse_text(message.data)
            match heard:
                case Succeeded() | Failed():
                    self._answered(heard)
                case Notified():
                    self.notified.put_nowait(heard)
                case _:
                    self.said.put_nowait(heard)
        self.ended.set()
        self.said.put_nowait(None)

    async def next(self, kind: type):
        """Return the next thing said, which is of this kind."""
        async with asyncio.timeout(DEADLINE_S):
            said = await self.said.get()

        assert isinstance(said, kind), said
        return said

    async def tell(self, *told: Told) -> None:
        for each in told:
            await self.socket.send_str(encode_text(each))

    async def call(self, kind: Kind, channel: int, at: int, value: bytes = b"") -> asyncio.Future:
        """Send a call; answers what will be its answer."""
        number = len(self._order) + len(self._answers) + 1_000_000
        while number in self._answers:
            number += 1
        self._answers[number] = asyncio.get_running_loop().create_future()
        call = Call(kind=kind, channel=channel, call=number, characteristic=at, value=value)
        await self.socket.send_bytes(encode_call(call))
        return self._answers[number]

    async def ask(self, kind: Kind, channel: int, at: int, value: bytes = b""):
        """Send a call and return its answer, Succeeded or Failed."""
        answer = await self.call(kind, channel, at, value)
        async with asyncio.timeout(DEADLINE_S):
            return await answer

    async def close(self, code: int) -> None:
        await self.socket.close(code=code)

    def _answered(self, answer: Succeeded | Failed) -> None:
        self._order.append(answer.call)
        self._answers.pop(answer.call).set_result(answer)


class Desk:
    """What a test says the gateway answers."""

    def __init__(self) -> None:
        self.url = ""
        self.name: str | None = "Night shift"
        """Of the phone; None: it is not paired."""
        self.pairing_status = 201
        self.codes: list[str] = []
        self.tunnels: asyncio.Queue[Tunnel] = asyncio.Queue()
        self.ping_s = 20.0
        self.replaced: dict[str, str] = {}
        """What files say instead, by path."""
        self._open: list[Tunnel] = []

    async def tunnel(self) -> Tunnel:
        """Wait for the page's next tunnel, welcomed."""
        async with asyncio.timeout(DEADLINE_S):
            return await self.tunnels.get()

    async def recorder(self) -> tuple[Tunnel, Open]:
        """Wait for the page's next tunnel and the recorder that it opens on it."""
        tunnel = await self.tunnel()
        return tunnel, await tunnel.next(Open)

    async def aclose(self) -> None:
        for each in self._open:
            with contextlib.suppress(ConnectionError):
                await each.close(1001)

    async def _me(self, request: web.Request) -> web.Response:
        if self.name is None:
            return web.json_response({"error": {"code": "unauthorized"}}, status=401)
        if request.method == "DELETE":
            self.name = None
            return web.Response(status=204)
        return web.json_response({"phone": {"id": "phn_1", "name": self.name}})

    async def _pair(self, request: web.Request) -> web.Response:
        self.codes.append((await request.json())["code"])
        if self.pairing_status != 201:
            return web.json_response({"error": {"code": "no"}}, status=self.pairing_status)
        self.name = "Night shift"
        return web.json_response({"phone": {"id": "phn_1", "name": self.name}}, status=201)

    async def _tunnel(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=[SUBPROTOCOL])
        await socket.prepare(request)

        assert socket.ws_protocol == SUBPROTOCOL
        assert parse_text(await socket.receive_str()) == Hello(version=1, client="phone-page/1")
        tunnel = Tunnel(socket)
        self._open.append(tunnel)
        await tunnel.tell(Welcome(ping_s=self.ping_s, phone=self.name or ""))
        self.tunnels.put_nowait(tunnel)
        await tunnel.listen()
        return socket


@asynccontextmanager
async def desk_open():
    """Serve the real files of the page, and the test's answers, on a loopback port."""
    desk = Desk()
    app = web.Application()
    files = read_site(GatewayConfig(data=Path("nowhere"), secret=b"s" * 32))
    for path, file in files.items():
        app.router.add_get(path, _serving(desk, file))
    app.router.add_get("/phone/tunnel", desk._tunnel)
    app.router.add_post("/phone/pair", desk._pair)
    app.router.add_get("/phone/me", desk._me)
    app.router.add_delete("/phone/me", desk._me)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        desk.url = "http://{}:{}".format(*runner.addresses[0])
        yield desk
    finally:
        await desk.aclose()
        await runner.cleanup()


@asynccontextmanager
async def phone_page(chromium: Browser, url: str, trouble: Trouble, **options):
    """Hold a phone with a page that is not open yet."""
    given = {**PHONE, "base_url": url, "service_workers": "block", **options}
    if given["service_workers"] == "block":
        trouble.expect("Service Worker registration blocked by Playwright")
    context = await chromium.new_context(**given)
    context.set_default_timeout(DEADLINE_S * 1000)
    try:
        page = await context.new_page()
        trouble.watch(page)
        yield page
    finally:
        await context.close()


def _serving(desk: Desk, file: PageFile):
    async def serve(request: web.Request) -> web.Response:
        if (text := desk.replaced.get(request.path)) is not None:
            return web.Response(body=text.encode(), headers=file.headers)
        return file.answer(request)

    return serve
