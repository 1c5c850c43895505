"""Whereabouts: how a recorder fares is kept seldom, and its absence from when it began."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from device.config import SpoolConfig
from device.errors import SpoolFull, SpoolStorageFailed
from device.model import LastSeen, RecorderId, RecorderInfo
from device.spool.journal import Journal
from device.spool.reader import read_only
from device.spool.spool import Spool
from device.whereabouts import PROMPT_WRITES, RENEW_S, REWORD_S, Whereabouts
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.asyncio

URL = "serial:///dev/x"
INFO = RecorderInfo(recorder=RecorderId("native:1"), driver="native", battery_percent=80)


class Rig:
    def __init__(self, spool: Spool, clock: FakeClock) -> None:
        self.spool, self.clock = spool, clock
        self.begun_at = clock.now()
        self.writes = 0

    def whereabouts(self) -> Whereabouts:
        return Whereabouts(url=URL, spool=self.spool, clock=self.clock)

    async def kept(self) -> list[LastSeen]:
        with read_only(self.spool.root) as reader:
            return await asyncio.to_thread(reader.last_seen)

    async def unreached(self):
        return await asyncio.to_thread(self.spool.unreached, URL)


@pytest_asyncio.fixture
async def rig(tmp_path, monkeypatch):
    clock = FakeClock()
    spool = await asyncio.to_thread(
        Spool.open, SpoolConfig(path=tmp_path / "spool", min_free_bytes=0), clock
    )
    rig = Rig(spool, clock)
    real = Journal._commit

    def commit(self, batch):
        rig.writes += 1
        return real(self, batch)

    monkeypatch.setattr(Journal, "_commit", commit)
    yield rig
    await asyncio.to_thread(spool.close)


async def test_a_quiet_recorder_costs_a_write_in_ten_minutes(rig):
    """Looking each minute for an hour writes what `status` needs to say that it is still there."""
    where = rig.whereabouts()
    for minute in range(60):
        await where.saw(replace(INFO, battery_percent=80 - minute % 2))
        rig.clock.advance(60)

    assert rig.writes == 60 * 60 / RENEW_S


async def test_what_an_operator_would_see_is_written_at_once(rig):
    """A battery that fell by a step does not wait for ten minutes."""
    where = rig.whereabouts()
    await where.saw(INFO)
    rig.clock.advance(1)
    await where.saw(replace(INFO, battery_percent=75))
    (kept,) = await rig.kept()

    assert kept.info.battery_percent == 75
    assert kept.seen_at == rig.begun_at + timedelta(seconds=1)


async def test_a_recorder_that_is_never_the_same_does_not_wear_the_card_out(rig):
    """The first differences are written at once, then one in a minute, and the last one in time."""
    whereabouts = rig.whereabouts()
    before = rig.writes
    for second in range(240):
        await whereabouts.saw(replace(INFO, pending=second))
        rig.clock.advance(1)
    written = rig.writes - before
    rig.clock.advance(REWORD_S)
    await whereabouts.heard()
    (kept,) = await rig.kept()

    assert PROMPT_WRITES < written <= PROMPT_WRITES + 4
    assert kept.info.pending == 239


async def test_a_recorder_that_is_pulled_from_for_hours_is_heard_of(rig):
    """Each recording shows that it is there; that is written as seldom as anything else."""
    where = rig.whereabouts()
    await where.heard()
    await where.saw(INFO)
    for _ in range(60):
        rig.clock.advance(60)
        await where.heard()
    (kept,) = await rig.kept()

    assert kept.seen_at == rig.begun_at + timedelta(hours=1)
    assert rig.writes == 1 + 60 * 60 / RENEW_S


async def test_another_recorder_on_the_same_line_gets_its_own_row(rig):
    """A dock that takes turns forgets neither."""
    where = rig.whereabouts()
    other = replace(INFO, recorder=RecorderId("native:2"))
    await where.saw(INFO)
    await where.saw(other)

    assert [INFO, other] == [each.info for each in await rig.kept()]


async def test_one_failure_is_not_an_absence(rig):
    """A line that is back at the next attempt costs no write."""
    where = rig.whereabouts()
    await where.failed("unplugged", "plug it in", 1)
    await where.reached()

    assert rig.writes == 0


async def test_an_absence_is_told_from_its_first_failure(rig):
    """With the sentence of the latest, and what helps; and when the recorder was last heard."""
    where = rig.whereabouts()
    await where.saw(INFO)
    rig.clock.advance(30)
    await where.saw(INFO)
    rig.clock.advance(10)
    await where.failed("unplugged", None, 1)
    rig.clock.advance(5)
    await where.failed("there is no /dev/x", "plug it in", 2)
    why = await rig.unreached()
    (kept,) = await rig.kept()

    assert (why.problem, why.hint) == ("there is no /dev/x", "plug it in")
    assert why.since == rig.begun_at + timedelta(seconds=40)
    assert kept.seen_at == rig.begun_at + timedelta(seconds=30)


async def test_an_absence_that_goes_on_is_not_written_again(rig):
    """Attempts each half minute through a night cost one write; other words a write a minute."""
    where = rig.whereabouts()
    for failures in range(2, 100):
        await where.failed("there is no /dev/x", None, failures)
        rig.clock.advance(30)
    same = rig.writes
    for failures in range(20):
        await where.failed(f"attempt {failures}", None, 100)
        rig.clock.advance(REWORD_S / 4)

    assert same == 1
    assert rig.writes - same == 5
    assert (await rig.unreached()).since == rig.begun_at


async def test_an_absence_outlives_a_restart_of_the_agent(rig):
    """`status` says since yesterday, not since the restart; a listing ends it."""
    await rig.whereabouts().failed("off", None, 2)
    rig.clock.advance(86_400)
    where = rig.whereabouts()
    await where.failed("still off", None, 2)
    still = await rig.unreached()
    again = rig.whereabouts()
    await again.reached()

    assert (still.since, still.problem) == (rig.begun_at, "still off")
    assert await rig.unreached() is None


async def test_an_absence_that_could_not_be_looked_up_is_looked_up_again(rig, monkeypatch):
    """A disk that fails once must not leave a recorder out of reach for good."""
    earlier = rig.whereabouts()
    for failures in (1, 2):
        await earlier.failed("not there", None, failures)
    asked = []

    def fails_once(url):
        asked.append(url)
        if len(asked) == 1:
            raise SpoolStorageFailed("the disk hiccups")
        return real(url)

    real = rig.spool.unreached
    later = rig.whereabouts()
    monkeypatch.setattr(rig.spool, "unreached", fails_once)
    await later.reached()
    await later.reached()

    assert await rig.unreached() is None


async def test_a_full_disk_stops_no_visit(rig, monkeypatch, caplog):
    """It is logged, and tried again when there is news."""
    where = rig.whereabouts()

    def full(*_):
        raise SpoolFull("no room")

    with monkeypatch.context() as broken:
        for name in ("save_last_seen", "save_unreached", "unreached"):
            broken.setattr(rig.spool, name, full)
        await where.saw(INFO)
        await where.failed("off", None, 2)
    await where.saw(INFO)
    await where.failed("off", None, 3)

    assert "no room" in str([record.__dict__.get("problem") for record in caplog.records])
    assert [INFO] == [each.info for each in await rig.kept()]
    assert (await rig.unreached()).problem == "off"


async def test_what_fits_into_no_row_stops_no_visit(rig, caplog):
    """A third party's driver may tell anything."""
    where = rig.whereabouts()
    await where.saw(replace(INFO, used_bytes=1 << 80, capacity_bytes=1 << 81, model="\ud800"))
    await where.failed("\ud800", None, 2)

    assert [] == await rig.kept()
    assert "cannot be kept" in caplog.text


async def test_a_cancelled_visit_stays_cancelled(rig, monkeypatch):
    """Stopping the agent is not swallowed here."""

    async def stopped(*_):
        raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "to_thread", stopped)
    with pytest.raises(asyncio.CancelledError):
        await rig.whereabouts().saw(INFO)
    monkeypatch.undo()
