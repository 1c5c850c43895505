"""Visit: a recorder on a virtual radio is emptied through cuts, into a real spool."""

import asyncio
import random

import pytest

from device.bell import Bell
from device.config import RecorderConfig, SpoolConfig
from device.core.link.recorder import DEFAULT_FRAME_BYTES
from device.model import Evidence, Receipt, State
from device.progress import Silent
from device.spool.spool import Spool
from device.visit import Visitor
from tests.ble.room import URL, room
from tests.device.drivers.native_rig import FakeStore, Recorder
from tests.fakes.clock import FakeClock

DEADLINE_S = 15.0
AUDIO = random.Random(30).randbytes(60_000)
IMAGE = random.Random(31).randbytes(20_000)


class Uplink:
    """Stores what is sealed, as the dispatcher does."""

    def __init__(self, spool: Spool, clock: FakeClock) -> None:
        self._spool, self._clock = spool, clock
        self.sealed, self.stored = Bell(), Bell()

    async def settled(self, _recorder) -> bool:
        await asyncio.to_thread(self._store_all)
        self.stored.ring()
        return True

    def _store_all(self) -> None:
        for entry in self._spool.entries(State.SEALED):
            for medium in entry.media:
                self._spool.save_evidence(entry.id, medium.medium.index, Evidence(status=200))
            receipt = Receipt(cloud="t", cloud_recording="r", acknowledged_at=self._clock.now())
            self._spool.store(entry.id, receipt)


async def hurry(clock: FakeClock) -> None:
    """Let every pause pass at once."""
    while True:
        if clock.sleeping:
            clock.advance(60)
        await asyncio.sleep(0)


@pytest.mark.asyncio
async def test_a_recorder_is_emptied_through_cuts(tmp_path):
    """Whatever the radio does, each recording arrives whole, is stored, and is then released."""
    clock = FakeClock()
    spool = await asyncio.to_thread(
        Spool.open, SpoolConfig(path=tmp_path / "spool", min_free_bytes=0), clock
    )
    uplink = Uplink(spool, clock)
    visitor = Visitor(
        config=RecorderConfig(url=URL),
        spool=spool,
        clock=clock,
        progress=Silent(),
        sealed=uplink.sealed,
        stored=uplink.stored,
        settled=uplink.settled,
    )
    store = FakeStore({(b"A" * 16, 1): (AUDIO, IMAGE), (b"B" * 16, 1): (IMAGE,)})
    recorder = Recorder(store, max_frame_bytes=DEFAULT_FRAME_BYTES)
    async with asyncio.timeout(DEADLINE_S), room(mtu=247) as there, asyncio.TaskGroup() as group:
        recorder.line = there.recorder
        group.create_task(recorder.run(), name="recorder")
        hurrying = group.create_task(hurry(clock), name="hurry")
        there.air.cut_every(60)
        await visitor.run(once=True)
        hurrying.cancel()
        await there.recorder.aclose()
    states = [entry.state for entry in await asyncio.to_thread(spool.entries)]
    await asyncio.to_thread(spool.close)

    assert visitor.problems == ()
    assert there.air.cuts > 2
    assert states == [State.RELEASED] * 2
    assert store.stored == []
