"""A serial line that ends in a pty, paced like a UART; pulls the plug and makes noise on demand."""

import asyncio
import contextlib
import math
import os
import pty
import tty
from collections.abc import Callable
from pathlib import Path

from device.errors import UsageInvalid
from device.simulate.faults import Damage, FaultPlan, boot_messages
from device.simulate.pacing import BITS_PER_BYTE_8N1, PacedPipe

_SHORTEST_TICK_S = 0.002
_LONGEST_TICK_S = 0.008
_TICK_BYTES = 64
_FIFO_S = 0.02
_SMALLEST_FIFO_BYTES = 1024
_LARGEST_FIFO_BYTES = 16384
_READ_BYTES = 65536


class PtyEnd:
    """A pty in raw mode whose port is reached by `link`, as udev names a real one.

    The port side stays open here as well: a pty whose last opener leaves would report a hang-up
    to this side until the next one comes.

    Raises:
        UsageInvalid: `link` exists and is not a symbolic link.
    """

    def __init__(self, link: Path) -> None:
        if link.exists() and not link.is_symlink():
            raise UsageInvalid(f"{link} exists and is no serial port's name; choose another link")
        self.master, self._slave = pty.openpty()
        tty.setraw(self.master)
        tty.setraw(self._slave)
        os.set_blocking(self.master, False)
        self.port = os.ttyname(self._slave)
        self.link = link
        self._open = True
        fresh = link.with_name(f".{link.name}.new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(self.port)
        fresh.replace(link)

    def close(self) -> None:
        """Take the port away: who has it open sees a hang-up, and the name is gone. Idempotent."""
        if not self._open:
            return
        self._open = False
        with contextlib.suppress(OSError):
            if self.link.readlink() == Path(self.port):
                self.link.unlink()
        os.close(self.master)
        os.close(self._slave)


class PtyLine:
    """Carries bytes between a recorder's end (`near`, any non-blocking fd) and a pty at `link`."""

    def __init__(
        self,
        near: int,
        link: Path,
        *,
        baud: int,
        plan: FaultPlan,
        rebooted: Callable[[], None] = lambda: None,
    ) -> None:
        rate = baud / BITS_PER_BYTE_8N1 if baud else math.inf
        fifo = _READ_BYTES if baud == 0 else int(rate * _FIFO_S)
        fifo = min(max(fifo, _SMALLEST_FIFO_BYTES), _LARGEST_FIFO_BYTES)
        self._tick_s = min(max(_TICK_BYTES / rate, _SHORTEST_TICK_S), _LONGEST_TICK_S)
        self._near = near
        self._link = link
        self._plan = plan
        self._rebooted = rebooted
        self._restarts = 0
        self._greeted = not plan.boot_garbage
        self._down = _Direction(
            PacedPipe(bytes_per_s=rate, fifo_bytes=fifo, damage=_damage(plan, "down"))
        )
        self._up = _Direction(
            PacedPipe(bytes_per_s=rate, fifo_bytes=fifo, damage=_damage(plan, "up"))
        )
        for count in (*plan.unplug_at, *plan.reboot_at):
            self._down.pipe.stop_at(count)
        self.far = PtyEnd(link)
        self.unplugged = 0

    @property
    def sent_bytes(self) -> int:
        """Bytes that left the recorder's end, faults or not."""
        return self._down.pipe.crossed_bytes

    @property
    def received_bytes(self) -> int:
        """Bytes that came from the port's end."""
        return self._up.pipe.crossed_bytes

    async def run(self) -> None:
        """Carry bytes until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            busy = self._pump(loop.time())
            if self._down.pipe.at_stop:
                await self._act()
            elif busy:
                await asyncio.sleep(self._tick_s)
            else:
                await _readable(self._near, self.far.master)

    def close(self) -> None:
        """Take the port away. Idempotent; `near` stays its owner's."""
        self.far.close()

    def _pump(self, now: float) -> bool:
        down = self._down.move(self._near, self.far.master, now)
        before = self.received_bytes
        up = self._up.move(self.far.master, self._near, now)
        if self.received_bytes > before and not self._greeted:
            self._greeted = True
            self._down.pipe.push(boot_messages(self._plan.seed, self._restarts), now)
            down = True
        return down or up

    async def _act(self) -> None:
        """Do what the plan says for the byte at which the line holds."""
        self._down.pipe.pass_stop()
        if self.sent_bytes in self._plan.unplug_at:
            await self._unplug()
        if self.sent_bytes in self._plan.reboot_at:
            self._reboot(asyncio.get_running_loop().time())

    async def _unplug(self) -> None:
        self.unplugged += 1
        self.far.close()
        await asyncio.sleep(self._plan.replug_after_s)
        self._lose_what_is_on_its_way()
        self._greeted = not self._plan.boot_garbage
        self.far = PtyEnd(self._link)

    def _reboot(self, now: float) -> None:
        self._restarts += 1
        self._lose_what_is_on_its_way()
        self._rebooted()
        self._down.pipe.push(boot_messages(self._plan.seed, self._restarts), now)

    def _lose_what_is_on_its_way(self) -> None:
        self._down.clear()
        self._up.clear()
        while _read(self._near, _READ_BYTES):
            pass


class _Direction:
    """A paced pipe with its two descriptors' habits: short reads, short writes, stalls."""

    def __init__(self, pipe: PacedPipe) -> None:
        self.pipe = pipe
        self._arrived = b""

    def move(self, source: int, sink: int, now: float) -> bool:
        """Carry what may cross by `now`; True while something is on its way.

        Refills and drains in turns: what waited in the kernel while this program was not scheduled
        had the line's credit all the time, so a busy machine does not slow the line down.
        """
        while True:
            if self._arrived and not self._deliver(sink):
                self.pipe.stall(now)
                return True
            room = self.pipe.room_bytes
            chunk = _read(source, room) if room > 0 else b""
            if chunk:
                self.pipe.push(chunk, now)
            self._arrived = self.pipe.take(now)
            if not self._arrived:
                self.pipe.idle()
                return self.pipe.waiting_bytes > 0

    def clear(self) -> None:
        self._arrived = b""
        self.pipe.clear()

    def _deliver(self, sink: int) -> bool:
        """Write what has arrived; False if the reader's buffer is full."""
        try:
            written = os.write(sink, self._arrived)
        except (BlockingIOError, InterruptedError):
            return False
        self._arrived = self._arrived[written:]
        return not self._arrived


def _damage(plan: FaultPlan, direction: str) -> Damage:
    return Damage(flip=plan.flip, drop=plan.drop, seed=f"{plan.seed} {direction}")


def _read(fd: int, size: int) -> bytes:
    try:
        return os.read(fd, size)
    except (BlockingIOError, InterruptedError):
        return b""


async def _readable(*fds: int) -> None:
    """Wait until one of the descriptors has something to say."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    try:
        for fd in fds:
            loop.add_reader(fd, wake)
        await ready
    finally:
        for fd in fds:
            loop.remove_reader(fd)
