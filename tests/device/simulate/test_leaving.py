"""Every simulated recorder ends: its controller goes, a signal comes, or nothing ever answers."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from bumble.hci import HCI_ErrorCode

from device.errors import LinkReason, LinkUnavailable
from device.simulate.bota import BotaOptions, simulate_bota
from device.simulate.recorder import SimulateOptions, simulate
from tests.ble import quiet
from tests.ble.air import Air, virtual_device
from tests.ble.bleak_on_bumble import Radio, installed
from tests.ble.room import HOST_ADDRESS
from tests.device.simulate.test_on_hci import controller_behind_tcp, source

DEADLINE_S = 15.0
END_S = 4.0
"""Twice what is promised: the machine may be busy."""

_ = source  # the fixture, by its name
BOTH = pytest.mark.parametrize("kind", ["recorder", "bota"])

pytestmark = pytest.mark.asyncio


def being(kind: str, hci: str, source, announce):
    if kind == "bota":
        return simulate_bota(BotaOptions(hci=hci, source=source), announce)
    return simulate(SimulateOptions(hci=hci, source=source), announce)


class Relay:
    """A controller behind TCP whose cable can be pulled."""

    def __init__(self, hci: str) -> None:
        _, host, port = hci.split(":")
        self._to = (host, int(port))
        self._writers: list[asyncio.StreamWriter] = []

    @asynccontextmanager
    async def open(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield f"tcp-client:127.0.0.1:{server.sockets[0].getsockname()[1]}"
            await self.pull()

    async def _serve(self, reader, writer) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._to)
        self._writers += [writer, far_writer]
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pass_on(reader, far_writer))
            group.create_task(self._pass_on(far_reader, writer))

    async def _pass_on(self, reader, writer) -> None:
        while data := await reader.read(4096):
            writer.write(data)
        writer.close()

    async def pull(self) -> None:
        for writer in self._writers:
            writer.close()
        self._writers.clear()


@BOTH
@pytest.mark.parametrize("connected", [False, True], ids=["alone", "connected"])
async def test_a_controller_that_goes_ends_it_with_a_sentence(source, kind, connected):
    """Unplugged while it advertises or serves a host: it says so, soon, and hangs nowhere."""
    quiet.install()
    air = Air()
    central = virtual_device(air, "host", HOST_ADDRESS)
    await central.power_on()
    ready = asyncio.Event()
    async with asyncio.timeout(DEADLINE_S), controller_behind_tcp(air) as far:
        relay = Relay(far)
        async with relay.open() as hci:
            running = asyncio.create_task(being(kind, hci, source, lambda _: ready.set()))
            await ready.wait()
            with installed(Radio(central)):
                if connected:
                    (advertiser,) = air.controllers - {central.host.hci_sink.sink}
                    await central.connect(advertiser.random_address)
                begun_s = time.monotonic()
                await relay.pull()
                with pytest.raises(LinkUnavailable, match="went away") as caught:
                    await running
                took_s = time.monotonic() - begun_s
        air.cut()
    await central.power_off()

    assert caught.value.reason is LinkReason.NO_ADAPTER
    assert took_s < END_S


PROGRAM = """
import sys
from device.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@asynccontextmanager
async def started(*arguments: str):
    """Run a simulated recorder as its users do."""
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, "simulate", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONWARNINGS": "default"},
    )  # fmt: skip
    try:
        yield program
    finally:
        if program.returncode is None:
            program.kill()
        await program.wait()


async def ended(program, number: int) -> tuple[float, list[dict], str]:
    """Send a signal; return how long it took, what was said from now on, and what complained."""
    begun_s = time.monotonic()
    program.send_signal(number)
    out, err = await program.communicate()
    took_s = time.monotonic() - begun_s
    return took_s, [json.loads(line) for line in out.splitlines()], err.decode()


@BOTH
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_one_that_advertises(source, kind, number):
    """The last document is told, and the exit is a good one."""
    async with (
        asyncio.timeout(DEADLINE_S),
        controller_behind_tcp(Air()) as hci,
        started(kind, "--ble", hci, "--from", str(source)) as program,
    ):
        await program.stdout.readline()
        took_s, said, err = await ended(program, number)

    assert took_s < END_S
    assert [each["event"] for each in said] == ["end"]
    assert (program.returncode, err) == (0, "")


@BOTH
async def test_a_signal_ends_one_that_serves_a_host(source, kind):
    """The host is told that it leaves."""
    quiet.install()
    air = Air()
    central = virtual_device(air, "host", HOST_ADDRESS)
    await central.power_on()
    async with (
        asyncio.timeout(DEADLINE_S),
        controller_behind_tcp(air) as hci,
        started(kind, "--ble", hci, "--from", str(source)) as program,
    ):
        ready = json.loads(await program.stdout.readline())
        connection = await central.connect(ready["url"].removeprefix("ble://"))
        left = asyncio.get_running_loop().create_future()
        connection.once("disconnection", left.set_result)
        took_s, _, err = await ended(program, signal.SIGTERM)
        reason = await left
    await central.power_off()

    assert took_s < END_S
    assert (program.returncode, err) == (0, "")
    assert reason == HCI_ErrorCode.REMOTE_USER_TERMINATED_CONNECTION_ERROR


async def test_a_signal_ends_one_whose_controller_never_answers(source):
    """It does not wait for the end of its patience."""
    async with asyncio.timeout(DEADLINE_S):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            hci = f"tcp-client:127.0.0.1:{listening.getsockname()[1]}"
            async with started("bota", "--ble", hci, "--from", str(source)) as program:
                accepted, _ = await asyncio.to_thread(listening.accept)
                with accepted:
                    await asyncio.to_thread(accepted.recv, 1)
                    took_s, _, err = await ended(program, signal.SIGTERM)

    assert took_s < END_S
    assert "Traceback" not in err


async def test_a_signal_ends_one_that_still_makes_up_its_recordings():
    """Thousands of recordings to make are no reason to stay."""
    async with asyncio.timeout(DEADLINE_S):
        async with started("recorder", "--recordings", "5000") as program:
            await asyncio.to_thread(working_hard, program.pid)
            took_s, said, _ = await ended(program, signal.SIGTERM)

    assert took_s < END_S
    assert said == []


def working_hard(pid: int) -> None:
    """Wait until the process has a second thread, the one that makes up recordings."""
    process = Path(f"/proc/{pid}")
    while len(list((process / "task").iterdir())) == 1 or not handles_sigterm(process):
        os.sched_yield()


def handles_sigterm(process: Path) -> bool:
    lines = (process / "status").read_text().splitlines()
    caught = next(line for line in lines if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


async def test_a_vanished_controller_is_an_exit_code_and_a_hint(source):
    """What a service manager sees, and what a person reads."""
    async with asyncio.timeout(DEADLINE_S), controller_behind_tcp(Air()) as far:
        relay = Relay(far)
        async with (
            relay.open() as hci,
            started("bota", "--ble", hci, "--from", str(source)) as program,
        ):
            await program.stdout.readline()
            await relay.pull()
            out, err = await program.communicate()

    assert program.returncode == 69
    assert out == b""
    assert err.decode().splitlines() == [
        f"fieldpost: the Bluetooth controller '{hci}' went away",
        "  try: plug it in again, then start the recorder again",
    ]
