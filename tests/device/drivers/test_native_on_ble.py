"""The native driver over Bluetooth LE: its contract, and pulls through drops, cuts and new MTUs."""

import asyncio
import contextlib

import pytest
import pytest_asyncio

from device.clock import SystemClock
from device.drivers import Opening, open_driver
from device.errors import LinkLost, LinkReason, LinkUnavailable
from tests.ble.room import NAME, URL, Room, room
from tests.device.drivers.conformance import DriverConformance, Held, pull
from tests.device.drivers.native_rig import FakeStore, Recorder, hasten, keyed, usual_store

DEADLINE_S = 15.0
CONTENT = bytes(i * i % 251 for i in range(40_000))


@contextlib.asynccontextmanager
async def recording_room(store: FakeStore, **options):
    """A room in which the recorder holds something and answers."""
    async with room(**options) as there, asyncio.TaskGroup() as group:
        recorder = Recorder(store, max_frame_bytes=4096)
        recorder.line = there.recorder
        group.create_task(recorder.run(), name="recorder")
        try:
            yield there
        finally:
            await there.recorder.aclose()


async def opened(tmp_path, url: str = URL):
    return await open_driver(
        None, Opening(url=url, release="delete", clock=SystemClock(), cache=tmp_path)
    )


def one_recording() -> FakeStore:
    return FakeStore({(b"A" * 16, 1): (CONTENT,)})


async def pull_through(tmp_path, there: Room) -> tuple[bytes, int]:
    """Pull the one medium and connect again after each loss; also count the connections."""
    driver = await opened(tmp_path)
    recording = (await driver.recordings()).recordings[0]
    await driver.aclose()
    got = bytearray()
    there.air.cut_every(10)
    for connections in range(1, 100):
        try:
            driver = await opened(tmp_path)
            async for chunk in driver.read(recording, recording.media[0], len(got)):
                got += chunk
        except (LinkLost, LinkUnavailable):
            pass
        else:
            return bytes(got), connections
        finally:
            await driver.aclose()
    raise AssertionError(f"{len(got)} bytes after 100 connections")


class TestNativeDriverOnBle(DriverConformance):
    @pytest_asyncio.fixture(params=[247, 517])
    async def held(self, request, tmp_path):
        store = usual_store()
        async with recording_room(store, mtu=request.param):
            driver = await opened(tmp_path)
            yield Held(driver=driver, contents=keyed(store))
            await driver.aclose()


@pytest.mark.asyncio
async def test_the_smallest_mtu_carries_a_pull(tmp_path):
    """Values of 20 bytes, as every device supports, bring a recording home whole."""
    async with asyncio.timeout(DEADLINE_S), recording_room(one_recording(), mtu=23) as there:
        driver = await opened(tmp_path)
        recording = (await driver.recordings()).recordings[0]
        got = await pull(driver, recording, recording.media[0])
        await driver.aclose()

    assert CONTENT == got
    assert there.radio.mtus == [23]


@pytest.mark.asyncio
@pytest.mark.parametrize("mtu", [23, 247, 517])
async def test_twelve_lost_notifications_cost_no_byte(tmp_path, monkeypatch, mtu):
    """Notifications that the host's stack drops, twelve in a row, are noticed and read again."""
    hasten(monkeypatch)
    async with asyncio.timeout(DEADLINE_S), recording_room(one_recording(), mtu=mtu) as there:
        driver = await opened(tmp_path)
        recording = (await driver.recordings()).recordings[0]
        got = bytearray()
        async for chunk in driver.read(recording, recording.media[0], 0):
            if not got:
                there.radio.lose_notifications = 12
            got += chunk
        await driver.aclose()

    assert there.radio.lose_notifications == 0
    assert CONTENT == got


@pytest.mark.asyncio
@pytest.mark.parametrize("mtu", [247, 517])
async def test_a_disconnect_at_every_tenth_notification_loses_nothing(tmp_path, mtu):
    """A pull goes on from its last byte through one cut after another."""
    async with asyncio.timeout(DEADLINE_S), recording_room(one_recording(), mtu=mtu) as there:
        got, connections = await pull_through(tmp_path, there)

    assert CONTENT == got
    assert connections > 5


@pytest.mark.asyncio
async def test_a_reconnect_may_bring_another_mtu(tmp_path):
    """After a cut the connection carries less at once, and the pull goes on."""
    async with asyncio.timeout(DEADLINE_S), recording_room(one_recording(), mtu=517) as there:
        driver = await opened(tmp_path)
        recording = (await driver.recordings()).recordings[0]
        got = bytearray()
        with contextlib.suppress(LinkLost):
            async for chunk in driver.read(recording, recording.media[0], 0):
                got += chunk
                there.air.cut()
        held = len(got)
        await driver.aclose()
        there.device.gatt_server.max_mtu = 64
        driver = await opened(tmp_path)
        got += await pull(driver, recording, recording.media[0], held)
        await driver.aclose()

    assert 0 < held < len(CONTENT)
    assert CONTENT == got
    assert there.radio.mtus == [517, 64]


@pytest.mark.asyncio
async def test_a_recorder_is_found_by_its_name(tmp_path):
    """The advertised name leads to it, though the first advertisement comes without one."""
    async with asyncio.timeout(DEADLINE_S), recording_room(one_recording()):
        driver = await opened(tmp_path, f"ble://{NAME}")
        info = await driver.info()
        await driver.aclose()

    assert info.serial == "FP0001"


@pytest.mark.asyncio
async def test_a_silent_recorder_is_unavailable(tmp_path, monkeypatch):
    """A device that has the service and never answers is given up with a reason."""
    hasten(monkeypatch)
    async with asyncio.timeout(DEADLINE_S), room():
        with pytest.raises(LinkUnavailable) as caught:
            await opened(tmp_path)

    assert caught.value.reason is LinkReason.NO_ANSWER
