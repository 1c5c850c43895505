"""Pull: what a recorder lists is in the spool, whole, whatever happens on the way."""

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from device.config import SpoolConfig
from device.errors import (
    LinkLost,
    MediumGone,
    ProtocolViolation,
    RecorderBusy,
    RecorderRefused,
)
from device.model import Entry, Evidence, MediaKind, Receipt, RecordingKey, Rejected, State
from device.progress import Silent
from device.pull import STUBBORN_ATTEMPTS, Puller
from device.spool.spool import Spool
from tests.fakes.clock import FakeClock
from tests.fakes.scripted_driver import BLOCK_BYTES, RECORDER, ScriptedDriver, key

AUDIO = random.Random(10).randbytes(120_000)
IMAGE = random.Random(11).randbytes(7_000)
OTHER = random.Random(12).randbytes(30_000)

pytestmark = pytest.mark.asyncio


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest_asyncio.fixture
async def spool(tmp_path: Path, clock: FakeClock):
    config = SpoolConfig(path=tmp_path / "spool", min_free_bytes=0)
    opened = await asyncio.to_thread(Spool.open, config, clock)
    yield opened
    await asyncio.to_thread(opened.close)


@pytest.fixture
def driver() -> ScriptedDriver:
    return ScriptedDriver({key(1): (AUDIO, IMAGE), key(2): (OTHER,)})


async def nothing(_entry: Entry) -> None:
    pass


def puller(driver: ScriptedDriver, spool: Spool, clock: FakeClock) -> Puller:
    return Puller(driver=driver, spool=spool, clock=clock, progress=Silent(), on_sealed=nothing)


async def pull(driver: ScriptedDriver, spool: Spool, clock: FakeClock):
    return await puller(driver, spool, clock).pull(RECORDER, await driver.recordings())


async def sealed_bytes(spool: Spool, which: RecordingKey) -> list[bytes]:
    entry = await asyncio.to_thread(spool.known, which)
    assert entry is not None

    def read() -> list[bytes]:
        return [spool.media_path(entry.id, m.medium.index).read_bytes() for m in entry.media]

    return await asyncio.to_thread(read)


async def test_everything_listed_is_sealed(driver, spool, clock):
    """A clean pull seals every recording with exactly its bytes."""
    pulled = await pull(driver, spool, clock)

    assert pulled.sealed == 2
    assert pulled.problems == ()
    assert await sealed_bytes(spool, key(1)) == [AUDIO, IMAGE]
    assert await sealed_bytes(spool, key(2)) == [OTHER]


async def test_pulling_the_same_listing_twice_reads_nothing(driver, spool, clock):
    """What is sealed already is not read again."""
    await pull(driver, spool, clock)
    driver.reads.clear()
    await pull(driver, spool, clock)

    assert driver.reads == []


async def test_a_lost_line_resumes_where_it_stopped(driver, spool, clock):
    """After a cut the next visit reads on from the last byte, though no whole block ends there."""
    driver.cuts = [100_500]
    with pytest.raises(LinkLost):
        await pull(driver, spool, clock)
    await pull(driver, spool, clock)

    assert driver.reads[1] == (key(1), 0, 100_500)
    assert await sealed_bytes(spool, key(1)) == [AUDIO, IMAGE]


async def test_a_flipped_prefix_is_not_built_upon(driver, spool, clock):
    """ZMODEM's first silent corruption: a bad byte in the kept prefix is found and read again."""
    driver.cuts = [90_000]
    with pytest.raises(LinkLost):
        await pull(driver, spool, clock)
    (entry,) = await asyncio.to_thread(spool.entries)
    (partial,) = (spool.root / "incoming" / entry.id).iterdir()
    kept = bytearray(await asyncio.to_thread(partial.read_bytes))
    kept[10_000] ^= 1
    await asyncio.to_thread(partial.write_bytes, kept)
    await pull(driver, spool, clock)

    assert driver.reads[1] == (key(1), 0, 10_000 - 10_000 % BLOCK_BYTES)
    assert await sealed_bytes(spool, key(1)) == [AUDIO, IMAGE]


async def test_a_bad_byte_behind_the_last_block_is_mended(driver, spool, clock):
    """What no block covers is kept, and read again when the digest over the whole disagrees."""
    driver.cuts = [100_500]
    with pytest.raises(LinkLost):
        await pull(driver, spool, clock)
    (entry,) = await asyncio.to_thread(spool.entries)
    (partial,) = (spool.root / "incoming" / entry.id).iterdir()
    kept = bytearray(await asyncio.to_thread(partial.read_bytes))
    kept[100_400] ^= 1
    await asyncio.to_thread(partial.write_bytes, kept)
    await pull(driver, spool, clock)

    assert driver.reads[1][2] == 100_500
    assert driver.reads[2][2] == 100_400 - 100_400 % BLOCK_BYTES
    assert await sealed_bytes(spool, key(1)) == [AUDIO, IMAGE]


async def test_another_file_of_the_same_length_is_not_mixed_in(driver, spool, clock):
    """ZMODEM's second silent corruption: a source replaced during the break is not appended to."""
    driver.cuts = [90_000]
    with pytest.raises(LinkLost):
        await pull(driver, spool, clock)
    replaced = random.Random(99).randbytes(len(AUDIO))
    driver.contents[key(1)] = (replaced, IMAGE)
    await pull(driver, spool, clock)

    assert await sealed_bytes(spool, key(1)) == [replaced, IMAGE]


async def test_without_block_hashes_only_the_checkpoint_is_kept(driver, spool, clock):
    """A recorder that cannot hash blocks resumes at what is durable; the digest decides."""
    driver.hashes = False
    driver.cuts = [50_000]
    with pytest.raises(LinkLost):
        await pull(driver, spool, clock)
    await pull(driver, spool, clock)

    assert await sealed_bytes(spool, key(1)) == [AUDIO, IMAGE]


async def test_without_hashes_and_digest_nothing_held_is_trusted(driver, spool, clock):
    """Where nothing could ever prove a kept prefix, the read starts over: length proves nothing."""
    driver.hashes = driver.digests = False
    driver.cuts = [50_000]
    with pytest.raises(LinkLost):
        await pull(driver, spool, clock)
    driver.contents[key(1)] = (random.Random(98).randbytes(len(AUDIO)), IMAGE)
    await pull(driver, spool, clock)

    assert await sealed_bytes(spool, key(1)) == list(driver.contents[key(1)])


async def test_a_recorder_that_cannot_resume_starts_over(driver, spool, clock):
    """A driver that is not resumable is never asked for an offset."""
    driver.resumable = False
    driver.cuts = [50_000]
    with pytest.raises(LinkLost):
        await pull(driver, spool, clock)
    await pull(driver, spool, clock)

    assert {offset for _, _, offset in driver.reads} == {0}
    assert await sealed_bytes(spool, key(1)) == [AUDIO, IMAGE]


async def test_one_bad_read_is_mended(driver, spool, clock):
    """A wrong byte costs one more read, from the block that is wrong."""
    driver.wrong_reads = 1
    pulled = await pull(driver, spool, clock)

    assert pulled.sealed == 2
    assert driver.reads[1][:2] == (key(1), 0)
    assert driver.reads[1][2] == 0
    assert await sealed_bytes(spool, key(1)) == [AUDIO, IMAGE]


async def test_a_lasting_mismatch_is_quarantined_and_stops_nobody(driver, spool, clock):
    """A digest that never agrees quarantines that recording, bytes kept; the next goes on."""
    driver.lie_about[(key(1), 0)] = "ab" * 32
    pulled = await pull(driver, spool, clock)
    entry = await asyncio.to_thread(spool.known, key(1))

    assert pulled.sealed == 1
    assert entry is not None
    assert entry.state is State.QUARANTINED
    assert "quarantined" in pulled.problems[0]
    assert (spool.root / "quarantine" / entry.id).is_dir()


async def test_a_mismatch_is_read_exactly_twice(driver, spool, clock):
    """A recorder whose listing lies is re-read once, not for ever, and not on the next visit."""
    driver.lie_about[(key(1), 0)] = "ab" * 32
    await pull(driver, spool, clock)
    await pull(driver, spool, clock)

    assert [r for r in driver.reads if r[0] == key(1)] == [(key(1), 0, 0), (key(1), 0, 0)]


async def test_rejected_items_are_told(driver, spool, clock):
    """What a driver cannot vouch for is a problem that people see."""
    driver.rejected = (Rejected(recording="../../x", reason="not a name"),)
    pulled = await pull(driver, spool, clock)

    assert pulled.sealed == 2
    assert "../../x: not a name" in pulled.problems


async def test_what_is_no_recording_yet_is_no_failure(driver, spool, clock):
    """A folder still being written is mentioned, and nothing has failed."""
    driver.rejected = (Rejected(recording="2026", reason="not sealed yet", failed=False),)
    pulled = await pull(driver, spool, clock)

    assert pulled.problems == ()
    assert pulled.notes == ("2026: not sealed yet",)


async def test_a_busy_recorder_is_left_alone(driver, spool, clock):
    """BUSY ends the visit, and the recording says until when it waits."""
    driver.refuse[key(1)] = RecorderBusy("writing", retry_after_s=30)
    with pytest.raises(RecorderBusy):
        await pull(driver, spool, clock)
    entry = await asyncio.to_thread(spool.known, key(1))

    assert entry is not None
    assert entry.wait is not None
    assert entry.wait.until is not None
    assert 30 == (entry.wait.until - clock.now()).total_seconds()


@pytest.mark.parametrize("error", [RecorderRefused("no", wire_code=9), ProtocolViolation("bad")])
async def test_a_stubborn_recording_is_quarantined_in_the_end(error, driver, spool, clock):
    """One recording that always fails is set aside; the others were pulled the first time."""
    driver.refuse[key(1)] = error
    states = []
    for _ in range(STUBBORN_ATTEMPTS):
        await pull(driver, spool, clock)
        entry = await asyncio.to_thread(spool.known, key(1))
        states.append(entry.state if entry else None)

    assert states == [State.PULLING] * (STUBBORN_ATTEMPTS - 1) + [State.QUARANTINED]
    assert await sealed_bytes(spool, key(2)) == [OTHER]


async def test_a_vanished_recording_says_so(driver, spool, clock):
    """A half-pulled recording that the recorder no longer lists keeps its bytes and its reason."""
    driver.cuts = [50_000]
    with pytest.raises(LinkLost):
        await pull(driver, spool, clock)
    del driver.contents[key(1)]
    await pull(driver, spool, clock)
    entry = await asyncio.to_thread(spool.known, key(1))

    assert entry is not None
    assert entry.wait is not None
    assert entry.wait.code == "not-listed"
    assert "50000 of 127000 bytes are kept" in entry.wait.reason


async def test_an_unknown_listing_proves_no_absence(driver, spool, clock):
    """While a listing is incomplete, nothing is said of what it lacks."""
    driver.cuts = [50_000]
    with pytest.raises(LinkLost):
        await pull(driver, spool, clock)
    driver.contents.clear()
    driver.complete = False
    await pull(driver, spool, clock)
    entry = await asyncio.to_thread(spool.known, key(1))

    assert entry is not None
    assert entry.wait is None


async def test_a_gone_medium_waits_with_a_reason(driver, spool, clock):
    """A medium that vanished between listing and read is no crash and no quarantine yet."""
    driver.refuse[key(1)] = MediumGone("deleted by hand")
    pulled = await pull(driver, spool, clock)

    assert pulled.sealed == 1
    assert any("deleted by hand" in p for p in pulled.problems)


async def test_a_full_spool_stops_ingest_and_loses_nothing(driver, tmp_path, clock):
    """Without room the recordings wait on their recorder, each with the reason."""
    config = SpoolConfig(path=tmp_path / "small", max_bytes=60_000, min_free_bytes=0)
    small = await asyncio.to_thread(Spool.open, config, clock)
    try:
        pulled = await pull(driver, small, clock)
        big = await asyncio.to_thread(small.known, key(1))

        assert pulled.sealed == 1  # the one that fits
        assert big is not None
        assert big.wait is not None
        assert big.wait.code == "spool-full"
    finally:
        await asyncio.to_thread(small.close)


async def test_a_reused_id_with_other_content_is_told_and_never_released(driver, spool, clock):
    """A recorder that reuses id and generation for other content is contradicted, loudly."""
    await pull(driver, spool, clock)
    driver.contents[key(2)] = (random.Random(5).randbytes(len(OTHER)),)
    pulled = await pull(driver, spool, clock)

    assert any("needs a person" in p for p in pulled.problems)
    assert pulled.lingering == ()


async def test_a_released_recording_that_is_listed_again_lingers(driver, spool, clock):
    """A recorder that forgot a release is to be told again; nothing is pulled twice."""
    await pull(driver, spool, clock)
    entry = await asyncio.to_thread(spool.known, key(2))
    assert entry is not None
    await asyncio.to_thread(spool.save_evidence, entry.id, 0, Evidence(status=200))
    receipt = Receipt(cloud="bota", cloud_recording="rec_1", acknowledged_at=clock.now())
    await asyncio.to_thread(spool.store, entry.id, receipt)
    await asyncio.to_thread(spool.release, entry.id)
    driver.reads.clear()
    pulled = await pull(driver, spool, clock)

    assert [entry.id] == [e.id for e in pulled.lingering]
    assert driver.reads == []


async def test_an_empty_medium_is_a_medium(spool, clock):
    """A medium of no bytes is sealed like any other."""
    driver = ScriptedDriver({key(3): (b"", IMAGE)})
    pulled = await pull(driver, spool, clock)

    assert pulled.sealed == 1
    assert await sealed_bytes(spool, key(3)) == [b"", IMAGE]
    assert MediaKind.AUDIO == (await asyncio.to_thread(spool.entries))[0].media[0].medium.kind


async def test_what_is_still_being_made_comes_after_what_failed(driver, spool, clock):
    """It may take hours: a finished recording that ended visits before does not wait for it."""
    listing = replace(await driver.recordings(), live=frozenset({key(1)}))
    pulling = puller(driver, spool, clock)
    pulling.fruitless[key(2)] = 9
    await pulling.pull(RECORDER, listing)

    assert [which for which, *_ in driver.reads] == [key(2), key(1), key(1)]
