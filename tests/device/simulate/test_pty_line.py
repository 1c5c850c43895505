"""The simulated line on real ptys: what crosses, what is lost, what comes back."""

import asyncio
import contextlib
import os
import socket

import pytest

from device.errors import UsageInvalid
from device.simulate.faults import FaultPlan, boot_messages
from device.simulate.pty_line import PtyEnd, PtyLine

DEADLINE_S = 5.0
CLEAN = FaultPlan()


class Ends:
    """Both ends of a running line: the recorder's socket and whatever port the link leads to."""

    def __init__(self, line, recorder, link):
        self.line, self.recorder, self.link = line, recorder, link
        self.rebooted = 0

    def open_port(self) -> int:
        return os.open(self.link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    async def port_reads(self, fd: int, count: int) -> bytes:
        got = b""
        while len(got) < count:
            with contextlib.suppress(BlockingIOError):
                got += os.read(fd, count - len(got))
            await asyncio.sleep(0)
        return got

    async def replugged(self, before: PtyEnd) -> None:
        while self.line.far is before:  # noqa: ASYNC110 - the line has no event for it
            await asyncio.sleep(0)

    async def recorder_reads(self, count: int) -> bytes:
        loop = asyncio.get_running_loop()
        got = b""
        while len(got) < count:
            got += await loop.sock_recv(self.recorder, count - len(got))
        return got

    async def recorder_writes(self, wire: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.recorder, wire)


@contextlib.asynccontextmanager
async def running(tmp_path, plan=CLEAN, baud=0):
    recorder, near = socket.socketpair()
    recorder.setblocking(False)
    near.setblocking(False)
    link = tmp_path / "usb-Recorder"
    ends = None

    def rebooted():
        ends.rebooted += 1

    line = PtyLine(near.fileno(), link, baud=baud, plan=plan, rebooted=rebooted)
    ends = Ends(line, recorder, link)
    with recorder, near:
        async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
            carrying = group.create_task(line.run(), name="line")
            try:
                yield ends
            finally:
                carrying.cancel()
                line.close()


@pytest.mark.asyncio
async def test_bytes_cross_in_both_directions(tmp_path):
    """A line carries bytes as they are, both ways."""
    wire = bytes(range(256)) * 40
    async with running(tmp_path) as ends:
        port = ends.open_port()
        await ends.recorder_writes(wire)
        down = await ends.port_reads(port, len(wire))
        os.write(port, wire[:4000])
        up = await ends.recorder_reads(4000)
        os.close(port)

    assert (down, up) == (wire, wire[:4000])


@pytest.mark.asyncio
async def test_a_paced_line_carries_everything(tmp_path):
    """At a finite rate the bytes still arrive whole, and are counted where they leave."""
    wire = os.urandom(20_000)
    async with running(tmp_path, baud=3_000_000) as ends:
        port = ends.open_port()
        async with asyncio.TaskGroup() as group:
            group.create_task(ends.recorder_writes(wire))
            down = await ends.port_reads(port, len(wire))
        os.close(port)

    assert down == wire
    assert ends.line.sent_bytes == len(wire)


@pytest.mark.asyncio
async def test_an_unplug_happens_at_its_byte_and_comes_back_as_a_new_device(tmp_path):
    """After byte N the port hangs up; the same path then leads to a new port that works."""
    plan = FaultPlan(unplug_at=(1000,), replug_after_s=0.0)
    async with running(tmp_path, plan) as ends:
        first = ends.line.far
        port = ends.open_port()
        await ends.recorder_writes(bytes(1500))
        await ends.replugged(first)
        sent_bytes = ends.line.sent_bytes
        with pytest.raises(OSError, match="Input/output error"):
            os.write(port, b"x")
        os.close(port)
        port = ends.open_port()
        await ends.recorder_writes(b"again")
        again = await ends.port_reads(port, 5)
        os.close(port)

    assert sent_bytes == 1000
    assert again == b"again"


@pytest.mark.asyncio
async def test_a_reboot_tells_the_recorder_and_babbles(tmp_path):
    """At byte N the recorder starts anew, and its boot messages are on the line."""
    plan = FaultPlan(seed=3, reboot_at=(100,))
    async with running(tmp_path, plan) as ends:
        port = ends.open_port()
        await ends.recorder_writes(bytes(300))
        said = boot_messages(3, 1)
        got = await ends.port_reads(port, 100 + len(said))
        os.close(port)

    assert got == bytes(100) + said
    assert ends.rebooted == 1


@pytest.mark.asyncio
async def test_boot_garbage_comes_when_the_port_is_first_used(tmp_path):
    """Whoever opens the port and says something hears the boot messages first."""
    async with running(tmp_path, FaultPlan(seed=3, boot_garbage=True)) as ends:
        port = ends.open_port()
        os.write(port, b"\0")
        said = boot_messages(3, 0)
        got = await ends.port_reads(port, len(said))
        os.close(port)

    assert got == said


@pytest.mark.asyncio
async def test_the_port_is_gone_at_the_end(tmp_path):
    """A line that ends takes its name away."""
    async with running(tmp_path) as ends:
        assert ends.link.is_symlink()

    assert not ends.link.is_symlink()


def test_a_file_in_the_way_is_not_replaced(tmp_path):
    """The name of a port never overwrites a person's file."""
    mine = tmp_path / "notes.txt"
    mine.write_text("mine")

    with pytest.raises(UsageInvalid, match=r"notes\.txt exists"):
        PtyEnd(mine)
