"""Visit: a Bota recorder is emptied through cuts and other MTUs, and only after each receipt."""

import asyncio
import itertools
import random

import pytest

from device import drivers
from device.bell import Bell
from device.config import RecorderConfig, SpoolConfig
from device.core.bota_ble import commands
from device.drivers.bota import open_on
from device.model import Evidence, Receipt, State
from device.progress import Silent
from device.spool.spool import Spool
from device.visit import Visitor
from tests.device.drivers.bota_rig import MemoryGatt, hasten, recorder
from tests.fakes.clock import FakeClock

FIRST = random.Random(50).randbytes(60_123)
SECOND = random.Random(51).randbytes(9_999)


class Uplink:
    """Stores what is sealed, as the dispatcher does; remembers what was confirmed before."""

    def __init__(self, spool: Spool, clock: FakeClock) -> None:
        self._spool, self._clock = spool, clock
        self.sealed, self.stored = Bell(), Bell()
        self.contents: list[bytes] = []

    async def settled(self, _recorder) -> bool:
        await asyncio.to_thread(self._store_all)
        self.stored.ring()
        return True

    def _store_all(self) -> None:
        for entry in self._spool.entries(State.SEALED):
            self.contents.append(self._spool.media_path(entry.id, 0).read_bytes())
            self._spool.save_evidence(entry.id, 0, Evidence(status=200))
            receipt = Receipt(cloud="t", cloud_recording="r", acknowledged_at=self._clock.now())
            self._spool.store(entry.id, receipt)


async def hurry(clock: FakeClock) -> None:
    """Let every pause pass at once."""
    while True:
        if clock.sleeping:
            clock.advance(60)
        await asyncio.sleep(0)


@pytest.mark.asyncio
async def test_a_bota_recorder_is_emptied_through_cuts(tmp_path, monkeypatch):
    """Each recording arrives whole, is stored, and only then confirmed and seen gone."""
    hasten(monkeypatch)
    source = recorder(
        {b"ONE1": FIRST, b"TWO2": SECOND},
        cuts=frozenset(range(20, 200, 20)),
        dropped=frozenset({33}),
        lost_confirms=1,
    )
    mtus = itertools.cycle((247, 185, 512))
    radios: list[asyncio.Task] = []
    early: list[bool] = []
    clock = FakeClock()
    spool = await asyncio.to_thread(
        Spool.open, SpoolConfig(path=tmp_path / "spool", min_free_bytes=0), clock
    )
    uplink = Uplink(spool, clock)

    async def open_rig(opening):
        gatt = MemoryGatt(source, next(mtus))
        radios.append(asyncio.create_task(gatt.run()))
        return await open_on(gatt, opening.clock, release=opening.release, cache=opening.cache)

    confirm = source._confirm

    def confirmed(file_id: bytes) -> None:
        early.append(not uplink.contents)
        confirm(file_id)

    source._confirm = confirmed
    monkeypatch.setattr(drivers.registry, "resolve", lambda *_: open_rig)
    visitor = Visitor(
        config=RecorderConfig(url="ble://C0:FF:EE:00:00:01", driver="bota"),
        spool=spool,
        clock=clock,
        progress=Silent(),
        sealed=uplink.sealed,
        stored=uplink.stored,
        settled=uplink.settled,
    )
    hurrying = asyncio.create_task(hurry(clock))
    async with asyncio.timeout(15):
        await visitor.run(once=True)
    hurrying.cancel()
    await asyncio.gather(hurrying, *radios, return_exceptions=True)
    released = await asyncio.to_thread(spool.entries, State.RELEASED)
    await asyncio.to_thread(spool.close)

    assert source.files == {}
    assert len(released) == 2
    assert sorted(uplink.contents) == sorted([FIRST, SECOND])
    assert early == [False] * len(early)
    assert len(radios) > 3
    assert commands.ABORT in {value for _, value in source.writes}
