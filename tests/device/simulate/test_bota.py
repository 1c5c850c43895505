"""The simulated Bota recorder: on a controller behind TCP, emptied by the shipped driver."""

import asyncio
import hashlib
import signal

import pytest

from device.clock import SystemClock
from device.core.bota_ble.recorder import BotaRecorder
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


async def emptied(source, tmp_path):
    """Run one until a host has emptied it; return what it said, what came over, what was left."""
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
        signal.raise_signal(signal.SIGTERM)
        await running
    await central.power_off()
    return said, got, left.recordings


@pytest.mark.asyncio
async def test_its_url_and_driver_lead_to_its_audio(source, tmp_path):
    """What it announces is enough to configure it; its audio arrives whole and is confirmed."""
    said, got, left = await emptied(source, tmp_path)

    assert AUDIO == got
    assert left == ()
    assert said[0]["serial"] == "BOTA0007"


@pytest.mark.asyncio
async def test_it_tells_digests_first_and_what_it_sent_last(source, tmp_path):
    """Whoever starts it can compare every byte, and learns what is left and was read twice."""
    said, _, _ = await emptied(source, tmp_path)
    ((recording,), end) = said[0]["recordings"], said[-1]

    assert recording["media"] == [
        {
            "name": f"{recording['id']}.ogg",
            "bytes": len(AUDIO),
            "sha256": hashlib.sha256(AUDIO).hexdigest(),
        }
    ]
    assert end == {
        "schema": 1,
        "event": "end",
        "held": [],
        "sent_bytes": len(AUDIO),
        "reread_bytes": {recording["id"]: 0},
    }


@pytest.mark.asyncio
async def test_recordings_without_audio_are_refused(tmp_path):
    """A folder of pictures is nothing that a Bota recorder could hold."""
    pictures = tmp_path / "recordings" / "one"
    pictures.mkdir(parents=True)
    (pictures / "1.jpg").write_bytes(b"\xff\xd8\xff\xd9")

    with pytest.raises(UsageInvalid, match="holds audio"):
        await simulate_bota(BotaOptions(hci="usb:99", source=pictures.parent), lambda _said: None)


@pytest.mark.asyncio
async def test_a_recording_is_made_second_by_second(source, tmp_path, monkeypatch):
    """With `live_s` its last recording grows, is announced as it will be, and ends by itself."""
    grown: list[int] = []
    real = BotaRecorder.grow

    def grow(recorder, file_id, more):
        real(recorder, file_id, more)
        grown.append(len(recorder.files[file_id].content))

    monkeypatch.setattr(BotaRecorder, "grow", grow)
    finished = asyncio.Event()
    monkeypatch.setattr(
        BotaRecorder, "finish", lambda recorder, *_: (grown.append(-1), finished.set())
    )
    monkeypatch.setattr("device.simulate.bota.asyncio.sleep", _at_once)
    said: list[dict] = []
    quiet.install()
    async with asyncio.timeout(DEADLINE_S), controller_behind_tcp(Air()) as hci:
        options = BotaOptions(hci=hci, source=source, seed=7, live_s=4)
        running = asyncio.create_task(simulate_bota(options, said.append))
        await finished.wait()
        signal.raise_signal(signal.SIGTERM)
        await running

    whole = len(AUDIO)
    assert [whole // 4, whole // 2, whole * 3 // 4, -1] == grown
    assert whole == said[0]["recordings"][0]["media"][0]["bytes"]


_yield = asyncio.sleep


async def _at_once(_seconds):
    await _yield(0)
