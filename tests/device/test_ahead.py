"""Targets of many media asked for together: the real spool and transport, a strict double."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from device.cloud.bota import Bota
from device.config import CloudConfig, UploadConfig
from device.core.uploads.classify import Stores
from device.errors import CloudThrottled, FieldpostError
from device.model import Entry, State
from device.progress import Silent
from device.spool.spool import Spool
from device.transport import Patience, Transport
from device.upload import upload_entry
from device.upload_slots import UploadSlots
from tests.fakes.bota_api import TOKEN, BotaDouble, Fault
from tests.fakes.clock import FakeClock
from tests.fakes.uploads import CHUNK_BYTES, noise, sealed_entry, spool_in

AUDIO = noise(3000)
IMAGES = [noise(1000 + n, seed=n) for n in range(8)]
AT_ONCE = 3
PATIENCE = Patience(connect_s=5, call_s=5, stall_s=5, response_s=5)


@dataclass
class Line:
    spool: Spool
    bota: BotaDouble
    transport: Transport
    entry: Entry

    async def upload(self) -> Entry:
        clock = FakeClock()
        config = CloudConfig(base_url=self.bota.base_url)
        return await upload_entry(
            self.entry.id,
            spool=self.spool,
            cloud=Bota(config, self.transport, clock, lambda: TOKEN),
            transport=self.transport,
            clock=clock,
            stores=Stores(),
            settings=UploadConfig(chunk_bytes=CHUNK_BYTES),
            progress=Silent(),
            slots=UploadSlots(2),
        )

    def asked(self, call: str) -> int:
        return [name for name, _ in self.bota.requests].count(call)

    def stored(self) -> list[bytes]:
        (recording,) = self.bota.recordings
        return sorted(self.bota.bytes_of(recording, "image"))


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with spool_in(tmp_path / "spool", FakeClock()) as opened:
        yield opened


@pytest_asyncio.fixture
async def line(spool: Spool, tmp_path: Path) -> AsyncIterator[Line]:
    double = BotaDouble(chunked=True, many=AT_ONCE)
    async with double as bota, Transport(patience=PATIENCE) as transport:
        entry = await asyncio.to_thread(sealed_entry, spool, tmp_path, AUDIO, *IMAGES)
        yield Line(spool, bota, transport, entry)


@pytest.mark.asyncio
async def test_pictures_share_calls(line: Line) -> None:
    """Eight pictures by three take three calls; the audio asks by itself."""
    stored = await line.upload()

    assert State.STORED is stored.state
    assert (3, 1) == (line.asked("upload-urls"), line.asked("upload-url"))
    assert sorted(IMAGES) == line.stored()


@pytest.mark.asyncio
async def test_sessions_are_on_the_disk_before_the_first_byte(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that one call handed out is saved when the first of it goes."""
    saved: list[int] = []
    send = line.transport.send

    async def looking(request, *rest):
        entry = await asyncio.to_thread(line.spool.entry, line.entry.id)
        saved.append(sum(medium.session is not None for medium in entry.media))
        return await send(request, *rest)

    monkeypatch.setattr(line.transport, "send", looking)
    await line.upload()

    assert saved[0] >= AT_ONCE


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.asyncio
async def test_a_restart_makes_no_second_medium(
    line: Line, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    """Dying just before or just after sessions are saved ends in each picture once."""
    real = line.spool.save_sessions

    def dies(*args) -> Future[None]:
        monkeypatch.undo()
        died: Future[None] = Future()
        gone = FieldpostError("the power went")
        if after:
            real(*args).add_done_callback(lambda _: died.set_exception(gone))
        else:
            died.set_exception(gone)
        return died

    monkeypatch.setattr(line.spool, "save_sessions", dies)
    with pytest.raises(FieldpostError, match="the power went"):
        await line.upload()

    assert State.STORED is (await line.upload()).state
    assert len(IMAGES) + 1 == len(line.bota.media)
    assert sorted(IMAGES) == line.stored()


@pytest.mark.asyncio
async def test_a_refusal_is_heard_once(line: Line) -> None:
    """What waits for the same answer does not ask again."""
    refusal = Fault(status=429, headers={"Retry-After": "7"}, body=b'{"error": {"code": "slow"}}')
    line.bota.faults["upload-urls"].extend([refusal] * 8)

    with pytest.raises(CloudThrottled):
        await line.upload()

    assert 1 == line.asked("upload-urls")


@pytest.mark.asyncio
async def test_a_gateway_of_an_earlier_release_is_asked_one_by_one(line: Line) -> None:
    """A gateway that was put back does not know the call that it had announced."""
    line.bota.faults["upload-urls"].extend([Fault(status=404)] * 3)

    assert State.STORED is (await line.upload()).state
    assert len(IMAGES) + 1 == line.asked("upload-url")
