"""A recorder that knows sizes only roughly: the true size is the one that was pulled."""

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from device.config import SpoolConfig
from device.errors import LinkLost, SpoolFull
from device.model import Entry, Recording, State
from device.progress import Silent
from device.pull import Puller
from device.spool.spool import Spool
from tests.fakes.clock import FakeClock
from tests.fakes.scripted_driver import RECORDER, ScriptedDriver, key

AUDIO = random.Random(20).randbytes(150_000)

pytestmark = pytest.mark.asyncio


class RoughDriver(ScriptedDriver):
    """Announces every size as `rough_bytes`, and no digest."""

    rough_bytes: int = 0

    def _recording(self, which) -> Recording:
        recording = super()._recording(which)
        return replace(
            recording,
            media=tuple(
                replace(m, size_bytes=self.rough_bytes, size_exact=False, sha256=None)
                for m in recording.media
            ),
        )


@pytest_asyncio.fixture
async def spool(tmp_path: Path):
    config = SpoolConfig(path=tmp_path / "spool", min_free_bytes=0)
    opened = await asyncio.to_thread(Spool.open, config, FakeClock())
    yield opened
    await asyncio.to_thread(opened.close)


def rough(size_bytes: int, content: bytes = AUDIO) -> RoughDriver:
    driver = RoughDriver({key(1): (content,)})
    driver.rough_bytes = size_bytes
    return driver


async def nothing(_entry: Entry) -> None:
    pass


async def pull(driver: RoughDriver, spool: Spool):
    puller = Puller(
        driver=driver, spool=spool, clock=FakeClock(), progress=Silent(), on_sealed=nothing
    )
    return await puller.pull(RECORDER, await driver.recordings())


@pytest.mark.parametrize("said_bytes", [0, 149_504, 150_000, 150_528, 9_000_000])
async def test_the_true_size_is_sealed(spool, said_bytes):
    """Whatever was announced, entry and manifest have the true size and content."""
    pulled = await pull(rough(said_bytes), spool)
    (entry,) = await asyncio.to_thread(spool.entries, State.SEALED)
    manifest = await asyncio.to_thread(spool.manifest, entry.id)
    path = await asyncio.to_thread(spool.media_path, entry.id, 0)

    assert (pulled.sealed, pulled.problems) == (1, ())
    assert (entry.size_bytes, entry.media[0].medium.size_exact) == (150_000, True)
    assert manifest.media[0].size_bytes == 150_000
    assert await asyncio.to_thread(path.read_bytes) == AUDIO


async def test_an_empty_recording_is_sealed(spool):
    """A size of nothing may be true."""
    pulled = await pull(rough(0, b""), spool)

    assert (pulled.sealed, pulled.problems) == (1, ())


async def test_a_rough_listing_does_not_contradict_what_was_pulled(spool):
    """Listed again with its rough size, a sealed recording is no other one."""
    driver = rough(150_528)
    await pull(driver, spool)
    again = await pull(driver, spool)

    assert again.problems == ()


async def test_a_cut_pull_goes_on_where_it_was(spool):
    """A prefix is kept and continued, though nobody knows how long the whole is."""
    driver = rough(1024)
    driver.cuts = [100_000]
    with pytest.raises(LinkLost):
        await pull(driver, spool)
    await pull(driver, spool)
    (entry,) = await asyncio.to_thread(spool.entries, State.SEALED)

    assert driver.reads[-1][2] > 0
    assert entry.size_bytes == 150_000


async def test_what_is_whole_but_not_sealed_is_not_pulled_again(spool):
    """After a crash between the last byte and the seal the recording only lacks its seal."""
    driver = rough(150_528)
    listing = await driver.recordings()
    entry = await asyncio.to_thread(spool.begin, listing.recordings[0])
    partial = await asyncio.to_thread(spool.partial, entry.id, 0)
    await asyncio.to_thread(partial.append, AUDIO)
    await asyncio.to_thread(spool.finish_medium, entry.id, 0, partial)
    await pull(driver, spool)
    (sealed,) = await asyncio.to_thread(spool.entries, State.SEALED)

    assert driver.reads == []
    assert sealed.size_bytes == 150_000


async def test_more_than_announced_needs_room_too(spool, monkeypatch):
    """Beyond the announced size room is asked for as it is needed, and the bytes are kept."""
    asked: list[int] = []

    def full(more_bytes: int) -> None:
        asked.append(more_bytes)
        if len(asked) > 1:
            raise SpoolFull("no room")

    monkeypatch.setattr(spool, "room_for", full)
    pulled = await pull(rough(1024), spool)
    (entry,) = await asyncio.to_thread(spool.entries, State.PULLING)

    assert asked[0] == 1024
    assert asked[1] >= 65_536
    assert "no room" in pulled.problems[0]
    assert entry.wait is not None
