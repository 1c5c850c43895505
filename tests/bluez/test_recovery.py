"""The steps that get a stuck BlueZ going again, on the real one."""

import contextlib
import logging

import pytest

from device.core.link.gatt_service import FROM_RECORDER, TO_RECORDER
from device.errors import LinkReason, LinkUnavailable
from device.links import bluetooth_place
from device.links import gatt as gatts
from device.links.gatt import Place, open_gatt
from device.links.radio import radio_of
from tests.bluez.computer import DEVICE, NATIVE_ADDRESS
from tests.bluez.pulling import NATIVE_URL
from tests.device.drivers.native_rig import usual_store

HERE = Place.parse(NATIVE_URL)


async def held_by_nobody(computer) -> None:
    """Leave a connection behind, as a program does that dies."""
    gatt = await open_gatt(HERE, TO_RECORDER, FROM_RECORDER)
    await gatt.aclose()
    ((path, _),) = await computer.bluez._devices(NATIVE_ADDRESS)
    await computer.bluez._ask(path, DEVICE, "Connect")


@pytest.mark.asyncio
async def test_a_connection_that_a_dead_program_left_is_no_obstacle(computer, monkeypatch):
    """It keeps the recorder from advertising, yet the second try at the latest succeeds."""
    monkeypatch.setattr(bluetooth_place, "SCAN_S", 3.0)
    async with computer.native(usual_store()) as recorder:
        await held_by_nobody(computer)
        held = len(recorder.connections)
        with contextlib.suppress(LinkUnavailable):
            gatt = await open_gatt(HERE, TO_RECORDER, FROM_RECORDER)
            await gatt.aclose()
        gatt = await open_gatt(HERE, TO_RECORDER, FROM_RECORDER)
        await gatt.aclose()

    assert held == 1


@pytest.mark.asyncio
async def test_every_step_is_taken(computer, caplog):
    """BlueZ does each thing asked of it, and the recorder is reached afterwards."""
    radio = radio_of(None)
    stuck = LinkUnavailable("no answer", reason=LinkReason.NO_ANSWER)
    async with computer.native(usual_store()):
        await held_by_nobody(computer)
        with caplog.at_level(logging.WARNING, "device.links.radio"):
            for _ in range(4):
                await radio.failed("recorder", NATIVE_ADDRESS, stuck)
        await computer.power(on=True)  # BlueZ answers a little before it tells that it is on
        gatt = await open_gatt(HERE, TO_RECORDER, FROM_RECORDER)
        await gatt.aclose()
    taken = [(each.rung, each.done) for each in caplog.records if hasattr(each, "done")]

    assert [
        ("operation", True),
        ("disconnect", True),
        ("forget", True),
        ("power-cycle", True),
    ] == taken, caplog.text


@pytest.mark.asyncio
async def test_a_recorder_that_went_silent_is_reached_when_it_is_back(computer, monkeypatch):
    """A connect given up in time leaves nothing behind that keeps the next one from succeeding."""
    monkeypatch.setattr(gatts, "CONNECT_S", 5.0)
    scan = gatts.scan
    async with computer.native(usual_store()) as recorder:

        async def scan_and_lose(place: Place):
            device = await scan(place)
            await recorder.stop_advertising()
            return device

        monkeypatch.setattr(gatts, "scan", scan_and_lose)
        with pytest.raises(LinkUnavailable) as caught:
            await open_gatt(HERE, TO_RECORDER, FROM_RECORDER)
        monkeypatch.setattr(gatts, "scan", scan)
        await recorder.start_advertising(auto_restart=True)
        gatt = await open_gatt(HERE, TO_RECORDER, FROM_RECORDER)
        await gatt.aclose()

    assert caught.value.reason is LinkReason.NO_ANSWER
