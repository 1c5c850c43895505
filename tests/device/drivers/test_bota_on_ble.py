"""The Bota driver over a real ATT: bleak, a virtual radio, and the simulated recorder behind it."""

import asyncio
import contextlib
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest
import pytest_asyncio

from device.clock import SystemClock
from device.core.bota_ble import gathering, transfer
from device.core.bota_ble.recorder import BotaRecorder
from device.drivers import Opening, open_driver
from device.errors import ConfigInvalid, LinkLost, LinkReason, LinkUnavailable, RecorderBusy
from device.links import radio as radios
from device.simulate.bota_gatt import bota_on
from tests.ble import quiet
from tests.ble.air import Air, virtual_device
from tests.ble.bleak_on_bumble import Radio, installed
from tests.ble.room import HOST_ADDRESS, RECORDER_ADDRESS, URL, room
from tests.device.drivers.bota_rig import (
    LONG,
    LONG_ID,
    SHORT,
    SHORT_ID,
    hasten,
    keyed,
    pull,
    recorder,
)
from tests.device.drivers.conformance import DriverConformance, Held, digests

DEADLINE_S = 15.0


@asynccontextmanager
async def bota_room(source: BotaRecorder, mtu: int = 247):
    """Switch a Bota recorder and a host on; both go off with the block."""
    quiet.install()
    air = Air(None)
    device = virtual_device(air, "recorder", RECORDER_ADDRESS)
    device.gatt_server.max_mtu = mtu
    central = virtual_device(air, "host", HOST_ADDRESS)
    loop = asyncio.get_running_loop()
    # No real stack is touched by a failure here.
    radios._RADIOS.setdefault(loop, {})[None] = radios.Radio(None, None, loop.time)
    async with AsyncExitStack() as undo:
        await central.power_on()
        undo.push_async_callback(central.power_off)
        await undo.enter_async_context(bota_on(device, source))
        radio = Radio(central)
        undo.enter_context(installed(radio))
        yield device, radio


async def opened(tmp_path, release: str = "delete", url: str = URL, *, live: bool = False):
    return await open_driver(
        "bota", Opening(url=url, release=release, clock=SystemClock(), cache=tmp_path, live=live)
    )


@pytest.fixture(autouse=True)
def _hasten(monkeypatch):
    hasten(monkeypatch)
    # A virtual radio takes its time where the machine is busy.
    monkeypatch.setattr(gathering, "PATIENCE_S", 1.0)
    monkeypatch.setattr(transfer, "PACKET_S", 1.0)


class TestBotaDriverOnBle(DriverConformance):
    @pytest_asyncio.fixture
    async def held(self, tmp_path):
        source = recorder()
        contents = keyed(source)
        async with bota_room(source, 512):
            driver = await opened(tmp_path)
            yield Held(driver=driver, contents=contents)
            await driver.aclose()


@pytest.mark.asyncio
async def test_faults_of_the_radio_and_of_the_recorder_lose_nothing(tmp_path):
    """Twelve notifications lost in a row, repeats and a wrong checksum cost replays, no bytes."""
    source = recorder(
        dropped=frozenset(range(100, 112)), doubled=frozenset({7}), flipped_checksums=1
    )
    async with asyncio.timeout(DEADLINE_S), bota_room(source):
        driver = await opened(tmp_path)
        content = await pull(driver)
        await driver.release((await driver.recordings()).recordings[0].key, digests((LONG,)))
        await driver.aclose()

    assert content == LONG
    assert set(source.files) == {SHORT_ID}


@pytest.mark.asyncio
async def test_a_cut_and_another_mtu_lose_nothing(tmp_path):
    """What was held before the cut is compared with packets of another size, and continued."""
    source = recorder(cuts=frozenset({200}))
    got = bytearray()
    async with asyncio.timeout(DEADLINE_S), bota_room(source) as (device, radio):
        driver = await opened(tmp_path)
        (recording, *_) = (await driver.recordings()).recordings
        reading = driver.read(recording, recording.media[0], 0)
        with contextlib.suppress(LinkLost):
            while True:
                got += await anext(reading)
        await driver.aclose()
        device.gatt_server.max_mtu = 100
        held = len(got)
        driver = await opened(tmp_path)
        hashes = await driver.block_hashes(recording, recording.media[0], held)
        async for chunk in driver.read(recording, recording.media[0], held):
            got += chunk
        await driver.aclose()

    assert 0 < held < len(LONG)
    assert len(hashes.hashes) == held // hashes.block_bytes
    assert bytes(got) == LONG
    assert radio.mtus == [247, 100]


@pytest.mark.asyncio
async def test_a_status_that_the_recorder_refuses_is_not_the_end_of_the_line(tmp_path):
    """An ATT error on a connection that lives leaves the recordings to the recorder."""
    source = recorder()
    async with asyncio.timeout(DEADLINE_S), bota_room(source):
        driver = await opened(tmp_path)
        source.switches = replace(source.switches, status_unreadable=True)
        with pytest.raises(RecorderBusy):
            await driver.recordings()
        source.switches = replace(source.switches, status_unreadable=False)
        listing = await driver.recordings()
        await driver.aclose()

    assert len(listing.recordings) == 2


@pytest.mark.asyncio
async def test_a_live_recording_is_pulled_once_it_is_finished(tmp_path):
    """While it is being made it is noted; afterwards it comes whole, its tail included."""
    source = recorder()
    source.files[SHORT_ID] = replace(source.files[SHORT_ID], live=True)
    async with asyncio.timeout(DEADLINE_S), bota_room(source):
        driver = await opened(tmp_path)
        during = await driver.recordings()
        source.finish(SHORT_ID, b"tail")
        content = await pull(driver, SHORT_ID)
        await driver.aclose()

    assert [r.key.recording for r in during.recordings] == [LONG_ID.hex()]
    assert content == SHORT + b"tail"


@pytest.mark.asyncio
async def test_a_live_recording_is_pulled_while_it_is_made(tmp_path):
    """Where that is asked for it comes through its pauses, and its tail is the last of it."""
    source = recorder()
    source.files[SHORT_ID] = replace(source.files[SHORT_ID], live=True)
    got = bytearray()
    async with asyncio.timeout(DEADLINE_S), bota_room(source):
        driver = await opened(tmp_path, live=True)
        recording = (await driver.recordings()).recordings[-1]
        async for chunk in driver.read(recording, recording.media[0], 0):
            got += chunk
            if bytes(got) == SHORT:
                source.finish(SHORT_ID, b"tail")
        await driver.release(recording.key, digests((SHORT + b"tail",)))
        await driver.aclose()

    assert bytes(got) == SHORT + b"tail"
    assert set(source.files) == {LONG_ID}


@pytest.mark.asyncio
async def test_a_device_of_another_kind_is_no_bota_recorder(tmp_path):
    """A recorder that speaks something else is refused with its reason, whatever its name."""
    async with asyncio.timeout(DEADLINE_S), room():
        with pytest.raises(LinkUnavailable) as caught:
            await opened(tmp_path)

    assert caught.value.reason is LinkReason.NOT_A_DEVICE


@pytest.mark.asyncio
async def test_it_deletes_or_keeps_and_nothing_else(tmp_path):
    """An archive is for folders."""
    with pytest.raises(ConfigInvalid):
        await opened(tmp_path, release="archive:/tmp/x")


@pytest.mark.asyncio
async def test_a_recorder_that_goes_while_it_is_greeted_is_unavailable(tmp_path):
    """Half a greeting is no open recorder."""
    source = recorder()
    async with asyncio.timeout(DEADLINE_S), bota_room(source) as (device, _):
        leaving: list[asyncio.Task] = []

        def leave(characteristic: str) -> bytes:
            (connection,) = device.connections.values()
            leaving.append(asyncio.create_task(connection.disconnect()))
            return b"ABCDEF1234"

        source.read = leave
        with pytest.raises(LinkUnavailable):
            await opened(tmp_path)
