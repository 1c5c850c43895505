"""What the doubles of third-party APIs share: a server on loopback, and its store of signed PUTs.

The store is strict as the real ones are: the signature covers the path, the query and the signed
headers, byte for byte; a header that was not signed is refused; expiry is judged by the server's
own clock when the request arrives; `x-goog-content-length-range` bounds the body; nothing is
visible until the last byte is in.
"""

import asyncio
import base64
import hashlib
import hmac
import json
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs

from aiohttp import web
from multidict import CIMultiDict

if TYPE_CHECKING:
    from tests.fakes.bota_api import Fault

_SECRET = b"the store's own key"
_CRC_BYTES = 4096
"""A checksum of longer bodies is not worth its time here: the store then states only the MD5."""
_TRANSPORT_HEADERS = {"host", "content-length", "expect", "connection"}

Answer = tuple[int, Mapping[str, str], bytes]


class SignedStore:
    """Google Cloud Storage's signed URLs (V4), or with `dialect="Amz"` those of S3."""

    def __init__(self, dialect: str = "Goog") -> None:
        self.objects: dict[str, bytes] = {}
        self.puts = 0
        self.digests = True
        self.damaging = 0
        """How many of the next objects the store damages as it writes them."""
        self._dialect = dialect

    def sign(self, path: str, headers: Mapping[str, str], now: datetime, life: timedelta) -> str:
        """Return path and query; `headers` must come back byte for byte."""
        names = "%3B".join(sorted([*(name.lower() for name in headers), "host"]))
        x = f"X-{self._dialect}"
        query = (
            f"{x}-Algorithm={'GOOG4-RSA-SHA256' if self._dialect == 'Goog' else 'AWS4-HMAC-SHA256'}"
            f"&{x}-Credential=signer%2F20260301%2Fauto%2Fstorage%2Frequest"
            f"&{x}-Date={now:%Y%m%dT%H%M%SZ}&{x}-Expires={int(life.total_seconds())}"
            f"&{x}-SignedHeaders={names}"
        )
        return f"{path}?{query}&{x}-Signature={_signature(path, query, headers)}"

    def check(self, raw_path: str, headers: Mapping[str, str], now: datetime) -> Answer | None:
        """Refuse what the store refuses before the body; None lets it pass."""
        x = f"X-{self._dialect}"
        path, _, raw_query = raw_path.partition("?")
        query, _, signature = raw_query.partition(f"&{x}-Signature=")
        asked = parse_qs(query)
        sent = {name.lower(): value for name, value in headers.items()}
        if "transfer-encoding" in sent or "content-length" not in sent:
            return _error(411, "MissingContentLength", "You must provide the Content-Length")
        names = asked[f"{x}-SignedHeaders"][0].split(";")
        signed = {name: sent.get(name, "") for name in names if name != "host"}
        if not hmac.compare_digest(signature, _signature(path, query, signed)):
            return _error(403, "SignatureDoesNotMatch", "Access denied.")
        if unsigned := sorted(set(sent) - set(names) - _TRANSPORT_HEADERS):
            return _error(403, "AccessDenied", f"headers not signed: {unsigned}")
        begun = datetime.strptime(asked[f"{x}-Date"][0] + "+0000", "%Y%m%dT%H%M%SZ%z")
        if now >= begun + timedelta(seconds=int(asked[f"{x}-Expires"][0])):
            if self._dialect == "Goog":
                return _error(400, "ExpiredToken", "Invalid argument.")
            return _error(403, "AccessDenied", "Request has expired")
        return self._size_refused(sent)

    def put(self, path: str, body: bytes) -> Answer:
        """Take a whole object; a cut body never gets here."""
        self.puts += 1
        if self.damaging:
            self.damaging -= 1
            body = body[:-1] + bytes([body[-1] ^ 1])
        self.objects[path] = body
        md5 = hashlib.md5(body, usedforsecurity=False)
        headers = CIMultiDict[str]()
        if self.digests:
            headers["ETag"] = f'"{md5.hexdigest()}"'
            if self._dialect == "Goog":
                if len(body) <= _CRC_BYTES:
                    headers.add("x-goog-hash", f"crc32c={_base64(_crc32c(body))}")
                headers.add("x-goog-hash", f"md5={_base64(md5.digest())}")
        return 200, headers, b""

    def _size_refused(self, sent: Mapping[str, str]) -> Answer | None:
        if (stated := sent.get("x-goog-content-length-range")) is None:
            return None
        least, most = map(int, stated.split(","))
        size = int(sent["content-length"])
        if size > most:
            return _error(400, "EntityTooLarge", "larger than the maximum object size")
        return _error(400, "EntityTooSmall", "smaller than the minimum") if size < least else None


Act = Callable[[web.Request], Awaitable[web.Response]]


class Loopback:
    """A double's server: routes with names, faults by name, its own clock, a log of requests.

    `async with` serves `origin`; PUTs below /store/ go to `store`, under the name "put".
    """

    def __init__(self, store: SignedStore) -> None:
        self.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
        self.store = store
        self.faults: dict[str, deque[Fault | None]] = defaultdict(deque)
        self.requests: list[tuple[str, int]] = []
        self.origin = ""
        self.port = 0
        self._app = web.Application(client_max_size=1 << 30)
        self._runner: web.AppRunner | None = None
        self.add("PUT", "/store/{path:.+}", "put", self._put)

    def add(self, method: str, path: str, name: str, act: Act) -> None:
        """Answer a route; before `async with`."""

        async def met(request: web.Request) -> web.StreamResponse:
            return await self._met(name, request, act)

        self._app.router.add_route(method, path, met)

    async def __aenter__(self) -> Self:
        self._runner = web.AppRunner(self._app, handle_signals=False, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        self.origin = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def pass_time(self, seconds: float) -> None:
        """Let the server's clock run."""
        self.now += timedelta(seconds=seconds)

    def count(self, name: str) -> int:
        """Count the requests of one name that were answered at all."""
        return sum(1 for known, _ in self.requests if known == name)

    def signed_url(self, name: str, headers: Mapping[str, str], life_s: float) -> str:
        """Hand out a place for an object; `/store/{name}` is its key in `store.objects`."""
        life = timedelta(seconds=life_s)
        return self.origin + self.store.sign(f"/store/{name}", headers, self.now, life)

    def json(self, status: int, body: object) -> web.Response:
        """Answer a JSON document."""
        return self.answer(status, {"Content-Type": "application/json"}, json.dumps(body).encode())

    def answer(self, status: int, headers: Mapping[str, str], body: bytes) -> web.Response:
        """Answer, with the server's own Date."""
        date = format_datetime(self.now, usegmt=True)
        every = CIMultiDict([("Date", date), *headers.items()])
        return web.Response(status=status, headers=every, body=body)

    async def _put(self, request: web.Request) -> web.Response:
        refused = self.store.check(request.raw_path, request.headers, self.now)
        return self.answer(*(refused or self.store.put(request.path, await request.read())))

    async def _met(self, name: str, request: web.Request, act: Act) -> web.StreamResponse:
        fault = self.faults[name].popleft() if self.faults[name] else None
        if fault is not None and fault.after_bytes is not None:
            await request.content.readexactly(fault.after_bytes)
        if fault is not None and not fault.act:
            await asyncio.sleep(0)
            self.requests.append((name, fault.status or 0))
            if fault.status is None:
                _abort(request)
            return self.answer(fault.status or 500, fault.headers, fault.body)
        response = await act(request)
        self.requests.append((name, response.status))
        if fault is not None:
            _abort(request)
        return response


def iso(moment: datetime) -> str:
    """Write a time as these APIs do."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def sent_json(request: web.Request) -> Any:
    """Read a request's JSON body; None if it is none."""
    if request.content_type != "application/json":
        return None
    try:
        return await request.json()
    except ValueError:
        return None


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _signature(path: str, query: str, headers: Mapping[str, str]) -> str:
    lines = sorted(f"{name.lower()}:{value}" for name, value in headers.items())
    return hmac.new(_SECRET, "\n".join([path, query, *lines]).encode(), "sha256").hexdigest()


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _crc32c(body: bytes) -> bytes:
    crc = 0xFFFFFFFF
    for byte in body:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return (crc ^ 0xFFFFFFFF).to_bytes(4, "big")


def _error(status: int, code: str, message: str) -> Answer:
    body = (
        "<?xml version='1.0' encoding='UTF-8'?>"
        f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    )
    return status, {"Content-Type": "application/xml; charset=UTF-8"}, body.encode()
