"""The serial link: frames of PROTOCOL.md over a tty, COBS and CRC-32 on the wire."""

import asyncio
import contextlib
import errno
import os
import termios
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from device.core.link.framing import MAX_FRAME_BYTES, FrameDecoder, encode
from device.errors import ConfigInvalid, LinkLost, LinkReason, LinkUnavailable

if TYPE_CHECKING:
    from serial import Serial

DEFAULT_BAUD = 115_200

_READ_BYTES = 16384
_QUEUE_FULL_FRAMES = 256
_QUEUE_LOW_FRAMES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialAddress:
    """Which port, and how fast. USB recorders ignore the baud rate."""

    path: str
    baud: int = DEFAULT_BAUD

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read `serial:///dev/serial/by-id/…?baud=921600`.

        Raises:
            ConfigInvalid: Not such a URL; each fault is one sentence.
        """
        # by-id names may hold a "#", so there is no fragment here.
        parts = urlsplit(url, allow_fragments=False)
        problems = []
        if parts.scheme != "serial":
            problems.append(f"{url}: a serial recorder's URL begins with serial:///dev/")
        if parts.netloc or not parts.path.startswith("/"):
            problems.append(f"{url}: write three slashes before the port's path: serial:///dev/…")
        baud = DEFAULT_BAUD
        for key, text in parse_qsl(parts.query, keep_blank_values=True):
            if key != "baud":
                problems.append(f"{url}: unknown setting {key!r}; a serial port takes baud")
            elif not (text.isascii() and text.isdigit() and int(text) > 0):
                problems.append(f"{url}: baud is a whole number above 0, not {text!r}")
            else:
                baud = int(text)
        if problems:
            raise ConfigInvalid(problems)
        return cls(path=unquote(parts.path), baud=baud)


class SerialLink:
    """An open serial port. Only this program has it; the port is given up as soon as it fails."""

    max_frame_bytes = MAX_FRAME_BYTES

    def __init__(self, port: "Serial") -> None:
        """Take over an open, raw, non-blocking port; use `open`."""
        self._loop = asyncio.get_running_loop()
        self._port = port
        self._fd: int = port.fileno()
        self._path = str(port.port)
        self._decoder = FrameDecoder(MAX_FRAME_BYTES)
        self._frames: deque[bytes] = deque()
        self._reading = False
        self._lost: str | None = None
        self._arrival: asyncio.Future[None] | None = None
        self._drain: asyncio.Future[None] | None = None
        # A program that died may have left half a frame on the line.
        self._line_is_torn = True
        self._read_on()

    @classmethod
    async def open(cls, url: str) -> Self:
        """Open the port of a `serial://` URL for this program alone.

        Raises:
            ConfigInvalid: The URL is wrong.
            LinkUnavailable: Not there, not permitted, in use, or not a serial port.
        """
        address = SerialAddress.parse(url)
        # If this is cancelled the port is closed when the thread's forgotten result is collected.
        return cls(await asyncio.to_thread(_open_port, address))

    async def send(self, frame: bytes) -> None:
        """See `Link.send`."""
        wire = encode(frame)
        rest = memoryview(b"\x00" + wire if self._line_is_torn else wire)
        self._line_is_torn = True
        while rest:
            if self._lost is not None:
                raise LinkLost(self._lost)
            try:
                written = os.write(self._fd, rest)
            except (BlockingIOError, InterruptedError):
                await self._writable()
            except OSError as error:
                raise LinkLost(self._lose(error.strerror)) from error
            else:
                rest = rest[written:]
        self._line_is_torn = False

    async def receive(self) -> bytes:
        """See `Link.receive`. What arrived before a loss is still delivered."""
        while not self._frames:
            if self._lost is not None:
                raise LinkLost(self._lost)
            self._read_on()
            self._arrival = self._loop.create_future()
            try:
                await self._arrival
            finally:
                self._arrival = None
        frame = self._frames.popleft()
        if len(self._frames) <= _QUEUE_LOW_FRAMES:
            self._read_on()
        return frame

    async def aclose(self) -> None:
        """See `Link.aclose`. What the kernel has not sent yet is given up: nobody waits for it."""
        self._lose("closed here")
        self._frames.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def _read_on(self) -> None:
        if not self._reading and self._lost is None:
            self._loop.add_reader(self._fd, self._read)
            self._reading = True

    def _read(self) -> None:
        try:
            chunk = os.read(self._fd, _READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(error.strerror)
            return
        if not chunk:  # with VMIN = 1 only a hang-up reads as nothing
            self._lose("hung up")
            return
        self._frames.extend(self._decoder.feed(chunk))
        if len(self._frames) >= _QUEUE_FULL_FRAMES:
            # The kernel's buffer fills next, then the recorder has to wait.
            self._loop.remove_reader(self._fd)
            self._reading = False
        if self._frames:
            _wake(self._arrival)

    async def _writable(self) -> None:
        self._drain = self._loop.create_future()
        self._loop.add_writer(self._fd, _wake, self._drain)
        try:
            await self._drain
        finally:
            if self._lost is None:
                self._loop.remove_writer(self._fd)
            self._drain = None

    def _lose(self, why: str | None) -> str:
        """Give the port up at once: a held descriptor keeps the old ttyACM number taken."""
        if self._lost is not None:
            return self._lost
        self._lost = f"{self._path}: the serial line is gone ({why})"
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._reading = False
        # Without the flush, closing waits up to 30 s for a stuck device to take its bytes.
        with contextlib.suppress(termios.error, OSError):
            termios.tcflush(self._fd, termios.TCOFLUSH)
        with contextlib.suppress(OSError):
            self._port.close()
        _wake(self._arrival)
        _wake(self._drain)
        return self._lost


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


def _open_port(address: SerialAddress) -> "Serial":
    """Open and configure, in a thread: drivers may take their time."""
    import serial  # noqa: PLC0415 - only agents with a serial recorder pay for the import

    try:
        # DTR and RTS stay as the kernel sets them: USB recorders take DTR for "host is there".
        # inter_byte_timeout = 0 means VMIN = 1, VTIME = 0.
        return serial.Serial(
            address.path, address.baud, exclusive=True, timeout=0, inter_byte_timeout=0
        )
    except (serial.SerialException, ValueError, OSError, termios.error) as error:
        raise _unavailable(address, error) from error


def _unavailable(address: SerialAddress, error: Exception) -> LinkUnavailable:
    match getattr(error, "errno", None):
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return LinkUnavailable(
                f"{address.path} is not there",
                reason=LinkReason.NOT_FOUND,
                hint="plug the recorder in and switch it on; ls -l /dev/serial/by-id shows ports",
            )
        case errno.EACCES | errno.EPERM:
            return LinkUnavailable(
                f"{address.path} may not be opened by this user",
                reason=LinkReason.DENIED,
                hint="add the user to group dialout",
            )
        case errno.EAGAIN | errno.EBUSY:
            return LinkUnavailable(
                f"{address.path} is in use by another program",
                reason=LinkReason.IN_USE,
                hint=f"find it with: fuser {address.path}; then stop it",
            )
        case errno.EIO:
            return LinkUnavailable(
                f"{address.path} does not answer",
                reason=LinkReason.NO_ANSWER,
                hint="unplug the recorder and plug it in again",
            )
        case _:
            return LinkUnavailable(
                f"{address.path} cannot be used as a serial port at {address.baud} baud",
                reason=LinkReason.NOT_A_DEVICE,
                hint="give the path of a serial port, and a baud rate its adapter supports",
            )
