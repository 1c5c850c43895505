"""A configuration that names another cloud while recordings are half way up to the first."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.cloud.bota import Bota
from device.config import CloudConfig, UploadConfig
from device.core.uploads.classify import Stores
from device.errors import CloudUnwell
from device.model import Entry, State
from device.progress import Silent
from device.spool.spool import Spool
from device.transport import Patience, Transport
from device.upload import upload_entry
from device.upload_slots import UploadSlots
from tests.fakes.bota_api import TOKEN, BotaDouble, Fault
from tests.fakes.clock import FakeClock
from tests.fakes.uploads import CHUNK_BYTES, noise, sealed_entry, spool_in

AUDIO, IMAGES = noise(3000), [noise(1000 + n, seed=n) for n in range(2)]
PATIENCE = Patience(connect_s=5, call_s=5, stall_s=5, response_s=5)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with spool_in(tmp_path / "spool", FakeClock()) as opened:
        yield opened


async def _upload(spool: Spool, entry: Entry, bota: BotaDouble, transport: Transport) -> Entry:
    clock = FakeClock()
    return await upload_entry(
        entry.id,
        spool=spool,
        cloud=Bota(CloudConfig(base_url=bota.base_url), transport, clock, lambda: TOKEN),
        transport=transport,
        clock=clock,
        stores=Stores(),
        settings=UploadConfig(chunk_bytes=CHUNK_BYTES),
        progress=Silent(),
        slots=UploadSlots(2),
    )


@pytest.mark.parametrize(
    ("chunked", "many", "failing"),
    [(False, 0, "complete"), (True, 0, "complete"), (True, 5, "upload-url")],
    ids=["all but told", "all but told, resumable", "all but the audio"],
)
@pytest.mark.asyncio
async def test_what_went_to_one_cloud_counts_at_no_other(
    spool: Spool, tmp_path: Path, chunked: bool, many: int, failing: str
) -> None:
    """The second gets every medium under its own name; the first's is a stranger's there."""
    entry = await asyncio.to_thread(sealed_entry, spool, tmp_path, AUDIO, *IMAGES)
    first, second = (BotaDouble(chunked=chunked, many=many) for _ in range(2))
    async with first, second, Transport(patience=PATIENCE) as transport:
        first.faults[failing].append(Fault(status=503))
        with pytest.raises(CloudUnwell):
            await _upload(spool, entry, first, transport)
        (name,) = first.recordings
        second._replays["a stranger's"] = ({}, name)
        second.recordings[name] = {"id": name, "status": "pending", "media": []}
        stored = await _upload(spool, entry, second, transport)
        receipt = stored.receipt
        assert receipt is not None
        own, theirs = receipt.cloud_recording, name

        assert State.STORED is stored.state
        assert own != theirs
        assert [AUDIO] == second.bytes_of(own, "audio")
        assert IMAGES == sorted(second.bytes_of(own, "image"), key=len)
        assert [] == second.bytes_of(theirs, "audio") + second.bytes_of(theirs, "image")
