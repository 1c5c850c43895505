"""A terminal of a chosen size around a command: what a person sees, as lines of letters."""

import asyncio
import fcntl
import os
import pty
import struct
import sys
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pyte

DEADLINE_S = 12.0


class Terminal:
    """What a command drew so far. `raw` are the bytes that drew it."""

    def __init__(self, process: asyncio.subprocess.Process, leader: int, size: tuple[int, int]):
        self.process = process
        self.raw = b""
        self._leader = leader
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        self._more = asyncio.Event()
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(leader, self._read)

    def _read(self) -> None:
        try:
            drawn = os.read(self._leader, 65_536)
        except OSError:  # nobody has it open any more
            drawn = b""
        if not drawn:
            asyncio.get_running_loop().remove_reader(self._leader)
            self._ended.set()
        self.raw += drawn
        self._stream.feed(drawn)
        self._more.set()

    @property
    def lines(self) -> list[str]:
        """What is to be seen, without empty lines at the end."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip().split("\n")

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    async def shows(self, is_it: Callable[[str], bool] | str) -> str:
        """Wait until it is to be seen; returns all that is."""
        seen = is_it if callable(is_it) else lambda text: is_it in text
        try:
            async with asyncio.timeout(DEADLINE_S):
                while not seen(self.text):
                    assert not self._ended.is_set(), self.text
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError as error:
            raise AssertionError(f"never shown; instead:\n{self.text}") from error
        return self.text

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._leader, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._screen.resize(rows, columns)

    def type(self, keys: bytes) -> None:
        os.write(self._leader, keys)

    async def ended(self) -> int:
        async with asyncio.timeout(DEADLINE_S):
            await self._ended.wait()
            return await self.process.wait()


@asynccontextmanager
async def terminal(
    *command: str, columns: int = 80, rows: int = 24, **environ: str
) -> AsyncIterator[Terminal]:
    """Run a command of ours on a terminal of its own."""
    leader, follower = pty.openpty()
    fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FIELDPOST_", "CREDENTIALS_", "RUNTIME_", "COLUMNS", "LINES"))
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "device.cli.main", *command,
        stdin=follower, stdout=follower, stderr=follower, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        env={**kept, "TERM": "xterm-256color", "PYTHONUTF8": "1", "TZ": "UTC", **environ},
    )  # fmt: skip
    os.close(follower)
    shown = Terminal(process, leader, (columns, rows))
    try:
        yield shown
    finally:
        asyncio.get_running_loop().remove_reader(leader)
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(leader)
