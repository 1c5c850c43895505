"""A site with one Bota address, visited as the agent does, and a cloud that stores at once."""

import asyncio
import itertools
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path

from device import drivers
from device.bell import Bell
from device.clock import SystemClock
from device.config import RecorderConfig, SpoolConfig
from device.core.bota_ble.recorder import BotaRecorder
from device.drivers.bota import open_on
from device.model import Entry, Evidence, Receipt, State
from device.progress import Silent
from device.spool.spool import Spool
from device.visit import Visitor
from tests.device.drivers.bota_rig import MemoryGatt, hasten
from tests.fakes.clock import FakeClock

DEADLINE_S = 8.0


class Uplink:
    """Stores what is sealed, as the dispatcher does; remembers what was confirmed before."""

    def __init__(self, spool: Spool, clock: FakeClock) -> None:
        self._spool, self._clock = spool, clock
        self.sealed, self.stored = Bell(), Bell()
        self.contents: list[bytes] = []

    async def settled(self, _recorder) -> bool:
        if await asyncio.to_thread(self._store_all):
            self.stored.ring()
        return True

    def _store_all(self) -> int:
        sealed = self._spool.entries(State.SEALED)
        for entry in sealed:
            self.contents.append(self._spool.media_path(entry.id, 0).read_bytes())
            self._spool.save_evidence(entry.id, 0, Evidence(status=200))
            receipt = Receipt(cloud="t", cloud_recording="r", acknowledged_at=self._clock.now())
            self._spool.store(entry.id, receipt)
        return len(sealed)


class Site:
    """Whoever answers at the address now, our spool, and how visits went."""

    def __init__(self, spool: Spool, clock: FakeClock) -> None:
        self.spool, self.clock = spool, clock
        self.uplink = Uplink(spool, clock)
        self.connections = 0
        self._radios: list[asyncio.Task] = []
        self._answering: Callable[[], BotaRecorder]
        self._mtus = itertools.cycle((247,))

    async def visit(
        self, source: BotaRecorder | Callable[[], BotaRecorder], *, mtus=(247,), live: bool = False
    ) -> Visitor:
        """Visit until all that can be done is done; `mtus` are those of the connections."""
        self._answering = source if callable(source) else lambda: source
        self._mtus = itertools.cycle(mtus)
        visitor = Visitor(
            config=RecorderConfig(url="ble://C0:FF:EE:00:00:01", driver="bota", live=live),
            spool=self.spool,
            clock=self.clock,
            progress=Silent(),
            sealed=self.uplink.sealed,
            stored=self.uplink.stored,
            settled=self.uplink.settled,
        )
        async with asyncio.timeout(DEADLINE_S):
            await visitor.run(once=True)
        return visitor

    async def entries(self, *states: State) -> dict[str, Entry]:
        """Return what the spool has, by the recorder's id for it."""
        found = await asyncio.to_thread(self.spool.entries, *states)
        return {bytes.fromhex(e.recording.key.recording): e for e in found}

    async def open(self, opening) -> drivers.Driver:
        self.connections += 1
        gatt = MemoryGatt(self._answering(), next(self._mtus))
        self._radios.append(asyncio.create_task(gatt.run()))
        return await open_on(
            gatt, SystemClock(), release=opening.release, live=opening.live, cache=opening.cache
        )

    async def aclose(self) -> None:
        await asyncio.gather(*self._radios)
        await asyncio.to_thread(self.spool.close)


@asynccontextmanager
async def site(tmp_path: Path, monkeypatch):
    """Open a site where no pause takes time."""
    hasten(monkeypatch)
    clock = FakeClock()
    spool = await asyncio.to_thread(
        Spool.open, SpoolConfig(path=tmp_path / "spool", min_free_bytes=0), clock
    )
    place = Site(spool, clock)
    monkeypatch.setattr(drivers.registry, "resolve", lambda *_: place.open)
    hurrying = asyncio.create_task(_hurry(clock))
    try:
        yield place
    finally:
        hurrying.cancel()
        await asyncio.gather(hurrying, return_exceptions=True)
        await place.aclose()


async def _hurry(clock: FakeClock) -> None:
    """Let every pause pass at once."""
    while True:
        if clock.sleeping:
            clock.advance(60)
        await asyncio.sleep(0)
