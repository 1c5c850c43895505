"""Looking around on a real BlueZ."""

import asyncio
import json
import sys

import pytest

from device.links.finding import ble_nearby
from tests.bluez.computer import BOTA_ADDRESS, NATIVE_ADDRESS, NATIVE_NAME
from tests.device.drivers.bota_rig import recorder
from tests.device.drivers.native_rig import usual_store

LISTEN_S = 4.0


@pytest.mark.asyncio
async def test_both_kinds_of_recorder_are_found(computer):
    """One scan merges advertisements and scan responses, and tells who each is."""
    async with computer.native(usual_store()), computer.bota(recorder(legacy_advertisement=True)):
        near = await ble_nearby(None, LISTEN_S)
    native, bota = sorted(near, key=lambda each: each.address)

    assert (NATIVE_ADDRESS, NATIVE_NAME, "native") == (native.address, native.name, native.driver)
    assert (BOTA_ADDRESS, "Bota Pin", "bota") == (bota.address, bota.name, bota.driver)
    assert (bota.firmware, bota.battery_percent) == ("1.0", 76)


@pytest.mark.asyncio
async def test_the_command_lists_them(computer):
    """`fieldpost scan --ble --json`, a process of its own, tells the same and ends well."""
    async with computer.native(usual_store()), computer.bota(recorder()):
        scan = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "device.cli.main", "scan", "--ble", "--json"),
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await scan.communicate()

    assert scan.returncode == 0
    assert {BOTA_ADDRESS, NATIVE_ADDRESS} <= {
        word.strip('"/,').removeprefix("ble://") for word in json.dumps(json.loads(said)).split()
    }
