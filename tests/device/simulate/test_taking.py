"""The simulated recorder records: told by the real driver on a real pty, or ended by itself."""

import asyncio
import contextlib
import io
import wave

import pytest

from device.clock import SystemClock
from device.core.link.codes import ErrorCode
from device.drivers import Opening, Records, open_driver
from device.errors import RecorderRefused
from device.model import RecordOrder
from device.simulate.holding import MemoryStore
from device.simulate.recorder import SimulateOptions, simulate
from device.simulate.taking import Taking

DEADLINE_S = 10.0
START = RecordOrder(id=b"S" * 16, start=True)
STOP = RecordOrder(id=b"E" * 16, start=False)


class Bench:
    def __init__(self) -> None:
        self.now_s = 100.0
        self.said: list[str] = []
        self.store = MemoryStore((), lambda _: None)
        self.taking = Taking(
            self.store,
            seed=1,
            told=lambda what, _: self.said.append(what),
            now_s=lambda: self.now_s,
        )

    def heard_s(self) -> float:
        (held,) = self.store.held
        with wave.open(io.BytesIO(held.media[0].content)) as sound:
            return sound.getnframes() / sound.getframerate()


@pytest.fixture
def bench():
    return Bench()


def test_what_is_recorded_is_as_long_as_it_took(bench):
    """A tone of so many seconds, which is whole once it is stopped."""
    bench.taking.start(START.id, None)
    going_on = [each.state.name for each in bench.store.recordings()]
    bench.now_s += 3
    take = bench.taking.stop(STOP.id)

    assert going_on == ["OPEN"]
    assert bench.heard_s() == 3
    assert take.since_ms == 3000
    assert bench.said == ["recording", "recorded"]


def test_it_ends_by_itself(bench):
    """After the longest duration there is nothing left of it to wait for."""
    bench.taking.start(START.id, 60)
    bench.now_s += 61

    assert bench.taking.left_s() == 0
    assert bench.taking.close()
    assert bench.taking.left_s() is None
    assert not bench.taking.close()


def test_it_records_one_thing_at_a_time(bench):
    """Another start is refused until the first is stopped."""
    bench.taking.start(START.id, None)
    with pytest.raises(RecorderRefused) as refused:
        bench.taking.start(b"T" * 16, None)

    assert refused.value.wire_code == ErrorCode.ALREADY_RECORDING


@contextlib.asynccontextmanager
async def recorder(tmp_path):
    """Run a simulated recorder; yields an open driver and what was announced."""
    source = tmp_path / "recordings" / "morning"
    source.mkdir(parents=True)
    (source / "audio.opus").write_bytes(b"sound" * 1000)
    said: asyncio.Queue[dict] = asyncio.Queue()
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
        options = SimulateOptions(source=source.parent, baud=0)
        running = group.create_task(simulate(options, said.put_nowait))
        url = (await said.get())["url"]
        driver = await open_driver(
            None,
            Opening(url=url, release="delete", clock=SystemClock(), cache=tmp_path / "cache"),
        )
        try:
            yield driver, said
        finally:
            await driver.aclose()
            running.cancel()


@pytest.mark.asyncio
async def test_the_driver_has_it_record(tmp_path):
    """Started once, stopped once, announced, listed, and read to the last byte."""
    async with recorder(tmp_path) as (driver, said):
        assert isinstance(driver, Records)
        assert driver.records
        started, again = await driver.record(START), await driver.record(START)
        stopped = await driver.record(STOP)
        heard = [(await said.get())["event"] for _ in range(2)]
        found = {r.key: r for r in (await driver.recordings()).recordings}
        made = found[stopped.key]
        got = b"".join([chunk async for chunk in driver.read(made, made.media[0], 0)])

    assert started.key == again.key == stopped.key
    assert started.started_at is not None
    assert heard == ["recording", "recorded"]
    assert len(found) == 2
    assert got.startswith(b"RIFF")


@pytest.mark.asyncio
async def test_its_end_is_announced_to_the_host(tmp_path):
    """After the longest duration the host hears of news, and lists it."""
    async with recorder(tmp_path) as (driver, said):
        await driver.recordings()
        assert isinstance(driver, Records)
        take = await driver.record(RecordOrder(id=b"S" * 16, start=True, max_duration_s=1))
        heard = [(await said.get())["event"] for _ in range(2)]
        await driver.changed()
        keys = {r.key for r in (await driver.recordings()).recordings}

    assert heard == ["recording", "recorded"]
    assert take.key in keys
