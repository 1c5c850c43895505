"""The simulated recorder on Bluetooth: on a controller behind TCP, pulled by the shipped driver."""

import asyncio
import contextlib
import socket
from types import SimpleNamespace

import pytest
from bumble.transport.tcp_server import open_tcp_server_transport_with_socket

from device.clock import SystemClock
from device.drivers import Opening, open_driver
from device.errors import LinkReason, LinkUnavailable, UsageInvalid
from device.simulate import on_hci
from device.simulate.on_hci import address_of
from device.simulate.recorder import SimulateOptions, simulate
from tests.ble import quiet
from tests.ble.air import Air, virtual_controller, virtual_device
from tests.ble.bleak_on_bumble import Radio, installed
from tests.ble.room import HOST_ADDRESS
from tests.device.drivers.conformance import digests, pull

DEADLINE_S = 10.0
AUDIO = bytes(range(256)) * 100


@pytest.fixture
def source(tmp_path):
    recording = tmp_path / "recordings" / "morning"
    recording.mkdir(parents=True)
    (recording / "audio.opus").write_bytes(AUDIO)
    return recording.parent


@contextlib.asynccontextmanager
async def controller_behind_tcp(air: Air):
    """A virtual controller on this air; yields Bumble's name of the way to it."""
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    transport = await open_tcp_server_transport_with_socket(sock)
    virtual_controller(
        air,
        "recorder",
        "00:00:00:00:00:00",
        host_source=transport.source,
        host_sink=transport.sink,
    )
    try:
        yield f"tcp-client:127.0.0.1:{port}"
    finally:
        transport.server.close()
        await transport.server.wait_closed()
        if transport.sink.transport is not None:
            transport.sink.transport.close()


@contextlib.asynccontextmanager
async def simulated(options: SimulateOptions):
    """Run a recorder; yields what it says, which begins with `ready`."""
    said: list[dict] = []
    spoken = asyncio.Event()

    def announce(document):
        said.append(document)
        spoken.set()

    async with asyncio.TaskGroup() as group:
        running = group.create_task(simulate(options, announce))
        await spoken.wait()
        try:
            yield said
        finally:
            running.cancel()


@pytest.mark.asyncio
async def test_a_recorder_on_any_controller_is_pulled_and_released(source, tmp_path):
    """Its url leads the driver to it over the radio; what it held arrives whole and goes."""
    quiet.install()
    air = Air()
    central = virtual_device(air, "host", HOST_ADDRESS)
    await central.power_on()
    async with asyncio.timeout(DEADLINE_S), controller_behind_tcp(air) as hci:
        options = SimulateOptions(source=source, seed=5, hci=hci)
        async with simulated(options) as said:
            with installed(Radio(central)):
                driver = await open_driver(
                    None,
                    Opening(
                        url=said[0]["url"], release="delete", clock=SystemClock(), cache=tmp_path
                    ),
                )
                info = await driver.info()
                (recording,) = (await driver.recordings()).recordings
                got = await pull(driver, recording, recording.media[0])
                await driver.release(recording.key, digests((got,)))
                await driver.aclose()
    await central.power_off()

    assert said[0]["url"] == f"ble://{address_of('SIM00005')}"
    assert info.serial == said[0]["serial"] == "SIM00005"
    assert AUDIO == got
    assert [each["event"] for each in said] == ["ready", "released"]


@pytest.mark.asyncio
async def test_with_pairing_only_paired_hosts_are_let_in(source, tmp_path):
    """The option reaches the characteristics: no bond, no recordings."""
    quiet.install()
    air = Air()
    central = virtual_device(air, "host", HOST_ADDRESS)
    await central.power_on()
    radio = Radio(central)
    async with asyncio.timeout(DEADLINE_S), controller_behind_tcp(air) as hci:
        options = SimulateOptions(source=source, hci=hci, pairing=True)
        async with simulated(options) as said:
            opening = Opening(
                url=said[0]["url"], release="keep", clock=SystemClock(), cache=tmp_path
            )
            with installed(radio):
                with pytest.raises(LinkUnavailable) as caught:
                    await open_driver(None, opening)
                radio.pair_on_connect = True
                driver = await open_driver(None, opening)
                listing = await driver.recordings()
                await driver.aclose()
    await central.power_off()

    assert caught.value.reason is LinkReason.NOT_PAIRED
    assert len(listing.recordings) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "hci",
    [
        "nonsense:1",
        "",
        "tcp-client:",
        "tcp-client:127.0.0.1:99999",
        "ws-client:x",
        "serial:/dev/none",
        "usb:99",
    ],
)
async def test_a_controller_that_is_not_there_is_said_so(source, hci):
    """What cannot be opened is named, with the way to write it."""
    options = SimulateOptions(source=source, hci=hci)
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(UsageInvalid, match="no Bluetooth controller can be opened") as caught:
            await simulate(options, lambda _: None)

    assert "usb:0" in caught.value.hint


@pytest.mark.asyncio
async def test_a_controller_that_does_not_answer_is_said_so(source, monkeypatch):
    """Something that opens and speaks no HCI is given up after its time."""
    monkeypatch.setattr("device.simulate.on_hci.START_S", 0.2)
    given_back = asyncio.Event()

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass
        writer.close()
        await writer.wait_closed()
        given_back.set()

    async with asyncio.timeout(DEADLINE_S):
        server = await asyncio.start_server(swallow, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        options = SimulateOptions(source=source, hci=f"tcp-client:127.0.0.1:{port}")
        with pytest.raises(UsageInvalid, match="does not answer as a Bluetooth controller"):
            await simulate(options, lambda _: None)
        await given_back.wait()
        server.close()
        await server.wait_closed()


@pytest.mark.asyncio
async def test_a_controller_that_breaks_is_gone_as_well():
    """Some of Bumble's transports end with an error; it is one sentence all the same."""
    terminated = asyncio.get_running_loop().create_future()
    transport = SimpleNamespace(source=SimpleNamespace(terminated=terminated))

    async def be() -> None:
        async with asyncio.timeout(DEADLINE_S), on_hci._while_there(transport, "pyusb:0"):
            terminated.set_exception(OSError(19, "No such device"))
            await asyncio.Event().wait()

    with pytest.raises(LinkUnavailable, match="the Bluetooth controller 'pyusb:0' went away"):
        await be()


@pytest.mark.asyncio
async def test_who_is_cancelled_was_not_left_by_the_controller():
    """A cancellation from outside stays one, even where the controller goes at the same time."""
    terminated = asyncio.get_running_loop().create_future()
    transport = SimpleNamespace(source=SimpleNamespace(terminated=terminated))

    async def be() -> None:
        async with on_hci._while_there(transport, "usb:0"):
            await asyncio.Event().wait()

    being = asyncio.create_task(be())
    await asyncio.sleep(0)
    terminated.set_result(None)
    await asyncio.sleep(0)
    being.cancel()
    with pytest.raises(asyncio.CancelledError):
        await being
