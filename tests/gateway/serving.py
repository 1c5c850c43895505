"""An in-process gateway on loopback and a small client of it."""

import dataclasses
import hashlib
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from blockbuster import blockbuster_ctx
from multidict import CIMultiDict

from gateway.answering import GATEWAY
from gateway.app import create_app
from gateway.config import GatewayConfig
from gateway.core.tokens import api_key, credential_hash
from gateway.model import ApiKey, Device, Scope
from gateway.routes.exchange import Gateway
from gateway.serve import new_runner
from tests.fakes.clock import FakeClock

SECRET = b"s" * 32
_CONNECTING = ("asyncpg/connect_utils.py", "_parse_connect_dsn_and_args")


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    json: Any
    body: bytes

    @property
    def code(self) -> str:
        return self.json["error"]["code"]

    @property
    def held(self) -> int:
        """Bytes that a 308 acknowledges."""
        if self.status != 308:
            raise AssertionError(f"{self.status} {self.body!r}")
        return int(self.headers["Range"].partition("-")[2]) + 1 if "Range" in self.headers else 0


class Api:
    """Calls one gateway; `token` goes out as the bearer unless a call says otherwise."""

    def __init__(self, url: str, session: aiohttp.ClientSession, gateway: Gateway) -> None:
        self.url = url
        self.session = session
        self.gateway = gateway
        self.token = ""

    async def call(  # noqa: PLR0913 - a test client says everything in one line
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        token: str | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        sent = CIMultiDict(headers or {})
        bearer = self.token if token is None else token
        signed = path.startswith("http")
        if bearer and not signed:
            sent["Authorization"] = f"Bearer {bearer}"
        if key is not None:
            sent["Idempotency-Key"] = key
        url = path if signed else self.url + path
        extra: dict[str, Any] = {"json": json} if json is not None else {"data": _sent(body)}
        async with self.session.request(
            method, url, headers=sent, allow_redirects=False, **extra
        ) as response:
            raw = await response.read()
            parsed = await response.json(content_type=None) if raw[:1] in b"{[" and raw else None
            return Answer(response.status, dict(response.headers), parsed, raw)

    async def device(self, serial: str = "AM-07") -> tuple[str, str]:
        """Register a device; answers its id and a token."""
        now = self.gateway.clock.now()
        made = await self.gateway.devices.register(
            Device(id="", serial_number=serial, created_at=now, updated_at=now)
        )
        return made.value.id, await self.gateway.devices.issue(made.value)

    async def api_key(self, *scopes: Scope) -> str:
        text = api_key(f"{scopes}".encode().ljust(32, b"k"), scopes or Scope)
        await self.gateway.store.keys.add(
            ApiKey(
                id=f"key_{len(scopes)}",
                name="test",
                key_hash=credential_hash(text),
                scopes=frozenset(scopes or Scope),
                created_at=self.gateway.clock.now(),
            )
        )
        return text

    async def recording(self, **more: Any) -> str:
        return (await self.call("POST", "/v1/recordings", {}, **more)).json["id"]

    async def target(
        self,
        recording: str,
        content: bytes,
        *,
        declare: bool = True,
        kind: str = "audio",
        key: str | None = None,
    ) -> dict[str, Any]:
        """Ask where `content` goes up."""
        made = await self.call(
            "POST",
            f"/v1/recordings/{recording}/upload-url",
            {"type": kind, "file_size_bytes": len(content)},
            key=key,
            headers={"X-Content-SHA256": digest(content)} if declare else None,
        )
        return made.json

    async def put(self, url: str, content: bytes, first: int, total: int) -> Answer:
        """Send one chunk."""
        span = f"bytes {first}-{first + len(content) - 1}/{total}"
        return await self.call("PUT", url, body=content, headers={"Content-Range": span})

    async def ask(self, url: str, total: int) -> Answer:
        """Ask how much is held."""
        return await self.call("PUT", url, headers={"Content-Range": f"bytes */{total}"})

    async def complete(self, recording: str, content: bytes | None, **more: Any) -> Answer:
        body = {} if content is None else {"content_sha256": digest(content)}
        return await self.call("POST", f"/v1/recordings/{recording}/upload-complete", body, **more)


def _sent(body: Any) -> Any:
    """Wrap bytes: the client warns about large ones, which block its loop."""
    return io.BytesIO(body) if isinstance(body, bytes) and body else body


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@asynccontextmanager
async def serving(
    folder: Path, clock: FakeClock | None = None, **config: Any
) -> AsyncIterator[Api]:
    """Serve a data folder in this process until the block ends."""
    settings = GatewayConfig(data=folder, **{"secret": SECRET, **config})
    async with create_app(settings, clock or FakeClock()) as app:
        runner = new_runner(app)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0]
            async with aiohttp.ClientSession() as session:
                with blockbuster_ctx("gateway") as blocked:
                    # Where a connection is made: it looks whether there are certificates to use.
                    for name in ("os.path.abspath", "os.stat"):
                        blocked.functions[name].can_block_in(*_CONNECTING)
                    yield Api(f"http://{host}:{port}", session, app[GATEWAY])
        finally:
            await runner.cleanup()
