"""HTTP for a thousand simulated devices in one process: one request at a time on a kept connection.

A client library would cost the two cores of a bench more than the gateway that is measured.
"""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

_CALL_S = 120.0
_LIMIT_BYTES = 1024 * 1024


class Lost(Exception):
    """No answer: refused, cut, or too late."""


@dataclass(frozen=True, slots=True)
class Said:
    """What was answered."""

    status: int
    headers: dict[str, str]
    body: bytes


class Line:
    """A connection to each origin that was asked, kept until it breaks."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}

    async def ask(self, method: str, url: str, headers: dict[str, str], body: bytes) -> Said:
        """Make one request.

        Raises:
            Lost: There was no answer; the connection is closed.
        """
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        head = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        head.append(f"Content-Length: {len(body)}\r\n\r\n")
        try:
            async with asyncio.timeout(_CALL_S):
                reader, writer = await self._connected(parts.netloc)
                writer.write("\r\n".join(head).encode())
                if body:
                    writer.write(body)
                await writer.drain()
                return await self._answer(parts.netloc, reader)
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            self.drop(parts.netloc)
            raise Lost(f"no answer, {type(error).__name__}") from error

    def drop(self, netloc: str) -> None:
        """Close a connection."""
        if (known := self._open.pop(netloc, None)) is not None:
            known[1].transport.abort()

    def close(self) -> None:
        """Close all."""
        for netloc in list(self._open):
            self.drop(netloc)

    async def _connected(self, netloc: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        known = self._open.get(netloc)
        if known is not None and not known[0].at_eof():
            return known
        self.drop(netloc)
        host, _, port = netloc.rpartition(":")
        self._open[netloc] = await asyncio.open_connection(host, int(port), limit=_LIMIT_BYTES)
        return self._open[netloc]

    async def _answer(self, netloc: str, reader: asyncio.StreamReader) -> Said:
        raw = await reader.readuntil(b"\r\n\r\n")
        first, *lines = raw[:-4].decode("latin-1").split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection", "").lower() == "close":
            self.drop(netloc)
        return Said(int(first.split(" ", 2)[1]), headers, body)
