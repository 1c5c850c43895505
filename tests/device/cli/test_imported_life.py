"""What becomes of an imported recording on a box that never saw its recorder."""

import asyncio
from dataclasses import replace

import pytest

from device.clock import SystemClock
from device.config import SpoolConfig
from device.spool.spool import Spool
from tests.device.cli.daemon import Place
from tests.device.spool.recordings import recording, sealed
from tests.fakes.bota_api import BotaDouble


def box_with_a_recording(path) -> str:
    spool = Spool.open(SpoolConfig(path=path, min_free_bytes=0), SystemClock())
    try:
        whole = recording("01" * 16)
        audio, image = whole.media
        media = (
            replace(audio, name="a.opus", content_type="audio/opus"),
            replace(image, name="b.jpg"),
        )
        return sealed(spool, replace(whole, media=media)).id
    finally:
        spool.close()


@pytest.mark.asyncio
async def test_it_goes_up_once_and_stays_stored(tmp_path):
    """The cloud has it; its recorder is not here, so nothing is claimed of that."""
    async with BotaDouble(chunked=True) as bota:
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        here, there = Place(tmp_path / "a", bota), Place(tmp_path / "b", bota)
        entry = await asyncio.to_thread(box_with_a_recording, here.spool)
        await here.json("spool", "export", "-o", str(tmp_path / "stick"))
        there.spool.mkdir()
        await there.json("spool", "import", str(tmp_path / "stick"))
        once = await there.fieldpost("run", "--once", "--quiet")
        again = await there.json("spool", "import", str(tmp_path / "stick"))
        states = {
            e["id"]: e["state"] for e in (await there.json("spool", "ls", "--all"))["entries"]
        }

    assert 0 == once.code, once.err
    assert {entry: "stored"} == states
    assert [("here already", "stored")] == [
        (each["outcome"], each["state"]) for each in again["recordings"]
    ]
