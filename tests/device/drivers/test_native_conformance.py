"""The native driver keeps the Driver contract, on a clean line and on bad ones."""

import asyncio

import pytest
import pytest_asyncio

from device.clock import SystemClock
from device.drivers.native import open_on
from tests.device.drivers.conformance import DriverConformance, Held
from tests.device.drivers.native_rig import BadLine, Recorder, keyed, usual_store


async def opened(recorder: Recorder):
    running = asyncio.create_task(recorder.run(), name="recorder")
    driver = await open_on(recorder.host, SystemClock(), release="delete")
    return running, driver


class TestNativeDriver(DriverConformance):
    @pytest_asyncio.fixture(params=["clean", "small frames", "noisy", "can be told"])
    async def held(self, request: pytest.FixtureRequest):
        store = usual_store()
        match request.param:
            case "clean":
                recorder = Recorder(store)
            case "small frames":
                recorder = Recorder(store, max_frame_bytes=240)
            case "can be told":
                recorder = Recorder(store, records=True)
            case _:
                recorder = Recorder(store, tamper=BadLine(5, flip=2e-5, drop=1e-5))
        running, driver = await opened(recorder)
        yield Held(driver=driver, contents=keyed(store))
        await driver.aclose()
        await running
