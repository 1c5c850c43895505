"""How the body of one request leaves the machine, and how much of it the other side has."""

import asyncio
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast
from weakref import WeakKeyDictionary

from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload

from device.errors import FieldpostError, SpoolDamaged, SpoolStorageFailed
from device.meter import Meter
from device.pace import Pace
from device.trickle import Trickle

if TYPE_CHECKING:
    from aiohttp.http_writer import StreamWriter

_LARGEST_BYTES = 8_388_608
_LARGEST_TLS_BYTES = 262_144
"""Measured: larger blocks cost copies between the TLS buffers, smaller ones cost wake-ups."""
_UNSENT_PIECES = 4
"""What may wait in the kernel; measured: with two, fast TLS costs a tenth more CPU."""
_HEARD_EVERY_S = 0.001
SMALL_BYTES = 262_144
"""Up to this a slice is read whole when it is opened: opening, sendfile and closing cost more."""


@dataclass(slots=True)
class _Known:
    """What is remembered of a connection from one body to the next."""

    pace: Pace = field(default_factory=Pace)
    unsent_bytes: int = 0
    """What may wait in the kernel, as it was last told."""


class Lanes:
    """What all bodies share: the limit, and what each connection has taught so far."""

    def __init__(self, trickle: Trickle) -> None:
        self.trickle = trickle
        self._known: WeakKeyDictionary[asyncio.WriteTransport, _Known] = WeakKeyDictionary()

    def known(self, transport: asyncio.WriteTransport) -> _Known:
        """Return the memory of one connection."""
        return self._known.setdefault(transport, _Known())


class Outflow(Payload):
    """A slice of a file as a request body.

    Plain TCP uses sendfile; TLS uses blocks read in line, because sendfile's fallback
    under TLS is several times slower than either. A small slice is in memory, and leaves in one
    piece with the headers. Sent means acknowledged by the peer's kernel: what still waits in our
    own queue has not left, and at a cut it never will.
    """

    def __init__(
        self, source: BinaryIO | bytes, *, first: int, size_bytes: int, lanes: Lanes
    ) -> None:
        super().__init__(source)
        self._source = source
        self._first = first
        self._size = size_bytes
        self._lanes = lanes
        self._meter: Meter | None = None
        self._transport: asyncio.WriteTransport | None = None
        self._known = _Known()
        self._base = 0
        self._heard_s = 0.0
        self._gone = 0
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

    @property
    def delivered(self) -> bool:
        """Whether all of it was written and nothing of it waits for an acknowledgement."""
        return self.written and self._meter is not None and not self._meter.queued_bytes()

    def gone_bytes(self) -> int:
        """Bytes acknowledged since the body began, TLS included; never goes back."""
        if self._meter is not None:
            self._gone = max(self._gone, self._meter.acknowledged_bytes() - self._base)
        return self._gone

    def sent_bytes(self) -> int:
        """Bytes of the body that the other side has acknowledged; never goes back."""
        return min(self.gone_bytes(), self.size_bytes)

    def finish(self, *, whole: bool) -> int:
        """Take the last measure and let go of the connection.

        Args:
            whole: The answer proves that the body was read, whatever the kernel has heard yet.
        """
        sent_bytes = self.size_bytes if whole else self.sent_bytes()
        if whole:
            self._known.pace.over(sent_bytes, asyncio.get_running_loop().time())
        if self._meter is not None:
            self._meter.close()
        if self._transport is not None and not self.written:
            # A plain close would first drain what is queued, into a store that may be gone.
            self._transport.abort()
        return sent_bytes

    async def let_go(self) -> None:
        """Close the file, once a cancelled sendfile has had its turn to notice."""
        if not isinstance(self._source, bytes):
            await asyncio.sleep(0)
            self._source.close()

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
        if not isinstance(self._source, bytes):
            writer.send_headers()
            await writer.drain()
        transport = writer.transport
        if transport is None or transport.is_closing():
            raise _reset()
        # From here a silent second try by the HTTP library would send bytes nobody counts.
        self._consumed = True
        self._watch(transport)
        try:
            if isinstance(self._source, bytes):
                await self._whole(self._source, writer)
            elif transport.get_extra_info("sslcontext") is None:
                await self._sendfile(self._source, transport, writer)
            else:
                await self._blocks(self._source, writer, 0)
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
        self._known = self._lanes.known(transport)
        meter = Meter(transport)
        self._base = meter.acknowledged_bytes() + meter.queued_bytes()
        self._meter = meter
        self._known.pace.begin(asyncio.get_running_loop().time())

    async def _whole(self, content: bytes, writer: AbstractStreamWriter) -> None:
        """Send what is in memory; the HTTP library puts its headers before the first piece."""
        done = 0
        while done < len(content):
            count = await self._turn(done, _LARGEST_BYTES)
            before = writer.output_size
            piece = memoryview(content)[done : done + count]
            # Not yet drained: nobody is to look before the headers are known not to be body.
            await cast("StreamWriter", writer).write(piece, drain=False)
            self._base += writer.output_size - before - count
            done += count
            await writer.drain()

    async def _sendfile(
        self, file: BinaryIO, transport: asyncio.WriteTransport, writer: AbstractStreamWriter
    ) -> None:
        loop, done = asyncio.get_running_loop(), 0
        while done < self.size_bytes:
            count = await self._turn(done, _LARGEST_BYTES)
            first = self._first + done
            try:
                sent = await loop.sendfile(transport, file, first, count, fallback=False)
            except asyncio.SendfileNotAvailableError:
                # So asyncio also calls a connection that broke between two pieces; its fallback
                # to plain writes would close it with the answer of a store that refused early.
                if self._meter is None or self._meter.over:
                    raise _reset() from None
                await self._blocks(file, writer, done)  # a file system without sendfile
                return
            if sent < count:
                raise self._cut_short()
            done += sent

    async def _blocks(self, file: BinaryIO, writer: AbstractStreamWriter, done: int) -> None:
        number = file.fileno()
        while done < self.size_bytes:
            count = await self._turn(done, _LARGEST_TLS_BYTES)
            block = os.pread(number, count, self._first + done)
            if not block:
                raise self._cut_short()
            await writer.write(block)
            done += len(block)

    async def _turn(self, done: int, largest_bytes: int) -> int:
        """Say how many bytes come next, and wait until they may leave."""
        pace, trickle = self._known.pace, self._lanes.trickle
        now_s = asyncio.get_running_loop().time()
        if done and self._meter is not None and now_s - self._heard_s >= _HEARD_EVERY_S:
            self._heard_s = now_s
            pace.heard(self.gone_bytes(), now_s, largest_bytes=largest_bytes)
        unsent_bytes = _UNSENT_PIECES * pace.piece_bytes
        if self._meter is not None and self._known.unsent_bytes != unsent_bytes:
            self._meter.keep_unsent(unsent_bytes)
            self._known.unsent_bytes = unsent_bytes
        piece_bytes = trickle.piece_bytes(min(pace.piece_bytes, largest_bytes))
        count = min(piece_bytes, self.size_bytes - done)
        await trickle.take(count)
        return count

    def _cut_short(self) -> OSError:
        self.fault = SpoolDamaged("a sealed medium became shorter while it was sent")
        return OSError(errno.ENODATA, "the medium ended early")


def _reset() -> OSError:
    return ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))


def read_small(path: Path, size_bytes: int) -> bytes:
    """Read a small sealed medium before its turn. Blocks; run it in a thread.

    Raises:
        SpoolDamaged: The file is not there, or is shorter than it was sealed.
        SpoolStorageFailed: The disk does not answer.
    """
    with _faults_named(path), _opened(path, size_bytes) as file:
        return _read(file.fileno(), 0, size_bytes)


def slice_of(content: bytes, *, first: int, size_bytes: int, lanes: Lanes) -> Outflow:
    """Take a slice of a medium that has been read."""
    source = content[first : first + size_bytes]  # no copy where it is all of it
    return Outflow(source, first=first, size_bytes=size_bytes, lanes=lanes)


def open_slice(path: Path, *, first: int, size_bytes: int, lanes: Lanes) -> Outflow:
    """Open a slice of a sealed medium; a small one is read. Blocks; run it in a thread.

    Raises:
        SpoolDamaged: The file is not there, or ends before the slice does.
        SpoolStorageFailed: The disk does not answer.
    """
    source: BinaryIO | bytes
    with _faults_named(path):
        source = _opened(path, first + size_bytes)
        if size_bytes <= SMALL_BYTES:
            with source as file:
                source = _read(file.fileno(), first, size_bytes)
    return Outflow(source, first=first, size_bytes=size_bytes, lanes=lanes)


@contextmanager
def _faults_named(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise SpoolDamaged(f"a sealed medium is missing: {path.name}") from error
    except OSError as error:
        raise SpoolStorageFailed(f"cannot open {path.name}: {error.strerror}") from error


def _opened(path: Path, wanted: int) -> BinaryIO:
    source = path.open("rb", buffering=0)
    held = os.fstat(source.fileno()).st_size
    if held < wanted:
        source.close()
        raise SpoolDamaged(f"{path.name} holds {held} bytes where {wanted} were sealed")
    return source


def _read(file: int, first: int, size_bytes: int) -> bytes:
    content = os.pread(file, size_bytes, first)
    if len(content) < size_bytes:
        raise SpoolDamaged("a sealed medium became shorter while it was read")
    return content
