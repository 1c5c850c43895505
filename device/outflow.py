"""How the body of one request leaves the machine, and how much of it the other side has."""

import asyncio
import contextlib
import errno
import fcntl
import os
import socket
import struct
import termios
from pathlib import Path
from typing import BinaryIO

from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload

from device.errors import FieldpostError, SpoolDamaged, SpoolStorageFailed

_BLOCK_BYTES = 262_144
_TLS_BLOCK_BYTES = 131_072
"""Measured: larger blocks cost copies between the TLS buffers, smaller ones cost wake-ups."""
_LARGEST_PIECE_BYTES = 8_388_608
_PIECE_S = 0.25
_BYTES_ACKED_AT = 120
"""Offset of tcpi_bytes_acked in struct tcp_info of linux/tcp.h, an unsigned 64-bit number."""


class Outflow(Payload):
    """A slice of a file as a request body.

    Plain TCP uses sendfile; TLS uses blocks read in line, because sendfile's fallback
    under TLS is several times slower than either. Sent means acknowledged by the peer's kernel:
    what still waits in our own queue has not left, and at a cut it never will.
    """

    def __init__(self, file: BinaryIO, *, first: int, size_bytes: int) -> None:
        super().__init__(file)
        self._file = file
        self._first = first
        self._size = size_bytes
        self._meter: socket.socket | None = None
        self._transport: asyncio.WriteTransport | None = None
        self._base = 0
        self._sent_bytes = 0
        self.written = False
        """Whether every byte was handed to the kernel."""
        self.fault: FieldpostError | None = None
        """What went wrong on our own disk while sending, if that ended it."""

    @property
    def size_bytes(self) -> int:
        """Bytes of the slice."""
        return self._size or 0

    @property
    def begun(self) -> bool:
        """Whether the body has started (not while waiting for `100 Continue`)."""
        return self._meter is not None

    def sent_bytes(self) -> int:
        """Bytes of the body that the other side has acknowledged; never goes back."""
        if self._meter is not None:
            gone = _acknowledged(self._meter) - self._base
            self._sent_bytes = max(self._sent_bytes, min(gone, self.size_bytes))
        return self._sent_bytes

    def finish(self, *, whole: bool) -> int:
        """Take the last measure and let go of the connection.

        Args:
            whole: The answer proves that the body was read, whatever the kernel has heard yet.
        """
        sent_bytes = self.size_bytes if whole else self.sent_bytes()
        if self._meter is not None:
            self._meter.close()
        if self._transport is not None and not self.written:
            # A plain close would first drain what is queued, into a store that may be gone.
            self._transport.abort()
        return sent_bytes

    async def let_go(self) -> None:
        """Close the file, once a cancelled sendfile has had its turn to notice."""
        await asyncio.sleep(0)
        self._file.close()

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Refuse: a medium is not text."""
        raise TypeError(f"a medium cannot be decoded ({encoding}, {errors})")

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send the slice (called by aiohttp)."""
        await self.write_with_length(writer, None)

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """Send the slice (called by aiohttp); its length is the Content-Length already."""
        del content_length
        writer.send_headers()
        await writer.drain()
        transport = writer.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        # From here a silent second try by the HTTP library would send bytes nobody counts.
        self._consumed = True
        self._watch(transport)
        try:
            if transport.get_extra_info("sslcontext") is None:
                await self._sendfile(transport)
            else:
                await self._blocks(writer)
            self.written = True
        except OSError as error:
            if error.errno == errno.EIO:
                self.fault = SpoolStorageFailed("the disk failed while a medium was sent")
            # A store that refuses early answers and then closes. Let the loop read the answer
            # before the broken pipe makes the HTTP library forget it.
            for _ in range(3):
                await asyncio.sleep(0)
            raise

    def _watch(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport
        # A duplicate outlives the transport, so a cut can still be measured after the close.
        self._meter = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
        with contextlib.suppress(OSError):
            self._base = _acknowledged(self._meter) + _unsent(self._meter)

    async def _sendfile(self, transport: asyncio.WriteTransport) -> None:
        loop = asyncio.get_running_loop()
        done, piece_bytes = 0, _BLOCK_BYTES
        while done < self.size_bytes:
            count = min(piece_bytes, self.size_bytes - done)
            begun_s = loop.time()
            sent = await loop.sendfile(transport, self._file, self._first + done, count)
            if sent < count:
                raise self._cut_short()
            done += sent
            # An early answer is read only between pieces, so a piece must not take long.
            quick = loop.time() - begun_s < _PIECE_S
            larger, smaller = piece_bytes * 2, piece_bytes // 2
            piece_bytes = min(larger, _LARGEST_PIECE_BYTES) if quick else max(smaller, _BLOCK_BYTES)

    async def _blocks(self, writer: AbstractStreamWriter) -> None:
        done, number = 0, self._file.fileno()
        while done < self.size_bytes:
            count = min(_TLS_BLOCK_BYTES, self.size_bytes - done)
            block = os.pread(number, count, self._first + done)
            if not block:
                raise self._cut_short()
            await writer.write(block)
            done += len(block)

    def _cut_short(self) -> OSError:
        self.fault = SpoolDamaged("a sealed medium became shorter while it was sent")
        return OSError(errno.ENODATA, "the medium ended early")


def open_slice(path: Path, *, first: int, size_bytes: int) -> Outflow:
    """Open a slice of a sealed medium. Blocks; run it in a thread.

    Raises:
        SpoolDamaged: The file is not there, or ends before the slice does.
        SpoolStorageFailed: The disk does not answer.
    """
    try:
        file = path.open("rb", buffering=0)
        held = os.fstat(file.fileno()).st_size
    except FileNotFoundError as error:
        raise SpoolDamaged(f"a sealed medium is missing: {path.name}") from error
    except OSError as error:
        raise SpoolStorageFailed(f"cannot open {path.name}: {error.strerror}") from error
    if held < first + size_bytes:
        file.close()
        raise SpoolDamaged(f"{path.name} holds {held} bytes where {first + size_bytes} were sealed")
    return Outflow(file, first=first, size_bytes=size_bytes)


def _acknowledged(connection: socket.socket) -> int:
    try:
        info = connection.getsockopt(
            socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED_AT + struct.calcsize("Q")
        )
        (count,) = struct.unpack_from("Q", info, _BYTES_ACKED_AT)
    except (OSError, struct.error):
        return 0
    return int(count)


def _unsent(connection: socket.socket) -> int:

    (count,) = struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))
    return int(count)
