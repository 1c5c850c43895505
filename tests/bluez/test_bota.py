"""The Bota driver on a real BlueZ."""

import pytest

from tests.bluez.pulling import BOTA_URL, opened, pull_through
from tests.device.drivers.bota_rig import LONG, SHORT_ID, pull, recorder
from tests.device.drivers.conformance import digests


@pytest.mark.asyncio
async def test_a_recording_comes_home_and_is_released(computer, tmp_path):
    """It is listed, pulled whole, and confirmed, which deletes it from the recorder."""
    source = recorder()
    async with computer.bota(source):
        driver = await opened(tmp_path, BOTA_URL)
        (recording, *_) = (await driver.recordings()).recordings
        got = await pull(driver)
        await driver.release(recording.key, digests((got,)))
        await driver.aclose()

    assert got == LONG
    assert set(source.files) == {SHORT_ID}


@pytest.mark.asyncio
async def test_a_cut_loses_nothing(computer, tmp_path):
    """A connection that the distance ends in mid-pull is made again, and the pull goes on."""

    async def cut() -> None:
        computer.air.cut()

    async with computer.bota(recorder()):
        got, before, problems = await pull_through(tmp_path, cut, BOTA_URL)

    assert got == LONG
    assert 0 < before < len(LONG)
    assert problems
