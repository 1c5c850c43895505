"""A strict HTTP proxy: tunnels by CONNECT, forwards absolute-form requests (RFC 9110, 9112).

It knows names from a table alone, so that a request which reaches `store.example` did pass here.
What a lenient proxy lets through is refused with 400 and kept in `faults`.
"""

import asyncio
import base64
import contextlib
from collections.abc import Mapping
from typing import Self
from urllib.parse import urlsplit

_BLOCK_BYTES = 65_536
_REASONS = {302: "Found", 403: "Forbidden", 407: "Proxy Authentication Required", 511: "Portal"}


class ConnectProxy:
    """`async with ConnectProxy({"store.example": port}) as proxy:` listens on `proxy.port`."""

    def __init__(
        self, names: Mapping[str, int], *, login: str | None = None, answers: int | None = None
    ) -> None:
        self._names = names
        self._login = login
        self._answers = answers
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.lines: list[str] = []
        self.faults: list[str] = []
        self.up_bytes = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._serve(reader, writer)
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, *rest = head.strip().split("\r\n")
            headers = {k.lower(): v.strip() for k, _, v in (each.partition(":") for each in rest)}
            self.lines.append(line)
            method, target, _ = line.split(" ")
            if status := self._refusal(method, target, headers):
                await self._answer(writer, status)
                return
            if method == "CONNECT":
                await self._tunnel(reader, writer, target)
                return
            await self._forward(reader, writer, (method, target), rest, headers)

    def _refusal(self, method: str, target: str, headers: Mapping[str, str]) -> int | None:
        wanted = None
        if self._login is not None:
            wanted = f"Basic {base64.b64encode(self._login.encode()).decode()}"
        if headers.get("proxy-authorization") != wanted:
            return 407
        return self._answers or self._judge(method, target, headers)

    def _judge(self, method: str, target: str, headers: Mapping[str, str]) -> int | None:
        if "host" not in headers:
            return self._fault("no Host")
        if method == "CONNECT":
            name, colon, port = target.rpartition(":")
            if not colon or not port.isdecimal():
                return self._fault(f"CONNECT wants host:port, not {target}")
            if "content-length" in headers:
                return self._fault("CONNECT has no body")
        elif target.startswith("http://"):
            name = urlsplit(target).hostname or ""
        else:
            return self._fault(f"a proxy wants absolute-form, not {target}")
        return None if name in self._names else 502

    def _fault(self, what: str) -> int:
        self.faults.append(what)
        return 400

    async def _answer(self, writer: asyncio.StreamWriter, status: int) -> None:
        extra = 'Proxy-Authenticate: Basic realm="proxy"\r\n' if status == 407 else ""
        text = f"HTTP/1.1 {status} {_REASONS.get(status, 'No')}\r\n{extra}Content-Length: 0\r\n\r\n"
        writer.write(text.encode())
        await writer.drain()

    async def _tunnel(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: str
    ) -> None:
        far = await asyncio.open_connection("127.0.0.1", self._names[target.rpartition(":")[0]])
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            up = asyncio.ensure_future(self._pump(reader, far[1], up=True))
            down = asyncio.ensure_future(self._pump(far[0], writer, up=False))
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            up.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
        finally:
            far[1].transport.abort()

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        asked: tuple[str, str],
        rest: list[str],
        headers: Mapping[str, str],
    ) -> None:
        method, target = asked
        host = urlsplit(target).hostname or ""
        path = target.removeprefix("http://").partition("/")[2]
        kept = [each for each in rest if not each.lower().startswith("proxy-")]
        far_reader, far = await asyncio.open_connection("127.0.0.1", self._names[host])
        try:
            far.write("\r\n".join([f"{method} /{path} HTTP/1.1", *kept, "", ""]).encode("latin-1"))
            left = int(headers.get("content-length", "0"))
            while left:
                block = await reader.read(min(left, _BLOCK_BYTES))
                if not block:
                    raise ConnectionResetError
                far.write(block)
                await far.drain()
                left -= len(block)
                self.up_bytes += len(block)
            head = await far_reader.readuntil(b"\r\n\r\n")
            writer.write(head)
            await writer.drain()
        finally:
            far.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool
    ) -> None:
        while block := await reader.read(_BLOCK_BYTES):
            writer.write(block)
            await writer.drain()
            self.up_bytes += len(block) if up else 0
        writer.write_eof()
