"""The simulated Bota recorder: on a controller behind TCP, emptied by the shipped driver."""

import asyncio

import pytest

from device.clock import SystemClock
from device.drivers import Opening, open_driver
from device.errors import UsageInvalid
from device.simulate.bota import BotaOptions, simulate_bota
from tests.ble import quiet
from tests.ble.air import Air, virtual_device
from tests.ble.bleak_on_bumble import Radio, installed
from tests.ble.room import HOST_ADDRESS
from tests.device.drivers.conformance import digests, pull
from tests.device.simulate.test_on_hci import AUDIO, controller_behind_tcp, source

DEADLINE_S = 15.0
_ = source  # the fixture, by its name


@pytest.mark.asyncio
async def test_its_url_and_driver_lead_to_its_audio(source, tmp_path):
    """What it announces is enough to configure it; its audio arrives whole and is confirmed."""
    quiet.install()
    air = Air()
    central = virtual_device(air, "host", HOST_ADDRESS)
    await central.power_on()
    said: list[dict] = []
    ready = asyncio.Event()

    def announce(document):
        said.append(document)
        ready.set()

    async with asyncio.timeout(DEADLINE_S), controller_behind_tcp(air) as hci:
        options = BotaOptions(hci=hci, source=source, seed=7)
        running = asyncio.create_task(simulate_bota(options, announce))
        await ready.wait()
        with installed(Radio(central)):
            driver = await open_driver(
                said[0]["driver"],
                Opening(url=said[0]["url"], release="delete", clock=SystemClock(), cache=tmp_path),
            )
            (recording,) = (await driver.recordings()).recordings
            got = await pull(driver, recording, recording.media[0])
            await driver.release(recording.key, digests((got,)))
            left = await driver.recordings()
            await driver.aclose()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    await central.power_off()

    assert AUDIO == got
    assert left.recordings == ()
    assert said[0]["serial"] == "BOTA0007"


@pytest.mark.asyncio
async def test_recordings_without_audio_are_refused(tmp_path):
    """A folder of pictures is nothing that a Bota recorder could hold."""
    pictures = tmp_path / "recordings" / "one"
    pictures.mkdir(parents=True)
    (pictures / "1.jpg").write_bytes(b"\xff\xd8\xff\xd9")

    with pytest.raises(UsageInvalid, match="holds audio"):
        await simulate_bota(BotaOptions(hci="usb:99", source=pictures.parent), lambda _said: None)
