"""A recording that was put aside on its way up: after a requeue all of it is sent anew."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from device.cloud import Cloud
from device.cloud.bota import Bota
from device.cloud.cryomix import Cryomix
from device.cloud.siro import Siro
from device.config import CloudConfig, UploadConfig
from device.core.uploads.classify import Stores
from device.errors import CloudConflict, CloudError, CloudRejected
from device.model import Entry, State
from device.progress import Silent
from device.spool.spool import Spool
from device.transport import Transport
from device.upload import upload_entry
from device.upload_slots import UploadSlots
from tests.fakes.bota_api import TOKEN, BotaDouble, Fault
from tests.fakes.clock import FakeClock
from tests.fakes.cryomix_api import KEY, CryomixDouble
from tests.fakes.siro_api import TOKEN as SIRO_TOKEN
from tests.fakes.siro_api import SiroDouble
from tests.fakes.uploads import CHUNK_BYTES, noise, sealed_entry, spool_in

AUDIO = noise(20_000)
MORE = noise(10_000, seed=2)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with spool_in(tmp_path / "spool", FakeClock()) as opened:
        yield opened


async def upload(spool: Spool, entry: Entry, cloud: Callable[[Transport], Cloud]) -> Entry:
    async with Transport() as transport:
        return await upload_entry(
            entry.id,
            spool=spool,
            cloud=cloud(transport),
            transport=transport,
            clock=FakeClock(),
            stores=Stores(),
            settings=UploadConfig(chunk_bytes=CHUNK_BYTES),
            progress=Silent(),
            slots=UploadSlots(2),
        )


async def put_aside(spool: Spool, entry: Entry, cloud: Callable[[Transport], Cloud]) -> CloudError:
    """Upload until the cloud refuses for good, then quarantine as the dispatcher does."""
    with pytest.raises((CloudRejected, CloudConflict)) as refused:
        await upload(spool, entry, cloud)
    await asyncio.to_thread(spool.quarantine, entry.id, str(refused.value))
    return refused.value


async def requeue(spool: Spool, entry: Entry) -> Entry:
    return await asyncio.to_thread(spool.requeue, entry.id)


async def seal(spool: Spool, folder: Path, *media: bytes, types: tuple[str, ...] = ()) -> Entry:
    return await asyncio.to_thread(sealed_entry, spool, folder, *media, types=types)


@pytest.mark.asyncio
@pytest.mark.parametrize("chunked", [False, True])
async def test_what_was_deleted_in_the_cloud_goes_up_as_a_new_recording(
    spool: Spool, tmp_path: Path, chunked: bool
) -> None:
    """Neither its old name nor its old key leads anywhere any more."""
    async with BotaDouble(chunked=chunked) as bota:
        config = CloudConfig(base_url=bota.base_url)

        def cloud(transport: Transport) -> Cloud:
            return Bota(config, transport, FakeClock(), lambda: TOKEN)

        entry = await seal(spool, tmp_path, AUDIO, MORE)
        bota.faults["complete"].append(Fault(status=503))
        with pytest.raises(CloudError):
            await upload(spool, entry, cloud)
        bota.delete("rec_0001")
        await put_aside(spool, entry, cloud)
        back = await requeue(spool, entry)
        stored = await upload(spool, entry, cloud)

    assert ({"again": "1"}, {None}) == (back.cloud_ref, {m.evidence for m in back.media})
    assert State.STORED is stored.state
    assert len(AUDIO) + len(MORE) == stored.resent_bytes
    assert ([AUDIO], [MORE]) == (
        bota.bytes_of("rec_0002", "audio"),
        bota.bytes_of("rec_0002", "image"),
    )


@pytest.mark.asyncio
async def test_each_requeue_begins_another_recording(spool: Spool, tmp_path: Path) -> None:
    """The count goes on: the second one's key is not the first one's."""
    async with BotaDouble() as bota:
        config = CloudConfig(base_url=bota.base_url)

        def cloud(transport: Transport) -> Cloud:
            return Bota(config, transport, FakeClock(), lambda: TOKEN)

        entry = await seal(spool, tmp_path, AUDIO)
        for _ in range(2):
            refusal = b'{"error":{"code":"no","message":"no"}}'
            bota.faults["complete"].append(Fault(status=400, body=refusal))
            await put_aside(spool, entry, cloud)
            await requeue(spool, entry)
        stored = await upload(spool, entry, cloud)

    assert ("rec_0003", State.STORED) == (stored.receipt.cloud_recording, stored.state)


@pytest.mark.asyncio
async def test_a_store_that_gave_no_proof_is_sent_to_again(spool: Spool, tmp_path: Path) -> None:
    """Cryo-Mix has no other word than the store's; once that names digests, a requeue helps."""
    async with CryomixDouble() as double:
        config = CloudConfig(api="cryomix", base_url=double.base_url)

        def cloud(transport: Transport) -> Cloud:
            return Cryomix(config, transport, FakeClock(), lambda: KEY)

        entry = await seal(spool, tmp_path, AUDIO, types=("audio/wav",))
        double.net.store.digests = False
        refused = await put_aside(spool, entry, cloud)
        double.net.store.digests = True
        await requeue(spool, entry)
        stored = await upload(spool, entry, cloud)

    assert "does not say what it holds of 0.wav," in str(refused)
    assert (State.STORED, len(AUDIO)) == (stored.state, stored.resent_bytes)


@pytest.mark.asyncio
async def test_what_siro_has_acknowledged_is_not_made_twice(spool: Spool, tmp_path: Path) -> None:
    """Siro makes a recording of each audio file: only the one that it refused is sent anew."""
    async with SiroDouble() as double:
        config = CloudConfig(api="siro", base_url=double.base_url, end_user_id="u-1")

        def cloud(transport: Transport) -> Cloud:
            return Siro(config, transport, FakeClock(), lambda: SIRO_TOKEN)

        entry = await seal(spool, tmp_path, AUDIO, MORE, types=("audio/wav", "audio/mpeg"))
        refusal = b'{"message":"no"}'
        double.net.faults["register"].extend([None, Fault(status=422, body=refusal)])
        await put_aside(spool, entry, cloud)
        back = await requeue(spool, entry)
        stored = await upload(spool, entry, cloud)

    assert 1 == sum(m.evidence is not None for m in back.media)
    assert (State.STORED, 2) == (stored.state, len(double.recordings))
