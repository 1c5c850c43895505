"""HTTP to the cloud: JSON calls, and bodies streamed from the spool under timers that see progress.

Never follows a redirect, never keeps a cookie, always verifies TLS. Deadlines are measured by what
moved, because a slow link is not a dead one.
"""

import asyncio
import json
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import aiohttp
from yarl import URL

from device.core.http_answer import ApiAnswer
from device.core.uploads import Broken, Request, Response
from device.errors import CloudUnreachable, NotTheCloud
from device.http_trouble import proxy_refusal, reason, stranger
from device.outflow import Lanes, Outflow, open_slice, slice_of
from device.patience import Patience, Watch
from device.proxies import Proxies
from device.read_ahead import ReadAhead
from device.tally import Tally
from device.trickle import Trickle
from device.upload_slots import UploadSlots

_NO_AUTO_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_COMPUTED_HEADERS = frozenset({"content-length", "transfer-encoding", "connection", "expect"})
_STORE_BODY_BYTES = 65_536
_API_BODY_BYTES = 65_536
"""Of what no recording makes longer; JSON takes up to thirty times its length once it is read."""
_NEAR = 8
"""With a body of 256 KiB each they cost no more than one large block."""
_EXPECTATION_FAILED = 417
_PROXY_LOGIN = 407


class Leave(Protocol):
    """Leave for one body to go out."""

    def moved(self, now_bytes: int) -> None:
        """Take note of how much of it has left."""
        ...


class _Free:
    """Leave where nobody asks for it."""

    def moved(self, now_bytes: int) -> None:
        """See `Leave.moved`."""


@contextmanager
def _free(_next_bytes: int) -> Iterator[Leave]:
    yield _Free()


def _unheard(_date: str | None) -> None:
    pass


class Transport:
    """One pool of connections for the API and the object stores.

    `max_bytes_per_s` limits the bodies of all requests together; 0 does not.
    """

    def __init__(
        self,
        *,
        patience: Patience | None = None,
        tls: ssl.SSLContext | None = None,
        proxies: Proxies | None = None,
        max_bytes_per_s: int = 0,
    ) -> None:
        self._patience = patience or Patience()
        self._tls = tls
        self._proxies = proxies or Proxies()
        self._lanes = Lanes(Trickle(max_bytes_per_s))
        self._session: aiohttp.ClientSession | None = None
        self.near = UploadSlots(_NEAR)
        """Held for each small body that is in memory before it may leave."""
        self.ahead = ReadAhead()
        """Reads those."""
        self.tally = Tally()
        """What leaves on all of its connections."""
        self.heard: Callable[[str | None], None] = _unheard
        """Told the `Date` of each answer of the API."""
        self.leave: Callable[[int], AbstractContextManager[Leave]] = _free
        """Asked for each body of so many bytes; raises `Held` where the policy says no."""

    async def call(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        json_body: object | None,
        *,
        most_bytes: int = _API_BODY_BYTES,
    ) -> ApiAnswer:
        """Make one JSON call; whatever the status, an answer is returned.

        Args:
            method: Of HTTP.
            url: Of the API.
            headers: Go out beside those of any JSON call.
            json_body: None sends no body.
            most_bytes: What the API may need for its answer; of a refusal no more is kept.

        Raises:
            CloudUnreachable: No connection, no name, no answer in time, or a cut.
            NotTheCloud: Somebody else answers: a portal, a proxy that refuses, a stranger; or
                a success is longer than the API's can be.
        """
        body = None if json_body is None else json.dumps(json_body, separators=(",", ":")).encode()
        every = {"Accept": "application/json", "User-Agent": "fieldpost", **headers}
        if body is not None:
            every["Content-Type"] = "application/json"
        try:
            async with (
                asyncio.timeout(self._patience.call_s),
                self._open_session().request(
                    method,
                    URL(url),
                    headers=every,
                    data=body,
                    allow_redirects=False,
                    proxy=self._proxies.way_to(url),
                ) as answer,
            ):
                content = await _at_most(answer, most_bytes + 1)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise stranger(error) or CloudUnreachable(reason(error)) from error
        if answer.status == _PROXY_LOGIN:
            raise proxy_refusal(answer.status)
        if len(content) > most_bytes and answer.status < 300:  # noqa: PLR2004 - a success
            raise NotTheCloud(
                f"HTTP {answer.status} with more than {most_bytes} bytes: no such answer is the"
                " API's"
            )
        known = _lower(answer.headers)
        self.heard(known.get("date"))
        return ApiAnswer(status=answer.status, headers=known, body=content[:most_bytes])

    async def send(
        self,
        request: Request,
        file: Path | bytes,
        progress: Callable[[int], None],
    ) -> Response | Broken:
        """Send one request whose body is a slice of `file`.

        Args:
            request: Its headers go out exactly as given.
            file: The sealed medium; or what is in it, read beforehand.
            progress: Told how many bytes of this body the other side has acknowledged; the last
                call, made however this ends, is the exact figure.

        Raises:
            Held: The policy lets nothing leave now; nothing did.
            NotTheCloud: Somebody else answers: a portal, a proxy that refuses, a stranger.
            SpoolDamaged: The file is shorter than it was sealed.
            SpoolStorageFailed: The disk failed.
        """
        if not request.body_bytes:
            return await self._attempt(request, None, progress)
        with self.leave(request.body_bytes) as given:

            def moved(now_bytes: int) -> None:
                given.moved(now_bytes)
                progress(now_bytes)

            return await self._send_body(request, file, moved)

    async def _send_body(
        self, request: Request, file: Path | bytes, progress: Callable[[int], None]
    ) -> Response | Broken:
        first, size_bytes, lanes = request.body_offset, request.body_bytes, self._lanes
        if isinstance(file, bytes):
            flow = slice_of(file, first=first, size_bytes=size_bytes, lanes=lanes)
        else:
            flow = await asyncio.to_thread(
                open_slice, file, first=first, size_bytes=size_bytes, lanes=lanes
            )
        answer: Response | Broken | None = None
        try:
            answer = await self._attempt(request, flow, progress)
        finally:
            whole = isinstance(answer, Response) and answer.status < 400 and flow.written  # noqa: PLR2004 - any success
            progress(flow.finish(whole=whole))
            await flow.let_go()
        if isinstance(answer, Broken) and flow.fault is not None:
            raise flow.fault
        if (
            isinstance(answer, Response)
            and answer.status == _EXPECTATION_FAILED
            and request.expect_continue
        ):
            plain = replace(request, expect_continue=False)
            return await self._send_body(plain, file, progress)
        return answer

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection. Idempotent, never raises."""
        self.ahead.close()
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _attempt(
        self, request: Request, flow: Outflow | None, progress: Callable[[int], None]
    ) -> Response | Broken:
        patience = self._patience
        try:
            async with asyncio.timeout(patience.connect_s + patience.response_s) as deadline:
                with Watch(flow, deadline, patience, progress):
                    return await self._exchange(request, flow)
        except TimeoutError:
            return Broken("nothing moved, or no answer came, for too long")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if (refusal := stranger(error)) is not None:
                raise refusal from error
            return Broken(reason(error))

    async def _exchange(self, request: Request, flow: Outflow | None) -> Response:
        headers = [(k, v) for k, v in request.headers if k.lower() not in _COMPUTED_HEADERS]
        answer = await self._open_session().request(
            request.method,
            # The query is signed: not one character of it may be quoted anew.
            URL(request.url, encoded=True),
            headers=headers,
            data=flow if flow is not None else request.content or None,
            skip_auto_headers=_NO_AUTO_HEADERS,
            expect100=request.expect_continue and flow is not None,
            allow_redirects=False,
            proxy=self._proxies.way_to(request.url),
        )
        try:
            content = await _at_most(answer, _STORE_BODY_BYTES)
            response = Response(status=answer.status, headers=_lower(answer.headers), body=content)
        except BaseException:
            answer.close()
            raise
        if answer.content.at_eof() and (flow is None or flow.written):
            answer.release()
        else:
            answer.close()
        if response.status == _PROXY_LOGIN:
            raise proxy_refusal(response.status)
        return response

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    ssl=self._tls if self._tls is not None else True,
                    socket_factory=self._open_socket,
                    keepalive_timeout=15.0,
                ),
                timeout=aiohttp.ClientTimeout(total=None, connect=self._patience.connect_s),
                cookie_jar=aiohttp.DummyCookieJar(),
                request_class=_bounded_expectation(self._patience.continue_s),
                trust_env=False,
            )
        return self._session

    def _open_socket(self, address: Any) -> socket.socket:
        family, kind, protocol = address[:3]
        opened = self.tally.open_socket(family, kind, protocol)
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
        # A dead peer is noticed in the time of a stall, not in the kernel's quarter of an hour.
        stall_ms = int(self._patience.stall_s * 1000)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, stall_ms)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._patience.queue_bytes)
        return opened


def _bounded_expectation(continue_s: float) -> type[aiohttp.ClientRequest]:
    """Make a request class that stops waiting for `100 Continue`: many servers never send it."""

    class BoundedExpectation(aiohttp.ClientRequest):
        async def send(self, conn: Any) -> aiohttp.ClientResponse:
            waiting = self._continue
            answer = await super().send(conn)
            if waiting is not None:
                self.loop.call_later(continue_s, _go_on, waiting)
            return answer

    return BoundedExpectation


def _go_on(waiting: "asyncio.Future[bool]") -> None:
    if not waiting.done():
        waiting.set_result(True)


async def _at_most(answer: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    parts: list[bytes] = []
    left = limit_bytes
    while left > 0 and (part := await answer.content.read(left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in headers.items():
        known = joined.get(name.lower())
        # Google states its checksums in two lines of one name.
        joined[name.lower()] = value if known is None else f"{known}, {value}"
    return joined
