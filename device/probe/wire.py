"""One connection, step by step: names, TCP, proxy, TLS, one request; with the kernel's figures."""

import asyncio
import base64
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from device.core.http_answer import ApiAnswer
from device.errors import CloudUnreachable, NotTheCloud
from device.http_trouble import proxy_refusal
from device.proxies import Proxies

RESOLVE_S = 5.0
CONNECT_S = 5.0
ANSWER_S = 8.0
MOST_BYTES = 65_536

_PORTS = {"http": 80, "https": 443}
_IP_MTU, _IPV6_MTU = 14, 24
"""In linux/in.h and linux/in6.h; the socket module has no names for them."""
_INFO_BYTES = 104
_MSS_AT, _RTT_AT, _RETRANSMITTED_AT = 16, 68, 100
"""Offsets in struct tcp_info of linux/tcp.h; unsigned 32-bit numbers, times in microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """Whom a connection is made to: the server, or the proxy before it."""

    url: SplitResult
    host: str
    port: int
    proxy: SplitResult | None

    @property
    def first(self) -> tuple[str, int]:
        """Whose name is resolved."""
        if self.proxy is None:
            return self.host, self.port
        return self.proxy.hostname or "", self.proxy.port or _PORTS["http"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """What the kernel measured on a connection; None: it does not tell."""

    mtu_bytes: int | None
    mss_bytes: int | None
    rtt_ms: float | None
    retransmitted: int | None


def hop_of(url: str, proxies: Proxies) -> Hop:
    """Take an address apart, and look up which way it goes."""
    parts = urlsplit(url)
    through = proxies.way_to(url)
    return Hop(
        url=parts,
        host=parts.hostname or "",
        port=parts.port or _PORTS.get(parts.scheme, 0),
        proxy=urlsplit(through) if through else None,
    )


async def resolve(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
    """Look a name up: (family, address), in the order in which they are tried.

    Raises:
        CloudUnreachable: There is none, or nobody answers.
    """
    try:
        async with asyncio.timeout(RESOLVE_S):
            found = await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_STREAM
            )
    except TimeoutError as error:
        raise CloudUnreachable(f"no answer about {host} in {RESOLVE_S:.0f} s") from error
    except (OSError, UnicodeError) as error:
        raise CloudUnreachable(f"no address for {host}") from error
    return list(dict.fromkeys((each[0], str(each[4][0])) for each in found))


async def connect(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    """Connect by TCP.

    Raises:
        CloudUnreachable: Refused, no way, or no answer.
    """
    line = socket.socket(family, socket.SOCK_STREAM)
    line.setblocking(False)
    try:
        async with asyncio.timeout(CONNECT_S):
            await asyncio.get_running_loop().sock_connect(line, (address, port))
    except TimeoutError as error:
        line.close()
        raise CloudUnreachable(f"no answer from {address} in {CONNECT_S:.0f} s") from error
    except OSError as error:
        line.close()
        said = os.strerror(error.errno) if error.errno else str(error)
        raise CloudUnreachable(f"{address} port {port}: {said}") from error
    except BaseException:
        line.close()
        raise
    return line


def kernel(line: socket.socket) -> Kernel:
    """Ask the kernel about a connection."""
    level, name = (
        (socket.IPPROTO_IPV6, _IPV6_MTU)
        if line.family == socket.AF_INET6
        else (socket.IPPROTO_IP, _IP_MTU)
    )
    try:
        mtu: int | None = line.getsockopt(level, name)
    except OSError:
        mtu = None
    try:
        told = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
        mss, rtt, again = (
            struct.unpack_from("I", told, at)[0] for at in (_MSS_AT, _RTT_AT, _RETRANSMITTED_AT)
        )
    except (OSError, struct.error):
        return Kernel(mtu_bytes=mtu, mss_bytes=None, rtt_ms=None, retransmitted=None)
    return Kernel(mtu_bytes=mtu, mss_bytes=mss, rtt_ms=rtt / 1000 or None, retransmitted=again)


class Line:
    """An open connection to one server."""

    def __init__(
        self, hop: Hop, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._hop = hop
        self._reader = reader
        self._writer = writer

    def tls(self) -> ssl.SSLObject | None:
        """Return what TLS knows, once it is spoken."""
        found: ssl.SSLObject | None = self._writer.get_extra_info("ssl_object")
        return found

    def socket(self) -> socket.socket:
        """Return the socket, to ask the kernel about it."""
        found: socket.socket = self._writer.get_extra_info("socket")
        return found

    async def tunnel(self) -> None:
        """Have the proxy connect us.

        Raises:
            NotTheCloud: It does not let us through.
            CloudUnreachable: It finds no way, or does not answer.
        """
        target = f"{self._hop.host}:{self._hop.port}"
        answer = await self._exchange(f"CONNECT {target}", target, self._login())
        if answer.status in {500, 502, 503, 504}:
            raise CloudUnreachable(f"the proxy finds no way to {target} (HTTP {answer.status})")
        if answer.status != 200:  # noqa: PLR2004 - RFC 9110 section 9.3.6
            raise proxy_refusal(answer.status)

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on.

        Raises:
            ssl.SSLError: It does not come about.
            CloudUnreachable: Nobody answers.
        """
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._writer.start_tls(context, server_hostname=self._hop.host)
        except TimeoutError as error:
            raise CloudUnreachable(f"no answer to TLS in {ANSWER_S:.0f} s") from error
        except ssl.SSLError:
            raise
        except OSError as error:
            raise CloudUnreachable("the other side hung up during TLS") from error

    async def get(self, path: str) -> ApiAnswer:
        """Ask for a page; its body is read as far as it is of use.

        Raises:
            CloudUnreachable: No answer.
            NotTheCloud: What answers does not speak HTTP.
        """
        plain = self._hop.proxy is not None and self._hop.url.scheme == "http"
        place = f"http://{self._hop.url.netloc}{path}" if plain else path
        return await self._exchange(
            f"GET {place}", self._hop.url.netloc.rpartition("@")[2], self._login() if plain else ""
        )

    async def aclose(self) -> None:
        """Hang up. Never raises."""
        self._writer.transport.abort()

    def _login(self) -> str:
        proxy = self._hop.proxy
        if proxy is None or not proxy.username:
            return ""
        login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        return f"Proxy-Authorization: Basic {base64.b64encode(login.encode()).decode()}\r\n"

    async def _exchange(self, request: str, host: str, more: str) -> ApiAnswer:
        head = f"{request} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: fieldpost\r\n{more}\r\n"
        try:
            async with asyncio.timeout(ANSWER_S):
                self._writer.write(head.encode())
                await self._writer.drain()
                first = await self._reader.readuntil(b"\r\n\r\n")
                answer = _parsed(first)
                length = int(answer.headers.get("content-length", "0") or 0)
                body = await self._reader.readexactly(min(length, MOST_BYTES)) if length else b""
        except TimeoutError as error:
            raise CloudUnreachable(f"no answer in {ANSWER_S:.0f} s") from error
        except asyncio.IncompleteReadError as error:
            raise CloudUnreachable("the server hung up without an answer") from error
        except (asyncio.LimitOverrunError, ValueError) as error:
            raise NotTheCloud("what answers there does not speak HTTP") from error
        except OSError as error:
            raise CloudUnreachable(f"the connection broke: {error.strerror or error}") from error
        return ApiAnswer(status=answer.status, headers=answer.headers, body=body)


@asynccontextmanager
async def line_over(connected: socket.socket, hop: Hop) -> AsyncIterator[Line]:
    """Speak over a connected socket, which is closed at the end."""
    try:
        reader, writer = await asyncio.open_connection(sock=connected, limit=MOST_BYTES)
    except BaseException:
        connected.close()
        raise
    line = Line(hop, reader, writer)
    try:
        yield line
    finally:
        await line.aclose()


@asynccontextmanager
async def reached(hop: Hop) -> AsyncIterator[Line]:
    """Resolve, connect to the first address that answers, and pass the proxy, if there is one.

    Raises:
        CloudUnreachable: None answers.
        NotTheCloud: The proxy refuses.
    """
    host, port = hop.first
    problem: CloudUnreachable | None = None
    for family, address in await resolve(host, port):
        try:
            connected = await connect(family, address, port)
        except CloudUnreachable as error:
            problem = problem or error
            continue
        async with line_over(connected, hop) as line:
            if hop.proxy is not None and hop.url.scheme == "https":
                await line.tunnel()
            yield line
            return
    raise problem or CloudUnreachable(f"no address for {host}")


def _parsed(head: bytes) -> ApiAnswer:
    first, *rest = head.decode("latin-1").split("\r\n")
    version, _, status = first.partition(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError(first)
    headers = {}
    for each in rest:
        name, colon, value = each.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return ApiAnswer(status=int(status[:3]), headers=headers)
