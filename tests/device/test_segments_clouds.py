"""Audio in parts to the clouds of others: each part is a file of its own there."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from device.cloud import Cloud
from device.cloud.cryomix import Cryomix
from device.cloud.swayzio import Swayzio
from device.config import CloudConfig, UploadConfig
from device.core.uploads.classify import Stores
from device.errors import CloudError
from device.model import State
from device.progress import Silent
from device.spool.spool import Spool
from device.transport import Patience, Transport
from device.upload import upload_entry
from device.upload_slots import UploadSlots
from tests.fakes.bota_api import Fault
from tests.fakes.clock import FakeClock
from tests.fakes.cryomix_api import KEY, CryomixDouble
from tests.fakes.opus_streams import decoded, encoded_sound
from tests.fakes.swayzio_api import TOKEN, SwayzioDouble
from tests.fakes.uploads import sealed_entry, spool_in

SOUND = encoded_sound(75, level=0.99)
PATIENCE = Patience(connect_s=5, call_s=5, stall_s=5, response_s=5, continue_s=0.05)


@dataclass
class Line:
    """One cloud, and what to look at afterwards."""

    double: SwayzioDouble | CryomixDouble
    cloud: Cloud
    transport: Transport
    clock: FakeClock
    spool: Spool

    async def upload(self, entry, segment: str = "30s"):
        return await upload_entry(
            entry.id,
            spool=self.spool,
            cloud=self.cloud,
            transport=self.transport,
            clock=self.clock,
            stores=Stores(),
            settings=UploadConfig(segment=segment),
            progress=Silent(),
            slots=UploadSlots(2),
        )


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with spool_in(tmp_path / "spool", FakeClock()) as opened:
        yield opened


@pytest_asyncio.fixture(params=["swayzio", "cryomix"])
async def line(request: pytest.FixtureRequest, spool: Spool) -> AsyncIterator[Line]:
    clock = FakeClock()
    async with AsyncExitStack() as stack:
        transport = await stack.enter_async_context(Transport(patience=PATIENCE))
        kind = SwayzioDouble if request.param == "swayzio" else CryomixDouble
        double = await stack.enter_async_context(kind())
        config = CloudConfig(api=request.param, base_url=double.base_url)
        cloud: Cloud
        if request.param == "swayzio":
            cloud = Swayzio(config, transport, clock, lambda: TOKEN, spool.media_path)
        else:
            cloud = Cryomix(config, transport, clock, lambda: KEY)
        yield Line(double, cloud, transport, clock, spool)


async def sealed(line: Line, folder: Path):
    return await asyncio.to_thread(sealed_entry, line.spool, folder, SOUND, types=("audio/ogg",))


@pytest.mark.asyncio
async def test_every_part_is_a_file_that_plays(line: Line, tmp_path: Path) -> None:
    """What the cloud holds are the parts, whole and each by itself, and the receipt counts them."""
    stored = await line.upload(await sealed(line, tmp_path))

    held = line.double.contents()
    assert State.STORED is stored.state
    assert SOUND not in held
    assert stored.receipt is not None
    assert len(held) == stored.receipt.media == 3
    assert 75 * 48_000 == sum(len(decoded(part)) for part in held)


@pytest.mark.asyncio
async def test_parts_take_no_place_of_the_whole(line: Line, tmp_path: Path) -> None:
    """A whole that was announced and did not arrive leaves nothing that a part would go to."""
    entry = await sealed(line, tmp_path)
    line.double.net.faults["put"].append(Fault(status=503))
    with pytest.raises(CloudError):
        await line.upload(entry, segment="off")

    stored = await line.upload(entry)

    assert State.STORED is stored.state
    assert SOUND not in line.double.contents()
    assert 75 * 48_000 == sum(len(decoded(part)) for part in line.double.contents())
