"""What a real BlueZ says when it cannot, and which sentence of ours that becomes."""

import asyncio
import struct
from pathlib import Path

import pytest

from device.errors import LinkReason, LinkUnavailable
from device.links import bluetooth_place
from device.links.bluez import Objects
from device.links.finding import ble_nearby
from tests.bluez.computer import ADAPTER, adapters
from tests.bluez.pulling import opened
from tests.device.drivers.native_rig import usual_store

_BLUETOOTH, _CHANGE_ALL = 2, 3


async def refusals(tmp_path) -> list[LinkUnavailable]:
    """Open a recorder and look around; both must fail."""
    with pytest.raises(LinkUnavailable) as opening:
        await opened(tmp_path)
    with pytest.raises(LinkUnavailable) as looking:
        await ble_nearby(None, 1.0)
    return [opening.value, looking.value]


def block(*, on: bool) -> None:
    """Do as `rfkill block bluetooth` and `rfkill unblock bluetooth`."""
    Path("/dev/rfkill").write_bytes(struct.pack("=IBBBB", 0, _BLUETOOTH, _CHANGE_ALL, on, 0))


def switched_off(objects: Objects) -> bool:
    """Whether BlueZ knows by now that no adapter is on."""
    return not any(objects[path][ADAPTER]["Powered"] for path in adapters(objects))


@pytest.mark.asyncio
async def test_an_adapter_that_is_switched_off_is_said_so(computer, tmp_path):
    """Powered off is its own reason."""
    async with computer.native(usual_store()):
        await computer.power(on=False)
        got = await refusals(tmp_path)

    assert [LinkReason.POWERED_OFF] * 2 == [each.reason for each in got], got


@pytest.mark.asyncio
async def test_a_blocked_adapter_is_said_so(computer, tmp_path):
    """What rfkill blocks is not merely switched off: the way out is another."""
    async with computer.native(usual_store()):
        block(on=True)
        try:
            await computer.until(switched_off)
            got = await refusals(tmp_path)
        finally:
            block(on=False)

    assert [LinkReason.BLOCKED] * 2 == [each.reason for each in got], got


@pytest.mark.asyncio
async def test_no_adapter_is_said_so(computer, tmp_path):
    """Pulled out is no adapter."""
    await computer.unplug()
    got = await refusals(tmp_path)

    assert [LinkReason.NO_ADAPTER] * 2 == [each.reason for each in got], got


@pytest.mark.asyncio
async def test_another_adapters_name_is_said_so(computer):
    """An adapter that is named and not there is no adapter, either."""
    with pytest.raises(LinkUnavailable) as caught:
        await ble_nearby("hci7", 1.0)

    assert caught.value.reason is LinkReason.NO_ADAPTER


@pytest.mark.asyncio
async def test_a_stopped_service_is_said_so(computer, tmp_path):
    """Without bluetoothd the service is what to start."""
    await asyncio.to_thread(computer.daemon.stop)
    try:
        got = await refusals(tmp_path)
    finally:
        computer.daemon.start()
        await computer.power(on=True)

    assert ["does not run" in str(each) for each in got] == [True, True], got


@pytest.mark.asyncio
async def test_a_recorder_that_is_away_is_said_so(computer, tmp_path, monkeypatch):
    """Nothing of that address in the air is NOT_FOUND."""
    monkeypatch.setattr(bluetooth_place, "SCAN_S", 2.0)
    with pytest.raises(LinkUnavailable) as caught:
        await opened(tmp_path)

    assert caught.value.reason is LinkReason.NOT_FOUND
