"""The agent's own pull from a recorder on a virtual radio, in a process of its own, measured.

    python -m tests.bench.ble_agent HCI DRIVER SPOOL_FOLDER

Opens the recorder and pulls all of it into a spool, again after each loss, until it is sealed.
Prints one JSON line: seconds, the digest of what is in the spool, connections, and the growth of
the peak memory over the connected, idle agent. Bumble's host is a part of this process, where
BlueZ would be one of its own; the controllers, the radio and the recorder are not.
"""

import asyncio
import hashlib
import json
import sys
import time
from pathlib import Path

from device.clock import SystemClock
from device.config import SpoolConfig
from device.drivers import Opening, open_driver
from device.errors import LinkLost, LinkUnavailable
from device.model import Entry, State
from device.progress import Silent
from device.pull import Puller
from device.spool.spool import Spool
from tests.bench.ble_host import host_on
from tests.bench.peak_memory import mark_kib, peak_kib
from tests.ble.room import URL

LONGEST_RUN_S = 300.0
MOST_CONNECTIONS = 100


class Agent:
    """Pulls until something is sealed."""

    def __init__(self, driver: str, spool: Spool) -> None:
        self._driver = driver
        self._spool = spool
        self._clock = SystemClock()
        self._idle_kib: int | None = None
        self.connections = 0

    async def run(self) -> int:
        """Return how much the peak grew, in KiB."""
        while not await asyncio.to_thread(self._spool.ids, State.SEALED):
            if self.connections == MOST_CONNECTIONS:
                raise SystemExit(f"not whole after {MOST_CONNECTIONS} connections")
            try:
                await self._visit()
            except (LinkLost, LinkUnavailable):
                continue  # a cut, which is what is measured
        growth_kib = await asyncio.to_thread(peak_kib)
        return growth_kib - (self._idle_kib or 0)

    async def _visit(self) -> None:
        cache = self._spool.root / "cache"
        driver = await open_driver(
            self._driver, Opening(url=URL, release="keep", clock=self._clock, cache=cache)
        )
        try:
            self.connections += 1
            info = await driver.info()
            listing = await driver.recordings()
            if self._idle_kib is None:
                self._idle_kib = await asyncio.to_thread(mark_kib)
            puller = Puller(
                driver=driver,
                spool=self._spool,
                clock=self._clock,
                progress=Silent(),
                on_sealed=_nothing_more,
            )
            pulled = await puller.pull(info.recorder, listing)
            if pulled.problems:
                print(*pulled.problems, sep="\n", file=sys.stderr)
        finally:
            await driver.aclose()


async def _nothing_more(_entry: Entry) -> None:
    pass


async def run(hci: str, driver: str, folder: Path) -> dict[str, object]:
    """Pull over this controller; see above."""
    config = SpoolConfig(path=folder, min_free_bytes=0)
    spool = await asyncio.to_thread(Spool.open, config, SystemClock())
    agent = Agent(driver, spool)
    async with asyncio.timeout(LONGEST_RUN_S), host_on(hci):
        begun_s = time.perf_counter()
        growth_kib = await agent.run()
        wall_s = time.perf_counter() - begun_s
    digest = await asyncio.to_thread(_digest, spool)
    await asyncio.to_thread(spool.close)
    return {
        "wall_s": wall_s,
        "sha256": digest,
        "connections": agent.connections,
        "rss_growth_mib": growth_kib / 1024,
    }


def _digest(spool: Spool) -> str:
    """Hash the sealed file as it lies on the disk, whatever the index says of it."""
    (sealed,) = spool.ids(State.SEALED)
    with spool.media_path(sealed, 0).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(sys.argv[1], sys.argv[2], Path(sys.argv[3])))))
