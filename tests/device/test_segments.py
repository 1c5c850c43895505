"""Audio that a link cannot carry in one piece arrives in parts, end to end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from device.bell import Bell
from device.cloud.bota import Bota
from device.config import CloudConfig, SpoolConfig, UploadConfig
from device.core.uploads.classify import Stores
from device.dispatch import Dispatcher
from device.errors import CloudError, CloudUnreachable
from device.model import Entry, State, Target
from device.progress import Silent
from device.spool.rebuild import rebuild
from device.spool.spool import Spool
from device.transport import Patience, Transport
from device.upload import upload_entry
from device.upload_slots import UploadSlots
from tests.fakes.bota_api import LOST_ANSWER, TOKEN, BotaDouble, Fault
from tests.fakes.chaos_proxy import ChaosProxy, Faults
from tests.fakes.clock import FakeClock
from tests.fakes.opus_streams import decoded, encoded_sound
from tests.fakes.uploads import noise, sealed_entry, spool_in

SOUND = encoded_sound(60, channels=2)
"""A minute of some 2 MB."""
IMAGE = noise(3_000, seed=2)
SETTLED = 48_000
"""Samples after a cut until a decoder has wholly converged."""
PATIENCE = Patience(connect_s=5, call_s=5, stall_s=5, response_s=5, continue_s=0.05)
EVERY_BYTES = 250_000
"""The link drops whenever so many bytes went up since the last drop."""


@dataclass
class Line:
    """Everything one upload needs, behind a link that drops."""

    spool: Spool
    bota: BotaDouble
    transport: Transport
    clock: FakeClock
    folder: Path
    proxy: ChaosProxy
    segment: str = "auto"
    stores: Stores = field(default_factory=Stores)

    def cloud(self) -> Bota:
        config = CloudConfig(base_url=f"http://127.0.0.1:{self.proxy.port}/v1")
        return Bota(config, self.transport, self.clock, lambda: TOKEN)

    async def upload(self, entry: Entry) -> Entry:
        return await upload_entry(
            entry.id,
            spool=self.spool,
            cloud=self.cloud(),
            transport=self.transport,
            clock=self.clock,
            stores=self.stores,
            settings=UploadConfig(segment=self.segment),
            progress=Silent(),
            slots=UploadSlots(2),
        )

    async def persist(self, entry: Entry, attempts: int = 60) -> Entry | None:
        """Try again as the dispatcher does, without its pauses; None: it never arrives."""
        for _ in range(attempts):
            with contextlib.suppress(CloudError):
                return await self.upload(entry)
        return None

    async def seal(self, *media: bytes, types: tuple[str, ...] = ()) -> Entry:
        return await asyncio.to_thread(
            sealed_entry, self.spool, self.folder, *media, types=types or TYPES[: len(media)]
        )

    async def entry(self, entry: Entry) -> Entry:
        return await asyncio.to_thread(self.spool.entry, entry.id)

    def judged(self, drops: int = 3) -> None:
        """Let the link be known for what it is."""
        origin = f"http://127.0.0.1:{self.proxy.port}"
        for _ in range(drops):
            self.stores.links.note(origin, EVERY_BYTES, 4.0, dropped=True)

    def arrived(self) -> list[bytes]:
        """Return the audio that is in the cloud, by time."""
        found = [
            (str(medium.fields.get("captured_at")), blob)
            for medium in self.bota.media.values()
            if medium.fields["type"] == "audio"
            and (blob := self.bota.store.objects.get(f"/s3/{medium.recording}/{medium.id}"))
        ]
        return [blob for _, blob in sorted(found)]


TYPES = ("audio/ogg", "image/jpeg")


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
        BotaDouble() as bota,
        ChaosProxy("127.0.0.1", bota.port, Faults()) as proxy,
        Transport(patience=PATIENCE) as transport,
    ):
        bota.public_port = proxy.port
        yield Line(spool, bota, transport, clock, tmp_path, proxy)


def dropping(line: Line, times: int = 400) -> None:
    """Cut whatever goes up, each time that so many bytes went."""
    cuts = tuple(line.proxy.up_bytes + EVERY_BYTES * n for n in range(1, times))
    line.proxy.set(Faults(cut_up_at=cuts))


@pytest.mark.asyncio
async def test_what_never_arrives_whole_arrives_in_parts(line: Line) -> None:
    """Through a link that always drops before the end, the parts make the very same sound."""
    entry = await line.seal(SOUND, IMAGE)
    dropping(line)

    stored = await line.persist(entry)

    parts = [decoded(part) for part in line.arrived()]
    apart = np.abs(np.concatenate(parts) - decoded(SOUND)).max(axis=1)
    settled = np.concatenate([np.arange(len(part)) >= SETTLED for part in parts])
    settled[: len(parts[0])] = True
    assert stored is not None
    assert State.STORED is stored.state
    assert len(parts) > 2
    assert SOUND not in line.arrived()
    assert 0.0 == apart[settled].max()
    assert apart.max() < 0.001
    assert [IMAGE] == line.bota.bytes_of("rec_0001", "image")


@pytest.mark.asyncio
async def test_the_dispatcher_gets_there_by_itself(line: Line) -> None:
    """From the first drop to the receipt nobody has to ask again."""
    entry = await line.seal(SOUND)
    dropping(line)
    dispatcher = Dispatcher(
        spool=line.spool,
        cloud=line.cloud(),
        transport=line.transport,
        clock=line.clock,
        settings=UploadConfig(),
        progress=Silent(),
        sealed=Bell(),
        stored=Bell(),
        once=True,
    )
    running = asyncio.create_task(dispatcher.run())
    try:
        async with asyncio.timeout(15):
            while not await dispatcher.settled(None):
                if line.clock.sleeping and not dispatcher._in_flight:
                    line.clock.advance(400.0)
                await asyncio.wait({running}, timeout=0.01)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert State.STORED is (await line.entry(entry)).state
    assert len(line.arrived()) > 2


@pytest.mark.asyncio
async def test_our_gateway_gets_the_whole(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the protocol itself, and takes no other medium under the key of the whole."""
    target_of = Bota.target

    async def named(self: Bota, *asked: Any) -> Target:
        return replace(await target_of(self, *asked), protocol="single_put")

    monkeypatch.setattr(Bota, "target", named)
    line.judged()

    await line.upload(await line.seal(SOUND))

    assert [SOUND] == line.arrived()


@pytest.mark.asyncio
async def test_off_means_whole_whatever_the_link(line: Line) -> None:
    """Without segments the same link never carries it: the schedule is as bad as it looks."""
    line.segment = "off"
    entry = await line.seal(SOUND)
    dropping(line)

    assert await line.persist(entry, attempts=12) is None
    assert [] == line.arrived()


@pytest.mark.asyncio
async def test_each_part_says_when_it_was_captured(line: Line) -> None:
    """The time of a part is the start of the recording, and the samples before it."""
    line.judged()
    entry = await line.seal(SOUND)
    await line.upload(entry)

    assert entry.recording.started_at is not None
    announced = [medium.fields.get("captured_at") for medium in line.bota.media.values()]
    times = sorted(time for time in announced if time is not None)
    said = [datetime.fromisoformat(time) - entry.recording.started_at for time in times]
    lengths_s = [len(decoded(blob)) / 48_000 for blob in line.arrived()]
    begun_s = [sum(lengths_s[:n]) for n in range(len(lengths_s))]
    assert begun_s == pytest.approx([each.total_seconds() for each in said], abs=0.001)


@pytest.mark.asyncio
async def test_a_known_link_costs_not_a_single_byte_in_vain(line: Line) -> None:
    """What the last recording taught is used for the next: it is cut before a byte goes."""
    line.judged()

    stored = await line.upload(await line.seal(SOUND))

    assert 0 == stored.resent_bytes
    assert len(line.arrived()) > 2


@pytest.mark.asyncio
async def test_a_good_link_carries_the_whole(line: Line) -> None:
    """No drops, no parts; nor for a medium that fits between two drops."""
    line.judged()
    small = encoded_sound(10)
    assert len(small) < EVERY_BYTES

    await line.upload(await line.seal(small))

    assert [small] == line.arrived()


@pytest.mark.asyncio
async def test_one_drop_is_no_reason(line: Line) -> None:
    """A single drop says nothing of how often they come."""
    line.judged(drops=1)

    await line.upload(await line.seal(SOUND))

    assert [SOUND] == line.arrived()


@pytest.mark.asyncio
async def test_parts_of_a_length_need_no_bad_link(line: Line) -> None:
    """With a duration every part is at most so long."""
    line.segment = "30s"

    await line.upload(await line.seal(SOUND))

    lengths = [len(decoded(blob)) / 48_000 for blob in line.arrived()]
    assert 60.0 == pytest.approx(sum(lengths))
    assert 2 <= len(lengths) <= 3
    assert max(lengths) <= 30.0


@pytest.mark.parametrize(
    ("content", "content_type", "said"),
    [
        (noise(900_000), "audio/wav", "it is not Ogg, or damaged between its pages"),
        (SOUND[:-1], "audio/ogg", "its last Ogg page is cut off"),
        (SOUND + SOUND, "audio/ogg", "it holds more than one Ogg stream"),
    ],
)
@pytest.mark.asyncio
async def test_what_cannot_be_cut_goes_whole_and_says_why(
    line: Line, content: bytes, content_type: str, said: str
) -> None:
    """No guess is made at a stream that is not plainly one; `status` has the reason."""
    line.judged()

    stored = await line.upload(await line.seal(content, types=(content_type,)))

    cut = stored.media[0].cut
    assert [content] == line.bota.bytes_of("rec_0001", "audio")
    assert cut is not None
    assert cut.reason.startswith(f"audio is sent whole: {said}; this link drops every 4 s at 62")


@pytest.mark.asyncio
async def test_what_may_have_arrived_is_not_cut(line: Line) -> None:
    """Never both the whole and its parts: an answer that was lost is asked about first."""
    line.bota.echo_digest = False
    entry = await line.seal(SOUND)
    line.bota.faults["put"].append(LOST_ANSWER)
    line.bota.faults["complete"].append(Fault(status=500))
    with pytest.raises(CloudUnreachable):
        await line.upload(entry)
    line.judged()

    await line.upload(entry)

    assert [SOUND] == line.arrived()


@pytest.mark.asyncio
async def test_what_the_cloud_says_is_not_there_is_cut(line: Line) -> None:
    """All bytes left and the API has none: it is as any other PUT that was cut."""
    entry = await line.seal(SOUND)
    line.bota.faults["put"].append(Fault(after_bytes=len(SOUND)))
    with pytest.raises(CloudUnreachable):
        await line.upload(entry)
    line.judged()

    await line.upload(entry)

    assert len(line.arrived()) > 2


@pytest.mark.asyncio
async def test_a_store_that_resumes_gets_the_whole(line: Line) -> None:
    """Where the next byte is enough, nothing is cut, and no duration changes that."""
    line.bota._chunked = True
    line.segment = "30s"
    line.judged()

    await line.upload(await line.seal(SOUND))

    assert [SOUND] == line.bota.bytes_of("rec_0001", "audio")


@pytest.mark.asyncio
async def test_parts_that_the_disk_lost_are_made_again(line: Line, tmp_path: Path) -> None:
    """Between two attempts the parts may vanish: the same ones come from the same medium."""
    line.judged()
    entry = await line.seal(SOUND)
    line.bota.faults["put"].extend([None, Fault(status=503)])
    with pytest.raises(CloudError):
        await line.upload(entry)
    before = (await line.entry(entry)).media[0].cut
    for part in (tmp_path / "spool" / "sealed" / entry.id).glob("*.part-*"):
        part.unlink()

    stored = await line.upload(entry)

    assert before == stored.media[0].cut
    assert len(line.arrived()) == len(before.parts if before else ())
    assert [] == list((tmp_path / "spool" / "sealed" / entry.id).glob("*.part*"))


@pytest.mark.asyncio
async def test_a_rebuilt_index_goes_on_with_the_parts(
    line: Line, tmp_path: Path, clock: FakeClock
) -> None:
    """How a medium was cut stands in its folder: the whole does not follow its parts up."""
    line.judged()
    entry = await line.seal(SOUND)
    line.bota.faults["put"].extend([None, Fault(status=503)])
    with pytest.raises(CloudError):
        await line.upload(entry)
    cut = (await line.entry(entry)).media[0].cut
    await asyncio.to_thread(line.spool.close)
    config = SpoolConfig(path=tmp_path / "spool", min_free_bytes=0)
    await asyncio.to_thread(rebuild, config, clock)
    line.spool = await asyncio.to_thread(Spool.open, config, clock)
    line.stores = Stores()
    try:
        stored = await line.upload(entry)
    finally:
        await asyncio.to_thread(line.spool.close)

    assert cut == stored.media[0].cut
    assert SOUND not in line.arrived()


@pytest.mark.asyncio
async def test_a_full_disk_sends_the_whole(line: Line, tmp_path: Path, clock: FakeClock) -> None:
    """Where the parts find no room, the medium goes as it is: slow is better than never."""
    line.judged()
    entry = await line.seal(SOUND)
    await asyncio.to_thread(line.spool.close)
    config = SpoolConfig(path=tmp_path / "spool", min_free_bytes=0, max_bytes=len(SOUND) + 1000)
    line.spool = await asyncio.to_thread(Spool.open, config, clock)
    try:
        await line.upload(entry)
    finally:
        await asyncio.to_thread(line.spool.close)

    assert [SOUND] == line.arrived()


def test_the_sound_is_what_the_tests_take_it_for() -> None:
    """A minute of stereo that no stretch between two drops has room for."""
    assert len(decoded(SOUND)) == 60 * 48_000
    assert 5 * EVERY_BYTES < len(SOUND) < 10 * EVERY_BYTES
