"""The scripted driver keeps the Driver contract, so the tests of the loops mean something."""

import random

import pytest_asyncio

from tests.device.drivers.conformance import DriverConformance, Held
from tests.fakes.scripted_driver import ScriptedDriver, key

CONTENTS = {
    key(1): (random.Random(1).randbytes(150_000), random.Random(2).randbytes(9_000)),
    key(2): (random.Random(3).randbytes(5_000),),
}


class TestScriptedDriver(DriverConformance):
    @pytest_asyncio.fixture(params=[False, True], ids=["reads", "records"])
    async def held(self, request):
        driver = ScriptedDriver(dict(CONTENTS), records=request.param)
        yield Held(driver=driver, contents=CONTENTS)
