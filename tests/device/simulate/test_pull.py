"""The native driver against the simulated recorder on a real pty that goes wrong in every way."""

import asyncio
import contextlib
import hashlib
import random

import pytest

from device.clock import SystemClock
from device.drivers import Opening, open_driver
from device.errors import LinkLost
from device.simulate.faults import FaultPlan
from device.simulate.recorder import SimulateOptions, simulate

DEADLINE_S = 15.0
AUDIO = random.Random(2).randbytes(120_000)
PICTURE = random.Random(3).randbytes(20_000)


@pytest.fixture
def source(tmp_path):
    recording = tmp_path / "recordings" / "morning"
    recording.mkdir(parents=True)
    (recording / "audio.opus").write_bytes(AUDIO)
    (recording / "0001.jpg").write_bytes(PICTURE)
    return recording.parent


@contextlib.asynccontextmanager
async def simulated(source, tmp_path, plan):
    """Run a recorder with this plan; yields how a driver is opened on it."""
    said: list[dict] = []
    ready = asyncio.Event()

    def announce(document):
        said.append(document)
        ready.set()

    options = SimulateOptions(source=source, baud=0, faults=plan)
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
        running = group.create_task(simulate(options, announce))
        await ready.wait()
        try:
            yield Opening(
                url=said[0]["url"], release="delete", clock=SystemClock(), cache=tmp_path / "cache"
            )
        finally:
            running.cancel()


async def pull_all(opening, got):
    """Pull every medium from where `got` stands; adds to `got`, which survives a lost line."""
    driver = await open_driver(None, opening)
    try:
        for recording in (await driver.recordings()).recordings:
            for medium in recording.media:
                held = got.setdefault(medium.index, bytearray())
                if len(held) < medium.size_bytes:
                    async for chunk in driver.read(recording, medium, len(held)):
                        held += chunk
                assert hashlib.sha256(held).hexdigest() == medium.sha256
    finally:
        await driver.aclose()


@pytest.mark.asyncio
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_bad_line_gives_the_true_bytes(source, tmp_path, seed):
    """With flipped bits, dropped bytes and boot messages the media arrive as they are."""
    plan = FaultPlan(seed=seed, flip=1e-4, drop=2e-5, boot_garbage=True)
    got = {}
    async with simulated(source, tmp_path, plan) as opening:
        await pull_all(opening, got)

    assert [AUDIO, PICTURE] == [bytes(got[0]), bytes(got[1])]


@pytest.mark.asyncio
async def test_a_reboot_mid_read_does_not_end_the_read(source, tmp_path):
    """A recorder that restarts while it is read is greeted again, and the read goes on."""
    got = {}
    async with simulated(source, tmp_path, FaultPlan(reboot_at=(30_000, 90_000))) as opening:
        await pull_all(opening, got)

    assert [AUDIO, PICTURE] == [bytes(got[0]), bytes(got[1])]


@pytest.mark.asyncio
async def test_an_unplug_mid_read_goes_on_where_it_stopped(source, tmp_path):
    """After an unplug the bytes so far are kept, and the same URL brings the rest."""
    plan = FaultPlan(unplug_at=(60_000,), replug_after_s=0.0)
    got = {}
    async with simulated(source, tmp_path, plan) as opening:
        with pytest.raises(LinkLost):
            await pull_all(opening, got)
        kept = len(got[0])
        await pull_all(opening, got)

    assert kept > 0
    assert [AUDIO, PICTURE] == [bytes(got[0]), bytes(got[1])]
