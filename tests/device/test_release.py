"""Release: only what is stored, only to its own recorder, and told again where it was forgotten."""

import asyncio
import random
from pathlib import Path

import pytest

from device.errors import DigestMismatch, LinkLost, RecorderRefused
from device.model import Entry, Evidence, Receipt, RecorderId, State
from device.progress import Silent
from device.release import Releaser
from device.spool.spool import Spool
from tests.fakes.clock import FakeClock
from tests.fakes.scripted_driver import RECORDER, ScriptedDriver, key
from tests.fakes.uploads import spool_in

pytestmark = pytest.mark.asyncio

AUDIO = random.Random(30).randbytes(5_000)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def spool(tmp_path: Path, clock: FakeClock):
    with spool_in(tmp_path / "spool", clock) as opened:
        yield opened


@pytest.fixture
def driver() -> ScriptedDriver:
    return ScriptedDriver({key(1): (AUDIO,), key(2): (AUDIO[:100],)})


async def stored(spool: Spool, driver: ScriptedDriver, clock: FakeClock) -> list[Entry]:
    """Pull everything by hand and store it."""

    def work(recording) -> Entry:
        entry = spool.begin(recording)
        partial = spool.partial(entry.id, 0)
        partial.append(driver.contents[recording.key][0])
        spool.finish_medium(entry.id, 0, partial)
        partial.close()
        spool.seal(entry.id)
        spool.save_evidence(entry.id, 0, Evidence(status=200))
        receipt = Receipt(cloud="t", cloud_recording="rec_1", acknowledged_at=clock.now())
        return spool.store(entry.id, receipt)

    listing = await driver.recordings()
    return [await asyncio.to_thread(work, recording) for recording in listing.recordings]


def releaser(driver: ScriptedDriver, spool: Spool, policy: str = "delete") -> Releaser:
    return Releaser(driver=driver, spool=spool, progress=Silent(), policy=policy)


async def states(spool: Spool) -> list[State]:
    return [entry.state for entry in await asyncio.to_thread(spool.entries)]


async def test_stored_recordings_are_released(driver, spool, clock):
    """Both sides agree afterwards: gone there, released here."""
    await stored(spool, driver, clock)
    problems = await releaser(driver, spool).release(RECORDER, ())

    assert problems == ()
    assert driver.contents == {}
    assert await states(spool) == [State.RELEASED] * 2


async def test_a_sealed_recording_is_never_released(driver, spool):
    """Without a receipt the recorder hears nothing."""
    listing = await driver.recordings()
    await asyncio.to_thread(spool.begin, listing.recordings[0])
    await releaser(driver, spool).release(RECORDER, ())

    assert driver.released == []


async def test_another_recorder_hears_nothing(driver, spool, clock):
    """What was pulled from one recorder is never named to another that took its port."""
    await stored(spool, driver, clock)
    await releaser(driver, spool).release(RecorderId("scripted:2"), ())

    assert driver.released == []
    assert await states(spool) == [State.STORED] * 2


async def test_a_crash_after_the_recorder_deleted_is_made_good(driver, spool, clock):
    """Already gone at the recorder is success: the entry becomes released."""
    await stored(spool, driver, clock)
    driver.contents.clear()
    await releaser(driver, spool).release(RECORDER, ())

    assert await states(spool) == [State.RELEASED] * 2


async def test_a_lost_line_leaves_the_rest_stored(driver, spool, clock):
    """A cut between two releases loses nothing; the next visit goes on."""
    await stored(spool, driver, clock)
    driver.refuse[key(2)] = LinkLost("unplugged")
    with pytest.raises(LinkLost):
        await releaser(driver, spool).release(RECORDER, ())

    assert await states(spool) == [State.RELEASED, State.STORED]


@pytest.mark.parametrize(
    "error", [DigestMismatch("other content"), RecorderRefused("locked", wire_code=3)]
)
async def test_a_refusal_is_told_and_stops_nobody(error, driver, spool, clock):
    """One recording the recorder will not delete keeps its reason; the other is released."""
    entries = await stored(spool, driver, clock)
    driver.refuse[key(1)] = error
    problems = await releaser(driver, spool).release(RECORDER, ())
    entry = await asyncio.to_thread(spool.entry, entries[0].id)

    assert len(problems) == 1
    assert str(error) in entry.wait.reason
    assert await states(spool) == [State.STORED, State.RELEASED]


async def test_a_forgetful_recorder_is_told_again(driver, spool, clock):
    """A recording released before and listed again is released again, with its digests."""
    await stored(spool, driver, clock)
    again = dict(driver.contents)
    await releaser(driver, spool).release(RECORDER, ())
    driver.contents.update(again)
    released = await asyncio.to_thread(spool.entries, State.RELEASED)
    problems = await releaser(driver, spool).release(RECORDER, tuple(released))

    assert problems == ()
    assert driver.contents == {}


async def test_keep_tells_no_recorder_anything(driver, spool, clock):
    """Under `keep` nothing is deleted, not even what lingers."""
    entries = await stored(spool, driver, clock)
    await releaser(driver, spool, "keep").release(RECORDER, tuple(entries))

    assert driver.released == []
    assert await states(spool) == [State.RELEASED] * 2
