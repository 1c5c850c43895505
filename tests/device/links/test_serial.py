"""The serial link on a real pty: conformance, opening, unplugging, noise."""

import asyncio
import contextlib
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import pytest_asyncio

from device.core.link.framing import FrameDecoder, encode
from device.errors import ConfigInvalid, LinkLost, LinkReason, LinkUnavailable
from device.links.serial import SerialAddress, SerialLink
from device.simulate.faults import boot_messages
from device.simulate.pty_line import PtyEnd
from tests.device.links.conformance import LinkConformance, frame

DEADLINE_S = 5.0


class PtyFar:
    """The recorder's end: the master side of a pty."""

    def __init__(self, end: PtyEnd) -> None:
        self.end = end
        self._decoder = FrameDecoder()
        self._frames: list[bytes] = []

    async def write(self, wire: bytes) -> None:
        rest = memoryview(wire)
        while rest:
            try:
                rest = rest[os.write(self.end.master, rest) :]
            except BlockingIOError:
                await asyncio.sleep(0)

    async def read(self) -> bytes:
        while True:
            try:
                return os.read(self.end.master, 65536)
            except BlockingIOError:
                await asyncio.sleep(0)

    async def send(self, frame: bytes) -> None:
        await self.write(encode(frame))

    async def receive(self) -> bytes:
        while not self._frames:
            self._frames += self._decoder.feed(await self.read())
        return self._frames.pop(0)

    async def damage(self) -> None:
        await self.write(b"\x07 no frame\x00")

    async def cut(self) -> None:
        self.end.close()


@pytest.fixture
def far(tmp_path):
    end = PtyEnd(tmp_path / "usb-Recorder_0001-if00")
    yield PtyFar(end)
    end.close()


def url_of(far: PtyFar, query: str = "?baud=3000000") -> str:
    return f"serial://{far.end.link}{query}"


@pytest_asyncio.fixture
async def link(far):
    async with await SerialLink.open(url_of(far)) as link:
        yield link


class TestSerialLink(LinkConformance):
    @pytest_asyncio.fixture
    async def line(self, far, link):
        yield link, far


@pytest.mark.asyncio
async def test_a_replugged_recorder_is_opened_behind_the_same_path(far, link):
    """After an unplug the same by-id path leads to the new device, which works at once."""
    fresh = PtyFar(PtyEnd(far.end.link))
    async with asyncio.timeout(DEADLINE_S):
        await far.cut()
        with pytest.raises(LinkLost):
            await link.receive()
        async with await SerialLink.open(url_of(fresh)) as again:
            await fresh.send(frame(40))
            got = await again.receive()
    fresh.end.close()

    assert far.end.port != fresh.end.port
    assert frame(40) == got


@pytest.mark.asyncio
async def test_a_lost_port_is_given_up_at_once(far, link):
    """No descriptor of a lost port stays open: the kernel can give its number to the next one."""
    async with asyncio.timeout(DEADLINE_S):
        port = far.end.port
        await far.cut()
        with pytest.raises(LinkLost):
            await link.receive()

    assert not any(port in name for name in _open_files())


def _open_files() -> list[str]:
    found = []
    for fd in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the listing's own descriptor is gone by now
            found.append(str(fd.readlink()))
    return found


@pytest.mark.asyncio
async def test_frames_that_arrived_before_a_loss_are_delivered(far, link):
    """The last frames of a recorder that goes away are not thrown away."""
    async with asyncio.timeout(DEADLINE_S):
        await far.write(encode(frame(10)) + encode(frame(20, 1)))
        first = await link.receive()
        while not link._frames:  # noqa: ASYNC110 - the kernel hands over in its own time
            await asyncio.sleep(0)
        await far.cut()
        second = await link.receive()
        with pytest.raises(LinkLost):
            await link.receive()

    assert [frame(10), frame(20, 1)] == [first, second]


SECOND_PROGRAM = """
import asyncio, sys
from device.errors import LinkUnavailable
from device.links.serial import SerialLink
try:
    asyncio.run(SerialLink.open(sys.argv[1]))
except LinkUnavailable as refused:
    print(refused.reason, refused, refused.hint, sep="|")
"""


@pytest.mark.asyncio
async def test_a_second_program_is_refused_with_the_reason(far, link):
    """A port in use is refused to another program, with a sentence and a way out."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", SECOND_PROGRAM, url_of(far)],
        capture_output=True,
        text=True,
        timeout=15,
        check=True,
    )
    reason, sentence, hint = done.stdout.strip().split("|")

    assert reason == LinkReason.IN_USE
    assert sentence == f"{far.end.link} is in use by another program"
    assert "fuser" in hint


@pytest.mark.asyncio
async def test_a_closed_port_can_be_opened_again(far, link):
    """Closing gives the port back."""
    await link.aclose()

    async with await SerialLink.open(url_of(far)):
        pass


@pytest.mark.asyncio
async def test_a_port_that_is_not_there_is_said_so(tmp_path):
    """No such port is NOT_FOUND, with its path in the sentence."""
    with pytest.raises(LinkUnavailable, match="usb-none is not there") as caught:
        await SerialLink.open(f"serial://{tmp_path}/usb-none")

    assert caught.value.reason is LinkReason.NOT_FOUND


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["file", "folder"])
async def test_something_else_than_a_port_is_said_so(tmp_path, kind):
    """A file or a folder is NOT_A_DEVICE."""
    path = tmp_path / kind
    path.write_bytes(b"") if kind == "file" else path.mkdir()

    with pytest.raises(LinkUnavailable) as caught:
        await SerialLink.open(f"serial://{path}")

    assert caught.value.reason is LinkReason.NOT_A_DEVICE


@pytest.mark.asyncio
async def test_a_forbidden_port_names_the_group(far, monkeypatch):
    """A port without permission is DENIED and names the group that has it."""
    real_open = os.open

    def forbidding(path, *rest, **named):
        if str(path) == str(far.end.link):
            raise PermissionError(13, "Permission denied")
        return real_open(path, *rest, **named)

    monkeypatch.setattr(os, "open", forbidding)
    with pytest.raises(LinkUnavailable) as caught:
        await SerialLink.open(url_of(far))

    assert caught.value.reason is LinkReason.DENIED
    assert caught.value.hint == "add the user to group dialout"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        (
            "serial:///dev/serial/by-id/usb-A#1?baud=921600",
            SerialAddress(path="/dev/serial/by-id/usb-A#1", baud=921_600),
        ),
        ("serial:///dev/ttyACM0", SerialAddress(path="/dev/ttyACM0", baud=115_200)),
        ("serial:///dev/my%20port", SerialAddress(path="/dev/my port", baud=115_200)),
    ],
)
def test_urls_are_read(url, address):
    """A URL gives the port's path and its baud rate."""
    assert address == SerialAddress.parse(url)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("serial:///dev/ttyACM0?speed=9600", "unknown setting 'speed'"),
        ("serial:///dev/ttyACM0?baud=fast", "baud is a whole number above 0, not 'fast'"),
        ("serial:///dev/ttyACM0?baud=0", "baud is a whole number above 0"),
        ("serial:///dev/ttyACM0?baud=²", "baud is a whole number above 0"),
        ("serial://dev/ttyACM0", "three slashes"),
        ("serial:", "three slashes"),
        ("ble://AM-07", "begins with serial:///dev/"),
    ],
)
def test_wrong_urls_are_explained(url, said):
    """Each fault of a URL is a sentence that quotes it."""
    with pytest.raises(ConfigInvalid, match=said):
        SerialAddress.parse(url)


@pytest.mark.asyncio
async def test_half_a_frame_left_by_another_program_is_cut_off(far, link):
    """The first frame after opening arrives, whatever a dead program left on the line."""
    async with asyncio.timeout(DEADLINE_S):
        far._decoder.feed(encode(frame(100))[:60])
        await link.send(frame(30))
        await link.send(frame(40, 1))
        got = [body for body in [await far.receive() for _ in range(3)] if body]

    assert [frame(30), frame(40, 1)] == got


@pytest.mark.asyncio
async def test_a_cancelled_send_does_not_spoil_the_next(far, link):
    """A deadline in the middle of a frame leaves half of it; the next frame still arrives."""
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(TimeoutError):
            await _send_until_the_line_is_full(link)
        arrived = asyncio.get_running_loop().create_task(_receive_until(far, frame(50)))
        await link.send(frame(50))

        assert frame(50) == await arrived


async def _send_until_the_line_is_full(link: SerialLink) -> None:
    async with asyncio.timeout(0.05):
        while True:  # nobody reads
            await link.send(frame(4000, 1))


async def _receive_until(far: PtyFar, wanted: bytes) -> bytes:
    while (got := await far.receive()) != wanted:
        pass
    return got


@pytest.mark.asyncio
@pytest.mark.parametrize("seed", range(4))
async def test_noise_never_ends_the_session(far, link, seed):
    """Boot messages, half frames and bytes at a wrong baud rate are damage, never the end."""
    chance = random.Random(seed)
    noise = b"".join(
        chance.choice(
            [
                boot_messages(seed, n),
                encode(frame(900))[: chance.randrange(1, 900)],
                chance.randbytes(chance.randrange(3000)).replace(b"\0", b"\xff"),
                b"\x00" * chance.randrange(50),
            ]
        )
        for n in range(30)
    )

    async with asyncio.timeout(DEADLINE_S):
        writing = asyncio.get_running_loop().create_task(far.write(noise + encode(frame(70))))
        while (got := await link.receive()) != frame(70):
            assert got == b""
        await writing

    assert frame(70) == got


@pytest.mark.asyncio
async def test_a_flood_that_nobody_takes_waits_in_the_kernel(far, link):
    """The queue is bounded: when it is full, the port is not read any more."""
    flood = encode(frame(64)) * 20_000

    async with asyncio.timeout(DEADLINE_S):
        sent = 0
        blocked = 0
        while blocked < 50:
            try:
                sent += os.write(far.end.master, flood[sent : sent + 4096])
                blocked = 0
            except BlockingIOError:
                blocked += 1
            await asyncio.sleep(0)
        got = [await link.receive() for _ in range(sent // len(encode(frame(64))))]

    assert sent < len(flood)
    assert {frame(64)} == set(got)
