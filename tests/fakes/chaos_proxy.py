"""A TCP proxy in user space that cuts, stalls, delays and slows what passes through it.

Byte positions count what was forwarded since the proxy began, over all connections, so a plan says
"cut after 5 MiB in all" and means it whatever connection carries that byte. Used by tests, benches
and the demo; it imports nothing but asyncio.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

_READ_BYTES = 65_536
_QUEUE_BYTES = 65_536
"""Kernel buffers are kept small: a byte the proxy's kernel has acknowledged looks delivered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What goes wrong, and when.

    `cut_up_at` and `cut_down_at` are forwarded-byte positions, towards the server and towards the
    client; 0 cuts before the first byte. `stall_up_at` forwards no further byte up until
    `release()`. `reset` cuts with RST, else with FIN. `rate_bytes_per_s` limits each direction of
    each connection.
    """

    cut_up_at: tuple[int, ...] = ()
    cut_down_at: tuple[int, ...] = ()
    stall_up_at: int | None = None
    reset: bool = True
    latency_s: float = 0.0
    rate_bytes_per_s: float | None = None
    refuse_connections: int = 0


class ChaosProxy:
    """`async with ChaosProxy("127.0.0.1", port) as proxy:` listens on `proxy.port`."""

    def __init__(self, host: str, port: int, faults: Faults | None = None) -> None:
        self._host, self._to_port = host, port
        self._server: asyncio.Server | None = None
        self._live: dict[asyncio.Task[None], tuple[asyncio.StreamWriter, ...]] = {}
        self.port = 0
        self.up_bytes = 0
        self.down_bytes = 0
        self.cuts = 0
        self.connections = 0
        self.set(faults or Faults())

    def set(self, faults: Faults) -> None:
        """Begin another plan; positions already passed are due at once."""
        self.faults = faults
        self._cut_up = sorted(faults.cut_up_at)
        self._cut_down = sorted(faults.cut_down_at)
        self._refuse = faults.refuse_connections
        self._open = asyncio.Event()
        if faults.stall_up_at is None:
            self._open.set()

    def release(self) -> None:
        """End a stall."""
        self._open.set()

    def cut_now(self) -> None:
        """Cut every live connection."""
        for writers in list(self._live.values()):
            self._cut(*writers)

    async def __aenter__(self) -> Self:
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _QUEUE_BYTES)
        self._server = await asyncio.start_server(self._accept, sock=listening)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        self.release()
        for task, writers in list(self._live.items()):
            for writer in writers:
                writer.transport.abort()
            task.cancel()
        await asyncio.gather(*self._live, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        if self._refuse or task is None:
            self._refuse -= 1
            self._cut(writer)
            return
        self._live[task] = (writer,)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._join(task, reader, writer)
        finally:
            del self._live[task]
            writer.transport.abort()

    async def _join(
        self,
        task: "asyncio.Task[None]",
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._host, self._to_port)
        far_socket = far_writer.get_extra_info("socket")
        far_socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _QUEUE_BYTES)
        self._live[task] = (writer, far_writer)
        try:
            up = asyncio.ensure_future(self._pump(reader, far_writer, writer, up=True))
            down = asyncio.ensure_future(self._pump(far_reader, writer, far_writer, up=False))
            try:
                await asyncio.gather(up, down)
            finally:
                up.cancel()
                down.cancel()
                await asyncio.gather(up, down, return_exceptions=True)
        finally:
            far_writer.transport.abort()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        other: asyncio.StreamWriter,
        *,
        up: bool,
    ) -> None:
        while block := await reader.read(_READ_BYTES):
            while block:
                plan = self._cut_up if up else self._cut_down  # another one may have begun
                part = block[: self._room(plan, up=up)]
                if part:
                    await self._pace(len(part))
                    writer.write(part)
                    await writer.drain()
                    block = block[len(part) :]
                    self._count(len(part), up=up)
                if plan and plan[0] <= (self.up_bytes if up else self.down_bytes):
                    plan.pop(0)
                    self._cut(writer, other)
                    raise ConnectionResetError
                if up and not self._open.is_set() and self._stalled():
                    await self._open.wait()
        with contextlib.suppress(OSError, RuntimeError):
            writer.write_eof()

    def _room(self, plan: Iterable[int], *, up: bool) -> int:
        passed = self.up_bytes if up else self.down_bytes
        limits = [at - passed for at in plan]
        if up and self.faults.stall_up_at is not None and not self._open.is_set():
            limits.append(self.faults.stall_up_at - passed)
        return max(0, min([_READ_BYTES, *limits]))

    def _stalled(self) -> bool:
        return self.faults.stall_up_at is not None and self.up_bytes >= self.faults.stall_up_at

    def _count(self, size: int, *, up: bool) -> None:
        if up:
            self.up_bytes += size
        else:
            self.down_bytes += size

    async def _pace(self, size: int) -> None:
        rate = self.faults.rate_bytes_per_s
        wait_s = self.faults.latency_s + (size / rate if rate else 0.0)
        if wait_s:
            await asyncio.sleep(wait_s)

    def _cut(self, *writers: asyncio.StreamWriter) -> None:
        self.cuts += 1
        for writer in writers:
            connection = writer.get_extra_info("socket")
            if self.faults.reset and connection is not None:
                with contextlib.suppress(OSError):
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                writer.transport.abort()
            else:
                writer.close()
