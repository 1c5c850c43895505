"""Tokens and settings of Bota recorders on a real BlueZ."""

import logging

import pytest

from device.clock import SystemClock
from device.core.bota_ble.settings import Way
from device.drivers.bota_errand import errand
from device.drivers.bota_provision import provision
from device.drivers.bota_settings import change_settings, read_settings
from device.links.bluetooth_place import Place
from tests.bluez.pulling import BOTA_URL
from tests.device.drivers.bota_rig import SERIAL, recorder

# Longer than one chunk, whatever the MTU is.
TOKEN = "dtok_" + "0123456789abcdef" * 64


@pytest.mark.asyncio
async def test_a_recorder_is_given_its_token(computer, caplog):
    """It has the token whole afterwards, and no line of the debugged libraries has any of it."""
    caplog.set_level(logging.DEBUG)
    source = recorder()
    async with computer.bota(source), errand(Place.parse(BOTA_URL), SystemClock()) as session:
        done = await provision(session, TOKEN)

    assert (done.serial, done.clock_set) == (SERIAL, True)
    assert source.owner.token == TOKEN
    assert [line for line in caplog.messages if line.startswith("Read Characteristic")]
    assert [line for line in caplog.messages if TOKEN[5:15] in line] == []


@pytest.mark.asyncio
async def test_settings_are_changed_and_read_back(computer):
    """What is written is what the recorder then holds."""
    source = recorder()
    async with computer.bota(source), errand(Place.parse(BOTA_URL), SystemClock()) as session:
        await change_settings(session, {"preference": (Way.BLE,), "flush_s": 30})
        held = await read_settings(session)

    assert (held.settings.preference, held.settings.flush_s) == ((Way.BLE,), 30)
    assert source.owner.settings.hex() == "02030200001212011e830000"
