"""Uploads end to end to two third-party clouds: audio to Swayzio, images to Sivi."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from device.cloud.sivi import open_sivi
from device.cloud.split import Split
from device.cloud.swayzio import open_swayzio
from device.config import CloudConfig, UploadConfig
from device.core.uploads.classify import Stores
from device.errors import CloudError, CloudRejected, TargetExpired, TokenRefused
from device.model import Entry, State
from device.progress import Silent
from device.spool.spool import Spool
from device.transport import Patience, Transport
from device.upload import upload_entry
from device.upload_slots import UploadSlots
from tests.fakes.bota_api import CUT, HTML, LOST_ANSWER, Fault
from tests.fakes.clock import FakeClock
from tests.fakes.signed_store import Loopback
from tests.fakes.sivi_api import KEY, SiviDouble
from tests.fakes.sounds import wav
from tests.fakes.swayzio_api import TOKEN, SwayzioDouble
from tests.fakes.uploads import CHUNK_BYTES, noise, sealed_entry, spool_in

AUDIO = wav(3.0)
IMAGES = (noise(30_000, seed=2), noise(20_000, seed=3))
TYPES = ("audio/wav", "image/jpeg", "image/png")
PATIENCE = Patience(connect_s=5, call_s=5, stall_s=5, response_s=5, continue_s=0.05)


@dataclass
class Line:
    """Everything an upload needs, and what to look at afterwards."""

    spool: Spool
    swayzio: SwayzioDouble
    sivi: SiviDouble
    transport: Transport
    clock: FakeClock
    folder: Path
    slots: UploadSlots = field(default_factory=lambda: UploadSlots(2))
    _cloud: Split | None = None

    async def upload(self, entry: Entry) -> Entry:
        if self._cloud is None:
            self._cloud = self._opened()
        return await upload_entry(
            entry.id,
            spool=self.spool,
            cloud=self._cloud,
            transport=self.transport,
            clock=self.clock,
            stores=Stores(),
            settings=UploadConfig(chunk_bytes=CHUNK_BYTES),
            progress=Silent(),
            slots=self.slots,
        )

    def restart(self) -> None:
        """Forget everything that is not in the spool."""
        self._cloud = None

    async def persist(self, entry: Entry, *, restarting: bool = False) -> Entry:
        """Try again as the dispatcher does, without its pauses."""
        for _ in range(10):
            with contextlib.suppress(CloudError):
                return await self.upload(entry)
            if restarting:
                self.restart()
        pytest.fail("never stored")

    async def seal(self) -> Entry:
        def sealed() -> Entry:
            return sealed_entry(self.spool, self.folder, AUDIO, *IMAGES, types=TYPES)

        return await asyncio.to_thread(sealed)

    def net(self, which: str) -> Loopback:
        return self.swayzio.net if which == "swayzio" else self.sivi.net

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.swayzio.net.pass_time(seconds)
        self.sivi.net.pass_time(seconds)

    def _opened(self) -> Split:
        shared = self.transport, self.clock
        to_swayzio = CloudConfig(api="swayzio", base_url=self.swayzio.base_url)
        to_sivi = CloudConfig(api="sivi", base_url=self.sivi.base_url)
        path = self.spool.media_path
        main = open_swayzio(to_swayzio, *shared, lambda: TOKEN, path)
        return Split(main, open_sivi(to_sivi, *shared, lambda: KEY, path), self.clock)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def spool(tmp_path: Path, clock: FakeClock) -> Iterator[Spool]:
    with spool_in(tmp_path / "spool", clock) as opened:
        yield opened


@pytest_asyncio.fixture
async def line(spool: Spool, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Line]:
    async with (
        SwayzioDouble() as swayzio,
        SiviDouble() as sivi,
        Transport(patience=PATIENCE) as transport,
    ):
        yield Line(spool, swayzio, sivi, transport, clock, tmp_path)


@pytest.mark.asyncio
async def test_a_recording_arrives_whole(line: Line) -> None:
    """Audio becomes a track with its length, images become records, and both are on the receipt."""
    stored = await line.upload(await line.seal())

    assert State.STORED is stored.state
    assert [AUDIO] == line.swayzio.contents()
    assert sorted(IMAGES) == sorted(line.sivi.contents())
    assert stored.receipt is not None
    assert 3 == stored.receipt.media
    # Pictures go up together, and are told of as they arrive.
    assert stored.receipt.cloud_recording in {"trk_1+m_1,m_2", "trk_1+m_2,m_1"}
    told = line.swayzio.tracks()[0].told
    assert told is not None
    assert 3000 == told["durationMs"]


@pytest.mark.parametrize("restarting", [False, True], ids=["same process", "restarted"])
@pytest.mark.parametrize("fault", [LOST_ANSWER, CUT, Fault(status=503), HTML])
@pytest.mark.parametrize(
    ("which", "operation"),
    [
        ("swayzio", "intent"),
        ("swayzio", "put"),
        ("swayzio", "finalize"),
        ("swayzio", "status"),
        ("sivi", "intent"),
        ("sivi", "put"),
        ("sivi", "register"),
    ],
)
@pytest.mark.asyncio
async def test_one_fault_anywhere(  # noqa: PLR0913, PLR0917 - a matrix
    line: Line,
    which: str,
    operation: str,
    fault: Fault,
    restarting: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever one request meets, one track and every image are there at the end, byte for byte.

    Only a lost answer to the call that makes something can leave one thing too many.
    """
    monkeypatch.setattr("device.hearing._decoder_is_here", lambda: False)  # it takes its time
    entry = await line.seal()
    line.net(which).faults[operation].append(fault)

    stored = await line.persist(entry, restarting=restarting)

    assert State.STORED is stored.state
    assert [AUDIO] == line.swayzio.contents()
    assert set(IMAGES) == set(line.sivi.contents())
    lost = fault is LOST_ANSWER
    assert 1 + (lost and (which, operation) == ("swayzio", "intent")) == len(line.swayzio.intents)
    assert 2 + (lost and operation == "register") == len(line.sivi.records)


@pytest.mark.asyncio
async def test_an_url_that_is_refused_while_it_lives(line: Line) -> None:
    """A store that refuses a living URL is asked again with the same one: no second track."""
    entry = await line.seal()
    line.swayzio.net.faults["put"].extend([Fault(status=403)] * 9)
    with pytest.raises(TargetExpired):
        await line.upload(entry)

    assert 1 == len(line.swayzio.intents)


@pytest.mark.asyncio
async def test_a_lost_answer_of_an_url_for_one_put(line: Line) -> None:
    """A store that takes an object once says, asked again, that it is there: no second track."""
    entry = await line.seal()
    line.swayzio.once = True
    line.swayzio.net.faults["put"].extend([LOST_ANSWER, Fault(status=412)])

    stored = await line.persist(entry, restarting=True)

    assert State.STORED is stored.state
    assert [AUDIO] == line.swayzio.contents()
    assert 1 == len(line.swayzio.intents)
    assert 1 == line.swayzio.net.store.puts


@pytest.mark.asyncio
async def test_an_url_that_died_on_the_way(line: Line) -> None:
    """Bytes that could not go in time go to a new intent, and only that becomes a track."""
    entry = await line.seal()
    line.swayzio.net.faults["put"].append(Fault(status=503))
    with pytest.raises(CloudError):
        await line.upload(entry)
    line.pass_time(86_400)

    stored = await line.upload(entry)

    assert State.STORED is stored.state
    assert [AUDIO] == line.swayzio.contents()
    assert 2 == len(line.swayzio.intents)


@pytest.mark.asyncio
async def test_finalize_works_long_after(line: Line) -> None:
    """What is up is finalized after a day offline and a restart, without a byte more."""
    entry = await line.seal()
    line.swayzio.net.faults["finalize"].append(CUT)
    with pytest.raises(CloudError):
        await line.upload(entry)
    line.pass_time(86_400)
    line.restart()

    stored = await line.upload(entry)

    assert State.STORED is stored.state
    assert 1 == line.swayzio.net.store.puts
    assert 0 == stored.resent_bytes


@pytest.mark.asyncio
async def test_audio_that_swayzio_lost(line: Line) -> None:
    """An intent that is gone at finalize is begun anew within the attempt; images stay as told."""
    entry = await line.seal()
    line.swayzio.missing = (404, {"status": "upload_intent_not_found"})
    body = b'{"status": "upload_intent_not_found"}'
    line.swayzio.net.faults["finalize"].append(Fault(status=404, body=body))

    stored = await line.upload(entry)

    assert State.STORED is stored.state
    assert [AUDIO] == line.swayzio.contents()
    assert 2 == len(line.sivi.records)


@pytest.mark.asyncio
async def test_images_that_sivi_forgot(line: Line) -> None:
    """Images whose URLs died before they were registered are sent again, the audio is not."""
    entry = await line.seal()
    line.sivi.net.faults["register"].append(CUT)
    with pytest.raises(CloudError):
        await line.upload(entry)
    line.sivi.forgets = True
    line.pass_time(86_400)

    stored = await line.persist(entry)

    assert State.STORED is stored.state
    assert sorted(IMAGES) == sorted(line.sivi.contents())
    assert 1 == line.swayzio.net.store.puts


@pytest.mark.asyncio
async def test_images_are_registered_at_once(line: Line) -> None:
    """An image leaves its slot to the next one only when it is registered: its URL is young."""
    line.sivi.forgets = True
    line.slots = UploadSlots(1)
    stored = await line.upload(await line.seal())

    assert State.STORED is stored.state
    assert ["intent", "put", "register"] * 2 == [name for name, _ in line.sivi.net.requests]


@pytest.mark.asyncio
async def test_a_refused_key_loses_nothing(line: Line) -> None:
    """When one cloud refuses its credential the entry waits, and what the other has is kept."""
    entry = await line.seal()
    line.sivi.keys.clear()
    with pytest.raises(TokenRefused):
        await line.upload(entry)
    line.sivi.keys.add(KEY)
    line.restart()

    stored = await line.upload(entry)

    assert State.STORED is stored.state
    assert 1 == len(line.swayzio.tracks())


@pytest.mark.asyncio
async def test_what_cannot_go_is_refused_first(line: Line) -> None:
    """A video that neither takes stops the recording before any call, and it stays spooled."""

    def sealed() -> Entry:
        types = ("audio/wav", "video/mp4")
        return sealed_entry(line.spool, line.folder, AUDIO, b"film", types=types)

    entry = await asyncio.to_thread(sealed)
    with pytest.raises(CloudRejected):
        await line.upload(entry)

    assert [] == line.swayzio.net.requests
    assert [] == line.sivi.net.requests
    assert State.SEALED is (await asyncio.to_thread(line.spool.entry, entry.id)).state
