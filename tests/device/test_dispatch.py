"""Dispatch: every sealed recording goes up, or says why it waits; one failure blocks no other."""

import asyncio
from pathlib import Path

import pytest
import pytest_asyncio

from device.aftermath import PATIENCE
from device.bell import Bell
from device.cloud.bota import Bota
from device.config import CloudConfig, UploadConfig
from device.dispatch import LONGEST_ONCE_S, Dispatcher
from device.drivers.named_files import CLI_RECORDER, describe
from device.gate import TOKEN_POLL_S
from device.model import State
from device.progress import Silent
from device.spool.spool import Spool
from device.transport import Patience, Transport
from tests.fakes.bota_api import CUT, HTML, LOST_ANSWER, TOKEN, BotaDouble, Fault
from tests.fakes.clock import FakeClock
from tests.fakes.uploads import CHUNK_BYTES, noise, recording_of, spool_in

pytestmark = pytest.mark.asyncio

PATIENT = Patience(connect_s=5, call_s=5, stall_s=5, response_s=5, continue_s=0.05)


class Rig:
    def __init__(
        self, spool: Spool, bota: BotaDouble, transport: Transport, clock: FakeClock, folder: Path
    ) -> None:
        self.spool, self.bota, self.transport, self.clock = spool, bota, transport, clock
        self.folder = folder
        self.sealed, self.stored = Bell(), Bell()
        self.token = TOKEN

    async def seal(self, number: int, *media: bytes):
        recording, contents = recording_of(*media, name=f"{number:032x}")
        paths = [self.folder / f"{number}-{i}" for i in range(len(contents))]

        def write():
            for path, content in zip(paths, contents, strict=True):
                path.write_bytes(content)
            return self.spool.ingest(recording, paths)

        entry = await asyncio.to_thread(write)
        self.sealed.ring()
        return entry

    async def entry(self, entry):
        return await asyncio.to_thread(self.spool.entry, entry.id)

    def dispatcher(self, *, once: bool = True, workers: int = 2) -> Dispatcher:
        return Dispatcher(
            spool=self.spool,
            cloud=Bota(
                CloudConfig(base_url=self.bota.base_url),
                self.transport,
                self.clock,
                lambda: self.token,
            ),
            transport=self.transport,
            clock=self.clock,
            settings=UploadConfig(chunk_bytes=CHUNK_BYTES, workers=workers),
            progress=Silent(),
            sealed=self.sealed,
            stored=self.stored,
            once=once,
        )

    async def settle(self, dispatcher: Dispatcher, *, advance_s: float = 400.0) -> float:
        """Run until nothing is left to do; return how much time passed on the clock."""
        began = self.clock.monotonic()
        running = asyncio.create_task(dispatcher.run())
        try:
            async with asyncio.timeout(15):
                while not await dispatcher.settled(None):
                    if self.clock.sleeping and not dispatcher._in_flight:
                        self.clock.advance(advance_s)
                    await asyncio.wait({running}, timeout=0.01)
                    if running.done():
                        running.result()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        return self.clock.monotonic() - began


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def spool(tmp_path: Path, clock: FakeClock):
    with spool_in(tmp_path / "spool", clock) as opened:
        yield opened


@pytest_asyncio.fixture
async def rig(tmp_path: Path, spool: Spool, clock: FakeClock):
    async with BotaDouble(chunked=True) as bota, Transport(patience=PATIENT) as transport:
        yield Rig(spool, bota, transport, clock, tmp_path)


async def test_all_sealed_recordings_go_up(rig):
    """Whatever is sealed is stored, audio and images."""
    for number in range(5):
        await rig.seal(number, noise(30_000, number), noise(2_000, number + 50))
    dispatcher = rig.dispatcher()
    await rig.settle(dispatcher)

    assert [State.STORED] * 5 == [e.state for e in await asyncio.to_thread(rig.spool.entries)]
    assert 5 == len(rig.bota.recordings)
    assert dispatcher.problems == {}


async def test_a_refused_token_parks_everything(rig):
    """401 stops uploads for everybody, keeps all recordings, and tells why."""
    rig.token = "dtok_revoked"
    entries = [await rig.seal(n, noise(3_000, n)) for n in range(3)]
    dispatcher = rig.dispatcher()
    await rig.settle(dispatcher)

    assert set(dispatcher.problems) == {e.id for e in entries}
    assert [State.SEALED] * 3 == [(await rig.entry(e)).state for e in entries]
    assert rig.bota.recordings == {}
    assert (await asyncio.to_thread(rig.spool.cooldown, "token")).reason


async def test_a_replaced_token_is_found_without_a_restart(rig):
    """The daemon tries the token file again, and goes on when it holds a good one."""
    rig.token = "dtok_revoked"
    entry = await rig.seal(1, noise(3_000))
    dispatcher = rig.dispatcher(once=False)
    running = asyncio.create_task(dispatcher.run())
    try:
        async with asyncio.timeout(10):
            while (await rig.entry(entry)).wait is None:
                await asyncio.wait({running}, timeout=0.01)
            rig.token = TOKEN
            while (await rig.entry(entry)).state is not State.STORED:
                if rig.clock.sleeping and not dispatcher._in_flight:
                    rig.clock.advance(TOKEN_POLL_S)
                await asyncio.wait({running}, timeout=0.01)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert State.STORED is (await rig.entry(entry)).state


async def test_one_rejected_recording_blocks_no_other(rig):
    """A permanent no quarantines that recording, explained; the rest is stored."""
    bad = await rig.seal(1, noise(3_000, 1))
    await asyncio.to_thread(rig.spool.entries)
    rig.bota.faults["create"].append(
        Fault(status=422, body=b'{"error":{"code":"invalid_request","message":"name too long"}}')
    )
    dispatcher = rig.dispatcher(workers=1)
    good = await rig.seal(2, noise(3_000, 2))
    await rig.settle(dispatcher)

    assert State.QUARANTINED is (await rig.entry(bad)).state
    assert "name too long" in (await rig.entry(bad)).quarantine_reason
    assert State.STORED is (await rig.entry(good)).state


async def test_a_cloud_that_is_down_is_given_up_by_once(rig):
    """With the gateway gone for good, once ends after bounded tries, everything kept."""
    entry = await rig.seal(1, noise(3_000))
    rig.bota.faults["create"].extend([CUT] * 100)
    dispatcher = rig.dispatcher()
    await rig.settle(dispatcher)
    creates = 100 - len(rig.bota.faults["create"])

    assert creates == PATIENCE
    assert State.SEALED is (await rig.entry(entry)).state
    assert (await rig.entry(entry)).wait.reason == dispatcher.problems[entry.id]


@pytest.mark.parametrize("fault", [CUT, LOST_ANSWER, HTML, Fault(status=503), Fault(status=500)])
@pytest.mark.parametrize("call", ["create", "upload-url", "put", "complete"])
async def test_a_passing_fault_anywhere_costs_only_a_retry(rig, call, fault):
    """Cut, lost answer, portal page or 5xx at any call: stored in the end, once."""
    entry = await rig.seal(1, noise(3_000))
    rig.bota.faults[call].append(fault)
    await rig.settle(rig.dispatcher())

    assert State.STORED is (await rig.entry(entry)).state
    assert 1 == len(rig.bota.recordings)
    assert not rig.bota.faults[call]


async def test_retry_after_is_kept_across_a_restart(rig):
    """429 with Retry-After stops all calls until then, even by a new process."""
    entry = await rig.seal(1, noise(3_000))
    rig.bota.faults["create"].append(Fault(status=429, headers={"Retry-After": "50"}))
    first = rig.dispatcher(once=False)
    running = asyncio.create_task(first.run())
    async with asyncio.timeout(10):
        while (await rig.entry(entry)).wait is None:
            await asyncio.wait({running}, timeout=0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    passed_s = await rig.settle(rig.dispatcher(), advance_s=1.0)

    assert 50 <= passed_s < 60
    assert State.STORED is (await rig.entry(entry)).state
    assert 0 == (await rig.entry(entry)).attempts  # throttling is no fault of the recording


async def test_once_does_not_sit_out_a_long_pause(rig):
    """A pause of an hour is told, not waited for."""
    entry = await rig.seal(1, noise(3_000))
    rig.bota.faults["create"].append(Fault(status=429, headers={"Retry-After": "3600"}))
    dispatcher = rig.dispatcher()
    passed_s = await rig.settle(dispatcher, advance_s=1.0)

    assert passed_s < LONGEST_ONCE_S
    assert entry.id in dispatcher.problems


async def test_a_clock_that_stepped_back_does_not_stop_the_line(rig):
    """A next attempt that a wrong clock put years ahead is not believed."""
    entry = await rig.seal(1, noise(3_000))
    rig.bota.faults["upload-url"].append(Fault(status=500))
    first = rig.dispatcher(once=False)
    running = asyncio.create_task(first.run())
    async with asyncio.timeout(10):
        while (await rig.entry(entry)).wait is None:
            await asyncio.wait({running}, timeout=0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    rig.clock.step(-10 * 365 * 86_400)
    await rig.settle(rig.dispatcher(once=False), advance_s=3_700)

    assert State.STORED is (await rig.entry(entry)).state


async def test_files_from_the_command_line_need_no_release(rig):
    """A recording of `fieldpost upload` is released by being stored, and not repeated."""
    path = rig.folder / "talk.opus"

    def ingest():
        path.write_bytes(b"OggS" + noise(5_000))
        recording = describe([path], started_at=None, metadata={})
        return rig.spool.ingest(recording, [path])

    entry = await asyncio.to_thread(ingest)
    again = await asyncio.to_thread(ingest)
    await rig.settle(rig.dispatcher())

    assert entry.id == again.id
    assert CLI_RECORDER == entry.recording.key.recorder
    assert State.RELEASED is (await rig.entry(entry)).state
    assert 1 == len(rig.bota.recordings)
