"""A request whose body is sent piece by piece, over a bare connection."""

import asyncio
from urllib.parse import urlsplit


class RawPut:
    """A PUT whose bytes are sent one by one as a test likes."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, url, span, size, *extra, method="PUT"):
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        lines = [
            f"{method} {parts.path}?{parts.query} HTTP/1.1",
            f"Host: {parts.netloc}",
            f"Content-Length: {size}",
            *([f"Content-Range: {span}"] if span else []),
            *extra,
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        return cls(reader, writer)

    async def send(self, content):
        self.writer.write(content)
        await self.writer.drain()

    async def status(self):
        head = await self.reader.readuntil(b"\r\n\r\n")
        return int(head.split()[1])

    async def cut(self):
        self.writer.close()
        await self.writer.wait_closed()
