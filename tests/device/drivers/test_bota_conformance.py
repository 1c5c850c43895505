"""The Bota driver keeps the Driver contract, on a clean radio and on bad ones."""

import asyncio

import pytest
import pytest_asyncio

from device.clock import SystemClock
from device.drivers.bota import open_on
from tests.device.drivers.bota_rig import NOWHERE, MemoryGatt, hasten, keyed, recorder
from tests.device.drivers.conformance import DriverConformance, Held


class TestBotaDriver(DriverConformance):
    @pytest_asyncio.fixture(params=["clean", "small packets", "lossy"])
    async def held(self, request: pytest.FixtureRequest, monkeypatch):
        hasten(monkeypatch)
        mtu_bytes = 247
        match request.param:
            case "clean":
                source = recorder()
            case "small packets":
                source, mtu_bytes = recorder(), 100
            case _:
                source = recorder(
                    dropped=frozenset(range(30, 9000, 700)), doubled=frozenset(range(0, 9000, 13))
                )
        contents = keyed(source)
        gatt = MemoryGatt(source, mtu_bytes)
        radio = asyncio.create_task(gatt.run(), name="radio")
        driver = await open_on(gatt, SystemClock(), release="delete", cache=NOWHERE)
        yield Held(driver=driver, contents=contents)
        await driver.aclose()
        await radio
