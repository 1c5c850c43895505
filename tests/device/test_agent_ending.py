"""The agent at its end: asked twice, asked while it starts, asked in the middle of a reload."""

import asyncio
import signal
import threading
from dataclasses import replace

from device import agent
from device.clock import SystemClock
from device.config import UploadConfig
from device.crew import Crew
from device.ledger import Ledger
from device.progress import Silent
from device.regime import Regime
from device.signals import Signals
from device.spool.spool import Spool
from tests.device.cli.daemon import CHUNK, GatedBota
from tests.device.test_agent import Box, box
from tests.fakes.folder import OGG, seal

__all__ = ["box"]
LONG = (OGG * (4 * CHUNK // len(OGG) + 1))[: 4 * CHUNK]


def test_two_signals_at_the_start_end_it_in_order(box: Box, monkeypatch):
    """Whoever is impatient gets no traceback, and the spool is closed for the next."""
    opening, asked = threading.Event(), threading.Event()
    real = Spool.open

    def slow(config, clock):
        opening.set()
        assert asked.wait(10)
        return real(config, clock)

    async def work():
        async with GatedBota() as bota:
            config, signals = box.config(bota), Signals()
            run = asyncio.create_task(
                agent.run(config, reread=lambda: config, progress=Silent(), signals=signals)
            )
            assert await asyncio.to_thread(opening.wait, 10)
            signals.end(signal.SIGTERM)
            await asyncio.wait({run}, timeout=0.01)
            signals.end(signal.SIGINT)
            await asyncio.wait({run}, timeout=0.01)
            asked.set()
            ended = await run
            await asyncio.to_thread(lambda: real(config.spool, SystemClock()).close())
            return ended

    with monkeypatch.context() as patched:
        patched.setattr(Spool, "open", slow)
        ended = asyncio.run(work())

    assert signal.SIGTERM is ended


def test_an_end_in_the_middle_of_a_reload_begins_nothing_new(box: Box, monkeypatch):
    """What the reload was about to start would never be ended, and keep the agent for ever."""

    begun = []
    real = Crew._start_uploads

    def start(crew, uplink):
        begun.append(uplink)
        real(crew, uplink)

    async def work():
        async with GatedBota() as bota, asyncio.timeout(15):
            seal(box.recordings / "one", {"audio.opus": LONG})
            first = replace(box.config(bota), upload=UploadConfig(chunk_bytes=CHUNK))
            second = replace(first, upload=UploadConfig(chunk_bytes=2 * CHUNK))
            bota.close_at, signals = 2, Signals()
            run = asyncio.create_task(
                agent.run(first, reread=lambda: second, progress=Silent(), signals=signals)
            )
            await bota.reached.wait()
            signals.reload.ring()
            await asyncio.wait({run}, timeout=0.1)
            signals.end(signal.SIGTERM)
            await asyncio.wait({run}, timeout=0.1)
            bota.gate.set()
            return await run, len([each for each in bota.puts if "*/" not in each])

    with monkeypatch.context() as patched:
        patched.setattr(Crew, "_start_uploads", start)
        ended, sent = asyncio.run(work())

    assert (signal.SIGTERM, 2, 1) == (ended, sent, len(begun))


def test_a_reload_counts_what_the_uploads_before_it_sent_last(box: Box, monkeypatch):
    """The sums of the day are looked up once more after the last uploads saved theirs."""
    done: list[str] = []
    begin, save = Regime.begin, Ledger.save

    async def noted_begin(regime):
        await begin(regime)
        done.append("begin")

    async def noted_save(ledger):
        await save(ledger)
        done.append("save")

    async def work():
        async with GatedBota() as bota, asyncio.timeout(15):
            first = box.config(bota)
            second = replace(first, upload=UploadConfig(chunk_bytes=CHUNK))
            signals = Signals()
            run = asyncio.create_task(
                agent.run(first, reread=lambda: second, progress=Silent(), signals=signals)
            )
            signals.reload.ring()
            while done[-2:] != ["save", "begin"] and not run.done():
                await asyncio.wait({run}, timeout=0.01)
            signals.end(signal.SIGTERM)
            await run

    with monkeypatch.context() as patched:
        patched.setattr(Regime, "begin", noted_begin)
        patched.setattr(Ledger, "save", noted_save)
        asyncio.run(work())

    assert ["begin", "begin", "save", "begin", "save"] == done
