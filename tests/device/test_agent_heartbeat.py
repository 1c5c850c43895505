"""The agent's heartbeats: what brings one forward, what begins them anew, what ends them."""

import asyncio
import signal
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from device import agent, heartbeat, parts
from device.bell import Bell
from device.config import CloudConfig, Config, HeartbeatConfig, SpoolConfig
from device.progress import Silent
from device.signals import Signals
from device.surroundings import NetworkKind, NetworkState
from tests.fakes.bota_api import TOKEN, BotaDouble
from tests.fakes.surroundings import FakeSurroundings

WIFI = NetworkState(kind=NetworkKind.WIFI, interface="wlan0")


class Listening(BotaDouble):
    """Rings at each heartbeat."""

    def __init__(self) -> None:
        super().__init__(chunked=True)
        self.rung = Bell()

    async def _heartbeat(self, request):
        answer = await super()._heartbeat(request)
        self.rung.ring()
        return answer

    async def heard(self, count: int) -> None:
        async with asyncio.timeout(10):
            await self.rung.after(count - 1)


class Box:
    """A box without recorders, in surroundings that a test arranges."""

    def __init__(self, folder: Path, around: FakeSurroundings) -> None:
        self.folder, self.around = folder, around
        self.signals = Signals()
        (folder / "token").write_text(TOKEN)

    def config(self, bota: BotaDouble, every_s: int = 3600) -> Config:
        return Config(
            cloud=CloudConfig(base_url=bota.base_url, token_file=self.folder / "token"),
            spool=SpoolConfig(path=self.folder / "spool", min_free_bytes=0),
            heartbeat=HeartbeatConfig(every_s=every_s),
        )

    @asynccontextmanager
    async def running(self, config: Config, reread: Config | None = None):
        task = asyncio.create_task(
            agent.run(
                config,
                reread=lambda: reread or config,
                progress=Silent(),
                signals=self.signals,
            )
        )
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})


@pytest.fixture
def box(tmp_path, monkeypatch):
    around = FakeSurroundings()
    monkeypatch.setattr(parts, "open_surroundings", lambda _: around)
    monkeypatch.setattr(heartbeat, "LEAST_S", 0.0)
    return Box(tmp_path, around)


def test_a_network_that_comes_up_brings_one_forward(box):
    """An hour is not waited for: the report names the network that is there now."""

    async def work():
        async with Listening() as bota, box.running(box.config(bota)):
            await bota.heard(1)
            box.around.set(network=WIFI)
            await bota.heard(2)
            return bota.heartbeats

    first, second = asyncio.run(work())

    assert "connection_type" not in first
    assert ["wifi"] == second["connection_type"]


def test_a_reload_takes_them_over(box):
    """Another pace begins with a heartbeat."""

    async def work():
        async with Listening() as bota:
            later = box.config(bota, every_s=1800)
            async with box.running(box.config(bota), later):
                await bota.heard(1)
                box.signals.reload.ring()
                await bota.heard(2)

    asyncio.run(work())


@pytest.mark.parametrize(("every_s", "made"), [(0, 0), (3600, 1)])
def test_none_at_all(box, monkeypatch, every_s, made):
    """A pace of 0 makes no such loop in a whole run of the agent."""
    loops = []
    real = parts.Parts.heartbeat

    def heartbeat_of(*args, **more):
        loops.append(1)
        return real(*args, **more)

    monkeypatch.setattr(parts.Parts, "heartbeat", heartbeat_of)
    box.signals.end(signal.SIGTERM)

    async def work():
        async with BotaDouble() as bota:
            config = box.config(bota, every_s)
            async with asyncio.timeout(10):
                return await agent.run(
                    config, reread=lambda: config, progress=Silent(), signals=box.signals
                )

    assert signal.SIGTERM == asyncio.run(work())
    assert made == len(loops)
