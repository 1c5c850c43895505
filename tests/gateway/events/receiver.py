"""A server that receives webhooks on loopback."""

import asyncio
import dataclasses
import json
from typing import Any

from aiohttp import web


@dataclasses.dataclass(frozen=True)
class Received:
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """Answers 200, or what `answer` says; `hang()` lets requests wait until `go` is set."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answer = lambda _request: web.Response(text="ok")
        self.go = asyncio.Event()
        self.go.set()
        self.at_once = 0
        self.most_at_once = 0
        self.url = ""
        self._changed = asyncio.Condition()

    async def got(self, count: int) -> list[Received]:
        """Wait until so many requests have come."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.received) >= count)
        return self.received

    def fails(self, status: int = 500, text: str = "", **headers: str) -> None:
        self.answer = lambda _request: web.Response(status=status, text=text, headers=headers)

    def hang(self) -> None:
        self.go.clear()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        async with self._changed:
            self.received.append(Received(dict(request.headers), body))
            self._changed.notify_all()
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await self.go.wait()
        finally:
            self.at_once -= 1
        answer = self.answer(request)
        return await answer if asyncio.iscoroutine(answer) else answer

    async def serve(self, ssl: Any = None) -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=ssl).start()
        port = runner.addresses[0][1]
        self.url = f"http{'s' if ssl else ''}://127.0.0.1:{port}/hook"
        return runner


async def settle() -> None:
    """Let everybody who can go on do so."""
    for _ in range(20):
        await asyncio.sleep(0)
