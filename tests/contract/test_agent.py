"""A recording as the agent itself brings it up: its spool, its uploads, its `device.cloud.bota`."""

import asyncio
import itertools

import pytest

from device.clock import SystemClock
from device.cloud.bota import Bota
from device.config import CloudConfig, UploadConfig
from device.core.uploads.classify import Stores
from device.model import State
from device.progress import Silent
from device.transport import Transport
from device.upload import upload_entry
from device.upload_slots import UploadSlots
from tests.contract.client import digest
from tests.fakes.uploads import noise, sealed_entry, spool_in

pytestmark = pytest.mark.asyncio

MEDIA = [noise(1_500_000), *(noise(30_000, seed=seed) for seed in range(2, 6))]


class _InTurn(Transport):
    """A transport whose calls go to each address of a gateway in turn, as behind a balancer."""

    def __init__(self, urls):
        super().__init__()
        self._first = urls[0]
        self._turns = itertools.cycle(urls)

    async def call(self, method, url, headers, body=None, **more):
        url = next(self._turns) + url.removeprefix(self._first)
        return await super().call(method, url, headers, body, **more)


@pytest.fixture
def spool(tmp_path):
    with spool_in(tmp_path / "spool", SystemClock()) as spool:
        yield spool


async def test_the_agent_brings_a_recording_up(client, spool, tmp_path):
    """Audio and images arrive byte by byte, as one recording that is complete."""
    clock = SystemClock()
    config = CloudConfig(base_url=f"{client.site.urls[0]}/v1", allow_http=True)
    entry = await asyncio.to_thread(sealed_entry, spool, tmp_path, *MEDIA)
    async with _InTurn(client.site.urls) as transport:
        await upload_entry(
            entry.id,
            spool=spool,
            cloud=Bota(config, transport, clock, lambda: client.token),
            transport=transport,
            clock=clock,
            stores=Stores(),
            settings=UploadConfig(),
            progress=Silent(),
            slots=UploadSlots(4),
        )
    stored = await asyncio.to_thread(spool.entry, entry.id)
    assert stored.receipt is not None
    recording = stored.receipt.cloud_recording
    client.later_deleted(recording)
    shown = (await client.call("GET", f"/v1/recordings/{recording}")).json
    fetched = [await _fetched(client, recording, each["id"]) for each in shown["media"]]

    assert State.STORED == stored.state
    assert "uploaded" == shown["status"]
    assert sorted(map(digest, MEDIA)) == sorted(map(digest, fetched))


async def _fetched(client, recording, medium):
    path = f"/v1/recordings/{recording}/download-url"
    where = await client.call("POST", path, {"media_id": medium}, token=client.site.key)
    return (await client.call("GET", where.json["download_url"])).body
