"""A phone of the tests: speaks TUNNEL.md over a real WebSocket, strictly, and bridges to a GATT."""

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager

import aiohttp

from device.core.bota_ble import uuids
from device.core.link.gatt_service import FROM_RECORDER, SERVICE, TO_RECORDER
from device.errors import LinkError
from gateway.core.tunnel import (
    MAX_VALUE_BYTES,
    SUBPROTOCOL,
    Close,
    Error,
    Kind,
    Notified,
    Refused,
    Standing,
    Succeeded,
    Welcome,
    encode_answer,
    parse_call,
    parse_told,
)

DEADLINE_S = 15.0
NATIVE = [(SERVICE, TO_RECORDER, ["write", "write-without-response"])]
NATIVE += [(SERVICE, FROM_RECORDER, ["notify"])]


def table(gatt, kind):
    """List what a page discovers."""
    if kind == "native":
        found = NATIVE
    else:
        found = [
            (uuids.service_of(uuid), uuid, ["read", "write", "notify"])
            for uuid in vars(uuids).values()
            if isinstance(uuid, str)
            and len(uuid) == 36
            and gatt.offers(uuid)
            and uuid != uuids.SERIAL  # browsers keep it from pages
        ]
    return [{"service": s, "uuid": u, "properties": p} for s, u, p in found]


class Phone:
    """A paired phone: its cookie, and one page at a time."""

    def __init__(self, url: str, cookie: str, session: aiohttp.ClientSession) -> None:
        self.url, self.cookie, self.session = url, cookie, session

    @asynccontextmanager
    async def page(self, *, hello=True, origin=None, cookie=None):
        """Open a tunnel; the block ends it without a word, as a lost network does."""
        headers = {"Origin": origin or self.url}
        token = self.cookie if cookie is None else cookie
        if token:
            headers["Cookie"] = f"fieldpost_phone={token}"
        ws = await self.session.ws_connect(
            f"{self.url}/phone/tunnel",
            protocols=(SUBPROTOCOL,),
            headers=headers,
            autoping=True,
            timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
        )
        page = Page(ws)
        try:
            if hello:
                await page.say('{"type":"hello","version":1,"client":"test"}')
            yield page
        finally:
            await page.aclose()


class Page:
    """One tunnel, from the phone's side. `wrong` lists what the gateway must never do."""

    def __init__(self, ws) -> None:
        self.ws = ws
        self.told: list = []
        self.wrong: list[str] = []
        self.calls: list[tuple[Kind, int, bytes]] = []
        self.ended = asyncio.Event()
        self._news = asyncio.Condition()
        self._open: dict[int, _Bridge] = {}
        self._next = 0
        self._out: asyncio.Queue = asyncio.Queue()
        self._tasks = [
            asyncio.create_task(self._read(), name="page reader"),
            asyncio.create_task(self._write(), name="page writer"),
        ]

    async def say(self, text: str) -> None:
        self._out.put_nowait(text)

    def connect(self, gatt, kind="native", name="FP-0001") -> int:
        """Bring a recorder; answers the channel."""
        channel, self._next = self._next, self._next + 1
        characteristics = table(gatt, kind)
        bridge = _Bridge(self, channel, gatt, [each["uuid"] for each in characteristics])
        self._open[channel] = bridge
        body = {
            "type": "open",
            "channel": channel,
            "browser_id": f"b{name}",
            "name": name,
            "kind": kind,
            "characteristics": characteristics,
        }
        self._out.put_nowait(body)
        gatt.when_lost(bridge.lost)
        return channel

    def lost(self, channel: int, reason: str) -> None:
        if self._open.pop(channel, None) is not None:
            self._out.put_nowait({"type": "lost", "channel": channel, "reason": reason})

    def send(self, what) -> None:
        self._out.put_nowait(what)

    async def until(self, wanted: Callable[[], bool], within_s: float = DEADLINE_S) -> None:
        """Wait until something is so; looked at with every frame from the gateway."""
        async with asyncio.timeout(within_s), self._news:
            await self._news.wait_for(wanted)

    async def until_so(self, wanted: Callable[[], bool]) -> None:
        """Wait until something is so that no frame tells of."""
        async with asyncio.timeout(DEADLINE_S):
            while not wanted():  # noqa: ASYNC110 - of the recorder's end, which rings no bell
                await asyncio.sleep(0)

    async def hear(self, kind, when=lambda _: True):
        """Wait for a text frame."""

        def found():
            return [each for each in self.told if isinstance(each, kind) and when(each)]

        try:
            await self.until(lambda: bool(found()))
        except TimeoutError:
            raise AssertionError(f"never heard {kind}: {self.told[-3:]} {self.wrong}") from None
        return found()[-1]

    async def all_released(self, channel: int, count: int) -> Standing:
        return await self.hear(
            Standing,
            lambda s: (
                s.channel == channel and [row.state for row in s.recordings] == ["released"] * count
            ),
        )

    async def over(self) -> int:
        """Wait for the tunnel's end; answers the close code."""
        async with asyncio.timeout(DEADLINE_S):
            await self.ended.wait()
        return self.ws.close_code

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for bridge in list(self._open.values()):
            await bridge.aclose()
        self._open.clear()
        transport = self.ws._response.connection and self.ws._response.connection.transport
        if transport is not None:
            transport.abort()
        await self.ws.close()

    async def _read(self) -> None:
        async for message in self.ws:
            if message.type is aiohttp.WSMsgType.TEXT:
                await self._hear(parse_told(message.data))
            else:
                self._do(parse_call(message.data))
            async with self._news:
                self._news.notify_all()
        self.ended.set()
        async with self._news:
            self._news.notify_all()

    async def _hear(self, told) -> None:
        self.told.append(told)
        match told:
            case Welcome() | Error():
                pass
            case Close() | Refused():
                bridge = self._open.pop(told.channel, None)
                if bridge is not None:
                    await bridge.aclose()
            case Standing():
                if len(told.recordings) > 50:
                    self.wrong.append("a standing of more than 50 recordings")

    def _do(self, call) -> None:
        self.calls.append((call.kind, call.characteristic, call.value))
        bridge = self._open.get(call.channel)
        if bridge is None:
            if call.channel >= self._next:
                self.wrong.append(f"a call on a channel that never was: {call}")
            return
        if call.characteristic >= len(bridge.uuids):
            self.wrong.append(f"a call of no characteristic: {call}")
        elif call.call in bridge.seen:
            self.wrong.append(f"a call twice: {call}")
        elif len(call.value) > max(bridge.longest, 24) or len(call.value) > MAX_VALUE_BYTES:
            self.wrong.append(f"a value that may not pass: {call}")
        else:
            bridge.seen.add(call.call)
            bridge.calls.put_nowait(call)

    async def _write(self) -> None:
        while True:
            what = await self._out.get()
            if isinstance(what, str):
                await self.ws.send_str(what)
            elif isinstance(what, bytes):
                await self.ws.send_bytes(what)
            elif isinstance(what, dict):
                await self.ws.send_json(what)
            else:
                await self.ws.send_bytes(encode_answer(what))


class _Bridge:
    """One recorder's GATT, done call by call."""

    def __init__(self, page: Page, channel: int, gatt, uuids: list[str]) -> None:
        self.page, self.channel, self.gatt, self.uuids = page, channel, gatt, uuids
        self.seen: set[int] = set()
        self.longest = 20
        self.calls: asyncio.Queue = asyncio.Queue()
        self._doing = asyncio.create_task(self._run(), name="bridge")

    def lost(self) -> None:
        self.page.lost(self.channel, "out of reach")
        self._doing.cancel()

    async def aclose(self) -> None:
        self._doing.cancel()
        await self.gatt.aclose()

    async def _run(self) -> None:
        while True:
            call = await self.calls.get()
            try:
                value = await self._do(call) or b""
            except LinkError as error:
                if self.gatt.lost is not None:
                    return
                self.page.send(
                    {
                        "type": "failed",
                        "channel": self.channel,
                        "call": call.call,
                        "error": "NetworkError",
                        "message": str(error)[:200],
                    }
                )
            else:
                self.page.send(Succeeded(channel=self.channel, call=call.call, value=value))

    async def _do(self, call) -> bytes | None:
        uuid = self.uuids[call.characteristic]
        match call.kind:
            case Kind.READ:
                return await self.gatt.read(uuid)
            case Kind.WRITE | Kind.SEND:
                answered = call.kind is Kind.WRITE
                return await self.gatt.write(uuid, call.value, answered=answered)
            case Kind.SUBSCRIBE:

                def notified(value: bytes) -> None:
                    self.longest = max(self.longest, len(value))
                    self.page.send(
                        Notified(
                            channel=self.channel, characteristic=call.characteristic, value=value
                        )
                    )

                return await self.gatt.subscribe(uuid, notified)
