"""Uploads end to end to the clouds of others: the real spool and transport, strict doubles.

Every attempt opens the spool and the cloud anew, as after a restart.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from device.cloud import Cloud
from device.cloud.bota import Bota
from device.cloud.cryomix import Cryomix
from device.cloud.siro import Siro
from device.cloud.split import Split
from device.config import CloudConfig, SpoolConfig, UploadConfig
from device.core.uploads.classify import Stores
from device.errors import CloudConflict, CloudError, CloudRejected, CloudUnreachable
from device.model import Entry, State
from device.progress import Silent
from device.spool.spool import Spool
from device.transport import Patience, Transport
from device.upload import upload_entry
from device.upload_slots import UploadSlots
from tests.fakes.bota_api import CUT, HTML, LOST_ANSWER, BotaDouble, Fault
from tests.fakes.bota_api import TOKEN as BOTA_TOKEN
from tests.fakes.clock import FakeClock
from tests.fakes.cryomix_api import KEY, CryomixDouble
from tests.fakes.signed_store import Loopback
from tests.fakes.siro_api import TOKEN as SIRO_TOKEN
from tests.fakes.siro_api import SiroDouble
from tests.fakes.uploads import CHUNK_BYTES, noise, sealed_entry

AUDIO = noise(90_000)
MORE = noise(30_000, seed=2)
FAULTS = [LOST_ANSWER, CUT, Fault(status=500), Fault(status=503), HTML]
PATIENCE = Patience(connect_s=5, call_s=5, stall_s=5, response_s=5, continue_s=0.05)


@dataclass
class Line:
    """Everything one upload needs, and what to look at afterwards."""

    net: Loopback
    transport: Transport
    clock: FakeClock
    folder: Path
    open_cloud: Callable[[Transport, FakeClock], Cloud]
    contents: Callable[[], list[bytes]]
    types: tuple[str, str]

    async def seal(self, *types: str) -> Entry:
        def make() -> Entry:
            with contextlib.closing(self._opened()) as spool:
                return sealed_entry(spool, self.folder, AUDIO, MORE, types=types or self.types)

        return await asyncio.to_thread(make)

    async def upload(self, entry: Entry) -> Entry:
        spool = await asyncio.to_thread(self._opened)
        try:
            return await upload_entry(
                entry.id,
                spool=spool,
                cloud=self.open_cloud(self.transport, self.clock),
                transport=self.transport,
                clock=self.clock,
                stores=Stores(),
                settings=UploadConfig(chunk_bytes=CHUNK_BYTES),
                progress=Silent(),
                slots=UploadSlots(2),
            )
        except CloudError:
            await self._check_kept(spool, entry)
            raise
        finally:
            await asyncio.to_thread(spool.close)

    async def persist(self, entry: Entry, attempts: int = 10) -> Entry:
        """Try again as the dispatcher does, without its pauses."""
        for _ in range(attempts):
            with contextlib.suppress(CloudError):
                return await self.upload(entry)
        pytest.fail("never stored")

    def _opened(self) -> Spool:
        return Spool.open(SpoolConfig(path=self.folder / "spool", min_free_bytes=0), self.clock)

    async def _check_kept(self, spool: Spool, entry: Entry) -> None:
        """After a failure nothing is released: the entry waits, with its bytes."""

        def look() -> tuple[State, bool, bytes]:
            kept = spool.entry(entry.id)
            held = spool.media_path(entry.id, 0).read_bytes()
            return kept.state, kept.receipt is None, held

        assert (State.SEALED, True, AUDIO) == await asyncio.to_thread(look)


@pytest_asyncio.fixture
async def siro(tmp_path: Path) -> AsyncIterator[Line]:
    async with SiroDouble() as double, Transport(patience=PATIENCE) as transport:
        config = CloudConfig(api="siro", base_url=double.base_url, end_user_id="u-1")
        yield Line(
            double.net,
            transport,
            FakeClock(),
            tmp_path,
            lambda transport, clock: Siro(config, transport, clock, lambda: SIRO_TOKEN),
            double.contents,
            ("audio/wav", "audio/mpeg"),
        )


@pytest_asyncio.fixture
async def cryomix(tmp_path: Path) -> AsyncIterator[Line]:
    async with CryomixDouble() as double, Transport(patience=PATIENCE) as transport:
        config = CloudConfig(api="cryomix", base_url=double.base_url)
        yield Line(
            double.net,
            transport,
            FakeClock(),
            tmp_path,
            lambda transport, clock: Cryomix(config, transport, clock, lambda: KEY),
            double.contents,
            ("audio/wav", "audio/flac"),
        )


@pytest.fixture(params=["siro", "cryomix"])
def line(request: pytest.FixtureRequest) -> Line:
    return request.getfixturevalue(request.param)


@dataclass
class Pair:
    """A line to Siro, with Bota for images."""

    line: Line
    bota: BotaDouble
    address: str
    """Where images go."""


@pytest_asyncio.fixture
async def pair(siro: Line) -> AsyncIterator[Pair]:
    async with BotaDouble() as bota:
        main_of, contents = siro.open_cloud, siro.contents
        pair = Pair(siro, bota, bota.base_url)

        def open_both(transport: Transport, clock: FakeClock) -> Cloud:
            config = CloudConfig(base_url=pair.address)
            images = Bota(config, transport, clock, lambda: BOTA_TOKEN)
            return Split(main_of(transport, clock), images, clock)

        siro.open_cloud = open_both
        siro.contents = lambda: [*contents(), *bota.bytes_of("rec_0001", "image")]
        siro.types = ("audio/wav", "image/jpeg")
        yield pair


async def _check_arrived(line: Line, entry: Entry, *, twice: int = 0) -> None:
    stored = await line.persist(entry)

    assert State.STORED is stored.state
    assert stored.receipt is not None
    assert 2 == stored.receipt.media
    assert {AUDIO, MORE} == set(line.contents())
    assert 2 + twice == len(line.contents())


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("nth", [0, 1])
@pytest.mark.parametrize("operation", ["signed-urls", "put", "register"])
@pytest.mark.asyncio
async def test_siro_through_one_fault(siro: Line, operation: str, nth: int, fault: Fault) -> None:
    """Whatever one request meets, Siro has each file once; twice only if its yes was lost."""
    entry = await siro.seal()
    siro.net.faults[operation].extend([*[None] * nth, fault])

    await _check_arrived(siro, entry, twice=operation == "register" and fault is LOST_ANSWER)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("nth", [0, 1])
@pytest.mark.parametrize("operation", ["multi-upload", "put"])
@pytest.mark.asyncio
async def test_cryomix_through_one_fault(
    cryomix: Line, operation: str, nth: int, fault: Fault
) -> None:
    """Whatever one request meets, the store of Cryo-Mix has each file once."""
    entry = await cryomix.seal()
    cryomix.net.faults[operation].extend([*[None] * nth, fault])

    await _check_arrived(cryomix, entry)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("operation", ["create", "upload-url", "put", "complete"])
@pytest.mark.asyncio
async def test_images_elsewhere_through_one_fault(pair: Pair, operation: str, fault: Fault) -> None:
    """Whatever the cloud of images meets, both have their part once."""
    entry = await pair.line.seal()
    pair.bota.faults[operation].append(fault)
    stored = await pair.line.persist(entry)

    assert State.STORED is stored.state
    assert 1 == len(pair.bota.recordings)
    assert 1 == pair.line.contents().count(AUDIO)
    assert MORE in pair.line.contents()


@pytest.mark.parametrize("operation", ["signed-urls", "put", "register"])
@pytest.mark.asyncio
async def test_audio_in_trouble_leaves_images_where_they_are(pair: Pair, operation: str) -> None:
    """What the cloud of images holds is not sent again because the other failed."""
    entry = await pair.line.seal()
    pair.line.net.faults[operation].extend([CUT, CUT])
    await pair.line.persist(entry)

    assert 1 == pair.bota.store.puts
    assert 1 == len(pair.bota.media)
    assert [AUDIO, MORE] == pair.line.contents()


@pytest.mark.asyncio
async def test_every_call_is_cut_in_turn(siro: Line) -> None:
    """A line on which each request fails once before it succeeds still ends in one upload."""
    entry = await siro.seal()
    for operation in ("signed-urls", "put", "register"):
        siro.net.faults[operation].extend([CUT, None, CUT, None])

    await _check_arrived(siro, entry)


async def _cut_a_day_ago(line: Line, operation: str, faults: list[Fault | None]) -> Entry:
    """Seal a recording whose upload broke off at a call, and let the cloud's clock run on."""
    entry = await line.seal()
    line.net.faults[operation].extend(faults)
    with pytest.raises(CloudUnreachable):
        await line.upload(entry)
    line.net.pass_time(86_400)
    return entry


@pytest.mark.asyncio
async def test_a_day_offline_before_siro_was_told(siro: Line) -> None:
    """A file that Siro can no longer fetch is sent again in the same attempt, and only that."""
    entry = await _cut_a_day_ago(siro, "register", [None, CUT])

    await _check_arrived(siro, entry)
    assert 3 == siro.net.store.puts


@pytest.mark.asyncio
async def test_what_siro_said_before_a_file_was_missing(siro: Line) -> None:
    """In the attempt that sends one file again the other, just acknowledged, is not announced."""
    entry = await _cut_a_day_ago(siro, "register", [CUT])

    await _check_arrived(siro, entry)
    assert 3 == siro.net.store.puts


@pytest.mark.asyncio
async def test_an_expired_url_is_renewed(line: Line) -> None:
    """A URL that died while the line was down is asked for anew."""
    entry = await _cut_a_day_ago(line, "put", [CUT])

    await _check_arrived(line, entry)


@pytest.mark.asyncio
async def test_what_the_store_damaged_is_sent_again(line: Line) -> None:
    """A digest of the store's own that is not ours is never taken for an upload."""
    entry = await line.seal()
    line.net.store.damaging = 1

    await _check_arrived(line, entry)
    assert 3 == line.net.store.puts


@pytest.mark.asyncio
async def test_a_store_that_proves_nothing(cryomix: Line) -> None:
    """Without a digest from the store nothing is released, however often it says 200."""
    entry = await cryomix.seal()
    cryomix.net.store.digests = False

    for _ in range(2):
        with pytest.raises(CloudConflict, match="does not say what it holds"):
            await cryomix.upload(entry)
    assert 2 == cryomix.net.store.puts


@pytest.mark.asyncio
async def test_images_without_a_cloud_are_kept(line: Line) -> None:
    """A recording that the API cannot take whole is not begun, and the sentence says what helps."""
    entry = await line.seal("audio/wav", "image/jpeg")

    with pytest.raises(CloudRejected, match=r"takes no images; .*\[cloud.images\]"):
        await line.upload(entry)
    assert [] == line.net.requests


@pytest.mark.asyncio
async def test_another_cloud_gets_all_of_it(pair: Pair) -> None:
    """What is up in a cloud that is configured no more is sent again to the one that is."""
    entry = await pair.line.seal()
    pair.line.net.faults["signed-urls"].append(CUT)
    with pytest.raises(CloudUnreachable):
        await pair.line.upload(entry)
    async with BotaDouble() as other:
        config = CloudConfig(base_url=other.base_url)
        pair.line.open_cloud = lambda transport, clock: Bota(
            config, transport, clock, lambda: BOTA_TOKEN
        )
        stored = await pair.line.upload(entry)

        assert State.STORED is stored.state
        assert [AUDIO] == other.bytes_of("rec_0001", "audio")
        assert [MORE] == other.bytes_of("rec_0001", "image")


@pytest.mark.asyncio
async def test_the_same_api_at_another_address(siro: Line) -> None:
    """What Siro acknowledged at an address that is configured no more counts at no other."""
    entry = await siro.seal()
    siro.net.faults["register"].extend([None, CUT])
    with pytest.raises(CloudUnreachable):
        await siro.upload(entry)
    async with SiroDouble() as other:
        config = CloudConfig(api="siro", base_url=other.base_url, end_user_id="u-1")
        siro.open_cloud = lambda transport, clock: Siro(
            config, transport, clock, lambda: SIRO_TOKEN
        )
        stored = await siro.upload(entry)

        assert State.STORED is stored.state
        assert {AUDIO, MORE} == set(other.contents())


@pytest.mark.asyncio
async def test_a_recording_of_another_gateway(pair: Pair) -> None:
    """A recording that one gateway knows is made anew at another, whatever their API is."""
    config = CloudConfig(base_url=pair.bota.base_url)
    pair.line.open_cloud = lambda transport, clock: Bota(
        config, transport, clock, lambda: BOTA_TOKEN
    )
    entry = await pair.line.seal()
    pair.bota.faults["complete"].append(CUT)
    with pytest.raises(CloudUnreachable):
        await pair.line.upload(entry)
    async with BotaDouble() as other:
        config = CloudConfig(base_url=other.base_url)
        await pair.line.upload(entry)

        assert [AUDIO] == other.bytes_of("rec_0001", "audio")
        assert [MORE] == other.bytes_of("rec_0001", "image")


@pytest.mark.asyncio
async def test_images_at_another_address(pair: Pair) -> None:
    """Images that went to an address that is configured no more go to the one that is."""
    entry = await pair.line.seal()
    pair.line.net.faults["signed-urls"].append(CUT)
    with pytest.raises(CloudUnreachable):
        await pair.line.upload(entry)
    async with BotaDouble() as other:
        pair.address = other.base_url
        stored = await pair.line.upload(entry)

        assert State.STORED is stored.state
        assert [MORE] == other.bytes_of("rec_0001", "image")
