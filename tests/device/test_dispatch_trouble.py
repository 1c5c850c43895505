"""Dispatch in trouble: nothing that fails for ever stops, floods or outlives the rest."""

import asyncio

import pytest
import pytest_asyncio

from device.aftermath import MISSING_ATTEMPTS, PATIENCE
from device.dispatch import LONGEST_S, Dispatcher
from device.drivers.named_files import describe
from device.errors import CloudUnreachable, CloudUnwell, NotTheCloud, SpoolFull
from device.model import Evidence, Receipt, State
from device.transport import Transport
from tests.device.test_dispatch import PATIENT, Rig, clock, rig, spool
from tests.fakes.bota_api import BotaDouble, Fault
from tests.fakes.uploads import noise

__all__ = ["clock", "rig", "spool"]

pytestmark = pytest.mark.asyncio


FOREVER = 200


@pytest_asyncio.fixture
async def plain_rig(tmp_path, spool, clock):
    async with BotaDouble() as bota, Transport(patience=PATIENT) as transport:
        yield Rig(spool, bota, transport, clock, tmp_path)


def forever(rig: Rig, call: str, fault: Fault) -> None:
    rig.bota.faults[call].extend([fault] * FOREVER)


async def test_retry_after_zero_is_no_busy_loop(rig):
    """A cloud that asks to come back at once is still asked less and less often."""
    await rig.seal(1, noise(3_000))
    forever(rig, "create", Fault(status=503, headers={"Retry-After": "0"}))
    dispatcher = rig.dispatcher(once=False)
    running = asyncio.create_task(dispatcher.run())
    try:
        await asyncio.wait({running}, timeout=0.3)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert FOREVER - len(rig.bota.faults["create"]) == 1


async def test_once_gives_up_a_cloud_that_only_asks_to_wait(rig):
    """Short pauses without end are no reason for `run --once` never to end."""
    entry = await rig.seal(1, noise(3_000))
    forever(rig, "create", Fault(status=429, headers={"Retry-After": "30"}))
    dispatcher = rig.dispatcher()
    await rig.settle(dispatcher, advance_s=31)

    assert FOREVER - len(rig.bota.faults["create"]) == PATIENCE
    assert entry.id in dispatcher.problems


async def run_a_while(rig: Rig, dispatcher: Dispatcher, *, rounds: int) -> None:
    """Let the daemon run, time passing whenever it has nothing to do."""
    running = asyncio.create_task(dispatcher.run())
    try:
        for _ in range(rounds):
            await asyncio.wait({running}, timeout=0.01)
            if rig.clock.sleeping and not dispatcher._in_flight:
                rig.clock.advance(LONGEST_S)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("error", [CloudUnwell("HTTP 500"), CloudUnreachable("cut")])
async def test_one_recording_that_the_cloud_chokes_on_blocks_no_other(rig, error):
    """With one worker too, what only one recording meets does not hold up those behind it."""
    bad = await rig.seal(1, noise(3_000, 1))
    good = [await rig.seal(n, noise(3_000, n)) for n in (2, 3)]
    dispatcher = rig.dispatcher(workers=1, once=False)
    create = dispatcher.cloud.open

    async def choke(manifest, ref):
        if manifest.key == bad.recording.key:
            raise error
        return await create(manifest, ref)

    dispatcher.cloud.open = choke
    await run_a_while(rig, dispatcher, rounds=60)

    assert [State.STORED] * 2 == [(await rig.entry(e)).state for e in good]
    assert State.SEALED is (await rig.entry(bad)).state


async def test_what_to_do_is_kept_beside_what_happened(rig):
    """A proxy's or a portal's remedy is shown where people look: in the recording's reason."""
    entry = await rig.seal(1, noise(3_000))
    dispatcher = rig.dispatcher()

    async def stopped(manifest, ref):
        raise NotTheCloud("HTTP 407", hint="put the login into the file")

    dispatcher.cloud.open = stopped
    await rig.settle(dispatcher)

    reason = "HTTP 407; put the login into the file"
    assert reason == (await rig.entry(entry)).wait.reason
    assert reason == dispatcher.problems[entry.id] == dispatcher.stopped


async def test_a_full_disk_while_a_failure_is_noted_does_not_end_the_uploads(rig):
    """If not even the reason can be kept, the upload is tried again all the same."""
    entry = await rig.seal(1, noise(3_000))
    rig.bota.faults["create"].append(Fault(status=500))
    before, failures = rig.spool.save_wait, [SpoolFull("the index cannot grow")]

    def save_wait(*args, **kwargs):
        if failures:
            raise failures.pop()
        before(*args, **kwargs)

    rig.spool.save_wait = save_wait
    await rig.settle(rig.dispatcher())

    assert State.STORED is (await rig.entry(entry)).state


async def test_a_full_disk_at_the_start_does_not_end_the_uploads(rig):
    """A cool-down that cannot be cleared now is no reason to stop the agent."""
    entry = await rig.seal(1, noise(3_000))
    before, failures = rig.spool.save_cooldown, [SpoolFull("the index cannot grow")]

    def save(*args, **kwargs):
        if failures:
            raise failures.pop()
        before(*args, **kwargs)

    rig.spool.save_cooldown = save
    await rig.settle(rig.dispatcher())

    assert State.STORED is (await rig.entry(entry)).state


async def test_named_files_that_a_crash_left_stored_are_released(rig):
    """A power cut between receipt and release of `fieldpost upload` leaves nothing for ever."""
    path = rig.folder / "talk.opus"

    def ingest():
        path.write_bytes(b"OggS" + noise(5_000))
        entry = rig.spool.ingest(describe([path], started_at=None, metadata={}), [path])
        rig.spool.save_evidence(entry.id, 0, Evidence(status=200))
        receipt = Receipt(cloud="t", cloud_recording="rec_1", acknowledged_at=rig.clock.now())
        return rig.spool.store(entry.id, receipt)

    entry = await asyncio.to_thread(ingest)
    await rig.settle(rig.dispatcher())

    assert State.RELEASED is (await rig.entry(entry)).state


async def test_a_cloud_that_misses_media_for_ever_does_not_get_them_for_ever(rig):
    """What the cloud says it lacks is sent again a few times, then a person must look."""
    entry = await rig.seal(1, noise(30_000))
    said = b'{"error":{"code":"media_pending","message":"x","details":{"media_ids":["med_x"]}}}'
    forever(rig, "complete", Fault(status=409, body=said))
    await run_a_while(rig, rig.dispatcher(once=False), rounds=100)
    entry = await rig.entry(entry)

    assert State.QUARANTINED is entry.state
    assert "media_pending" in entry.quarantine_reason
    assert entry.resent_bytes == MISSING_ATTEMPTS * 30_000


@pytest.mark.parametrize("status", [400, 404, 405, 409])
async def test_an_answer_that_is_not_the_apis_quarantines_nothing(rig, status):
    """A reverse proxy without its backend says 404 in plain text: that is no no to a recording."""
    entry = await rig.seal(1, noise(3_000))
    rig.bota.faults["create"].append(Fault(status=status, body=b"404 page not found\n"))
    await rig.settle(rig.dispatcher())

    assert State.STORED is (await rig.entry(entry)).state


@pytest.mark.parametrize("damage", [b"", bytes(300_000)])
async def test_damaged_bytes_can_be_pulled_again(rig, damage):
    """What rotted on our disk is set aside so that a requeue pulls it anew, and only that."""
    entry = await rig.seal(1, noise(300_000), noise(2_000, 2))
    rotten = await asyncio.to_thread(rig.spool.media_path, entry.id, 0)
    await asyncio.to_thread(rotten.write_bytes, damage)
    await rig.settle(rig.dispatcher())
    aside = await rig.entry(entry)
    again = await asyncio.to_thread(rig.spool.requeue, entry.id)

    assert State.QUARANTINED is aside.state
    assert State.PULLING is again.state
    assert [None, aside.media[1].sha256] == [m.sha256 for m in again.media]


@pytest.mark.parametrize(
    ("status", "headers", "at_once"),
    [
        (503, {"Retry-After": "1"}, 1),
        (409, {}, 1),
        (403, {}, 4),
    ],
)
async def test_a_store_that_fails_at_the_end_does_not_eat_the_data_budget(
    plain_rig, status, headers, at_once, monkeypatch
):
    """A medium that a store reads whole and then refuses goes up less and less often."""
    monkeypatch.setattr("random.random", lambda: 0.5)
    read = []

    def refuse(_path, body):
        read.append(len(body))
        return status, headers, b""

    plain_rig.bota.store.put = refuse
    await plain_rig.seal(1, noise(300_000))
    dispatcher = plain_rig.dispatcher(once=False)
    running = asyncio.create_task(dispatcher.run())
    try:
        for _ in range(6 * 60 // 5):
            await asyncio.wait({running}, timeout=0.005)
            while dispatcher._in_flight:
                await asyncio.wait({running}, timeout=0.005)
            plain_rig.clock.advance(300)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert 1 < len(read) / at_once <= 20  # in six hours
