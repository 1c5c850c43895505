"""Uploads end to end: the real spool and transport, strict doubles of API and stores."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from device.cloud.bota import Bota
from device.config import CloudConfig, UploadConfig
from device.core.uploads.classify import Stores
from device.errors import (
    CloudError,
    CloudRejected,
    CloudThrottled,
    CloudUnreachable,
    CloudUnwell,
    FieldpostError,
    MediaMissing,
    NotTheCloud,
    SpoolDamaged,
    TargetExpired,
    TokenRefused,
)
from device.model import Entry, State
from device.progress import Silent
from device.spool.spool import Spool
from device.transport import Patience, Transport
from device.upload import upload_entry
from device.upload_slots import UploadSlots
from tests.fakes.bota_api import CUT, HTML, LOST_ANSWER, TOKEN, BotaDouble, Fault
from tests.fakes.chaos_proxy import ChaosProxy, Faults
from tests.fakes.clock import FakeClock
from tests.fakes.uploads import CHUNK_BYTES, noise, sealed_entry, spool_in

AUDIO = noise(3 * CHUNK_BYTES + 1000)
IMAGE = noise(30_000, seed=2)
PATIENCE = Patience(connect_s=5, call_s=5, stall_s=5, response_s=5, continue_s=0.05)


@dataclass
class Line:
    """Everything one upload needs, and what to look at afterwards."""

    spool: Spool
    bota: BotaDouble
    transport: Transport
    clock: FakeClock
    folder: Path
    base_url: str

    async def upload(self, entry: Entry, slots: UploadSlots | None = None) -> Entry:
        config = CloudConfig(base_url=self.base_url)
        cloud = Bota(config, self.transport, self.clock, lambda: TOKEN)
        return await upload_entry(
            entry.id,
            spool=self.spool,
            cloud=cloud,
            transport=self.transport,
            clock=self.clock,
            stores=Stores(),
            settings=UploadConfig(chunk_bytes=CHUNK_BYTES),
            progress=Silent(),
            slots=slots or UploadSlots(2),
        )

    async def persist(self, entry: Entry, attempts: int = 40) -> Entry:
        """Try again as the dispatcher does, without its pauses."""
        for _ in range(attempts):
            with contextlib.suppress(CloudError):
                return await self.upload(entry)
        pytest.fail("never stored")

    async def seal(self, *media: bytes) -> Entry:
        return await asyncio.to_thread(sealed_entry, self.spool, self.folder, *media)

    async def entry(self, entry: Entry) -> Entry:
        return await asyncio.to_thread(self.spool.entry, entry.id)

    async def spoil(self, entry: Entry, content: bytes) -> None:
        def write() -> None:
            path = self.spool.media_path(entry.id, 0)
            path.chmod(0o600)
            path.write_bytes(content)

        await asyncio.to_thread(write)

    def stored(self, kind: str) -> list[bytes]:
        (recording,) = self.bota.recordings
        return self.bota.bytes_of(recording, kind)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def spool(tmp_path: Path, clock: FakeClock) -> Iterator[Spool]:
    with spool_in(tmp_path / "spool", clock) as opened:
        yield opened


@contextlib.asynccontextmanager
async def line_to(
    bota: BotaDouble, spool: Spool, clock: FakeClock, folder: Path
) -> AsyncIterator[Line]:
    async with bota, Transport(patience=PATIENCE) as transport:
        yield Line(spool, bota, transport, clock, folder, bota.base_url)


@pytest_asyncio.fixture
async def plain(spool: Spool, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Line]:
    async with line_to(BotaDouble(), spool, clock, tmp_path) as line:
        yield line


@pytest_asyncio.fixture
async def chunked(spool: Spool, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Line]:
    async with line_to(BotaDouble(chunked=True), spool, clock, tmp_path) as line:
        yield line


@pytest.fixture(params=["plain", "chunked"])
def line(request: pytest.FixtureRequest) -> Line:
    return request.getfixturevalue(request.param)


@pytest.mark.asyncio
async def test_pictures_go_up_two_at_a_time_and_the_audio_after_them(
    plain: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as there are slots: here each picture waits for another one to be on its way."""
    both, sizes = asyncio.Barrier(2), []
    send = plain.transport.send

    async def in_pairs(request, *rest):
        if request.body_bytes:
            sizes.append(request.body_bytes)
            if request.body_bytes < len(AUDIO):
                async with asyncio.timeout(5):
                    await both.wait()
        return await send(request, *rest)

    monkeypatch.setattr(plain.transport, "send", in_pairs)
    images = [noise(1000 * n, seed=n) for n in range(1, 5)]
    stored = await plain.upload(await plain.seal(AUDIO, *images))

    assert State.STORED is stored.state
    assert sorted(images) == sorted(plain.stored("image"))
    assert [*sorted(map(len, images)), len(AUDIO)] == [*sorted(sizes[:-1]), sizes[-1]]


@pytest.mark.asyncio
async def test_pictures_are_in_memory_before_it_is_their_turn(
    plain: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slot is for the line, not for our own disk."""
    sent, send = [], plain.transport.send

    async def noted(request, file, progress):
        if request.body_bytes:
            sent.append(file)
        return await send(request, file, progress)

    monkeypatch.setattr(plain.transport, "send", noted)
    images = [noise(1000 * n, seed=n) for n in range(1, 5)]
    await plain.upload(await plain.seal(AUDIO, *images))

    assert sorted(images) == sorted(sent[:-1])
    assert plain.transport.near.taken_at_once()


@pytest.mark.asyncio
async def test_a_recording_arrives_whole(line: Line) -> None:
    """Audio and images arrive byte for byte and the entry is stored with a receipt."""
    stored = await line.upload(await line.seal(AUDIO, IMAGE))

    assert [AUDIO] == line.stored("audio")
    assert [IMAGE] == line.stored("image")
    assert State.STORED is stored.state
    assert stored.receipt is not None
    assert 0 == stored.resent_bytes


@pytest.mark.asyncio
async def test_what_left_is_counted(line: Line) -> None:
    """What leaves is the media, and the little that brought them there."""
    await line.upload(await line.seal(AUDIO, IMAGE))
    sent = line.transport.tally.take()

    media_bytes = len(AUDIO) + len(IMAGE)
    assert media_bytes < sent < 1.2 * media_bytes


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1])
@pytest.mark.asyncio
async def test_sizes_at_the_edges(line: Line, size: int) -> None:
    """Empty, one byte, exactly a chunk and one more all arrive."""
    content = noise(size)

    stored = await line.upload(await line.seal(content))

    assert State.STORED is stored.state
    assert [content] == line.stored("audio")


@pytest.mark.asyncio
async def test_an_entry_that_is_stored_is_left_alone(line: Line) -> None:
    """Uploading twice makes no second request."""
    entry = await line.upload(await line.seal(IMAGE))
    before = len(line.bota.requests)

    again = await line.upload(entry)

    assert entry == again
    assert before == len(line.bota.requests)


@pytest.mark.parametrize("operation", ["create", "upload-url", "put", "complete"])
@pytest.mark.parametrize("fault", [LOST_ANSWER, CUT, Fault(status=500), Fault(status=503), HTML])
@pytest.mark.asyncio
async def test_one_fault_anywhere_makes_no_duplicate(
    line: Line, operation: str, fault: Fault
) -> None:
    """Whatever one request meets, one recording with the right bytes is in the cloud at the end."""
    entry = await line.seal(AUDIO, IMAGE)
    line.bota.faults[operation].append(fault)

    stored = await line.persist(entry)

    assert State.STORED is stored.state
    assert 1 == len(line.bota.recordings)
    assert AUDIO in line.stored("audio")
    assert IMAGE in line.stored("image")


@pytest.mark.parametrize("position", [*range(0, 4 * CHUNK_BYTES, CHUNK_BYTES // 2), len(AUDIO)])
@pytest.mark.asyncio
async def test_a_cut_costs_at_most_one_chunk(chunked: Line, position: int) -> None:
    """A connection cut at a chunk boundary or within a chunk is gone on from where it stopped."""
    entry = await chunked.seal(AUDIO)
    async with ChaosProxy("127.0.0.1", chunked.bota.port, Faults(cut_up_at=(position,))) as proxy:
        chunked.base_url = f"http://127.0.0.1:{proxy.port}/v1"
        chunked.bota.public_port = proxy.port
        stored = await chunked.persist(entry)

    assert [AUDIO] == chunked.stored("audio")
    assert stored.resent_bytes <= CHUNK_BYTES


@pytest.mark.asyncio
async def test_every_chunk_is_cut(chunked: Line) -> None:
    """Cuts in every chunk still end in the same bytes, each costing at most a chunk."""
    entry = await chunked.seal(AUDIO)
    chunked.bota.cuts_up = deque([100_000, 1, 200_000, 262_143, 50_000])

    stored = await chunked.persist(entry)

    assert [AUDIO] == chunked.stored("audio")
    assert stored.resent_bytes <= 5 * CHUNK_BYTES


@pytest.mark.asyncio
async def test_a_lost_target_makes_no_second_medium(chunked: Line) -> None:
    """A target whose answer was lost is asked for again under the same key."""
    entry = await chunked.seal(AUDIO)
    chunked.bota.faults["upload-url"].append(LOST_ANSWER)
    with pytest.raises(CloudUnreachable):
        await chunked.upload(entry)

    stored = await chunked.upload(entry)

    assert [AUDIO] == chunked.stored("audio")
    assert State.STORED is stored.state
    assert 1 == len(chunked.bota.media)


@pytest.mark.asyncio
async def test_a_saved_session_is_asked_first(chunked: Line) -> None:
    """A session from before is resumed with a status query on the same URL, not a new target."""
    entry = await chunked.seal(AUDIO)
    chunked.bota.faults["put"].extend([Fault(status=503, headers={"Retry-After": "7"})])
    with pytest.raises(CloudThrottled) as caught:
        await chunked.upload(entry)

    await chunked.upload(entry)

    assert 7.0 == caught.value.retry_after_s
    assert 1 == [name for name, _ in chunked.bota.requests].count("upload-url")
    (medium,) = chunked.bota.media.values()
    assert medium.session is not None
    assert 1 == medium.session.queries


@pytest.mark.asyncio
async def test_an_expired_url_is_renewed_without_starting_over(chunked: Line) -> None:
    """When the URL dies midway a fresh one goes on at the store's offset."""
    entry = await chunked.seal(AUDIO)
    chunked.bota.faults["put"].append(Fault(act=True))  # one chunk in, its answer lost
    chunked.bota.faults["put"].append(Fault(status=403))

    stored = await chunked.upload(entry)

    assert [AUDIO] == chunked.stored("audio")
    assert 0 == stored.resent_bytes
    assert 1 == len(chunked.bota.media)


@pytest.mark.asyncio
async def test_an_expired_plain_url_is_renewed(plain: Line) -> None:
    """An S3 URL that is refused is asked for anew in the same attempt."""
    entry = await plain.seal(IMAGE)
    expired = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
    plain.bota.faults["put"].append(Fault(status=403, body=expired))

    stored = await plain.upload(entry)

    assert State.STORED is stored.state


@pytest.mark.asyncio
async def test_urls_that_are_always_refused_end_in_an_error(line: Line) -> None:
    """A store that refuses every fresh URL is not asked for ever."""
    entry = await line.seal(IMAGE)
    line.bota.faults["put"].extend([Fault(status=403)] * 9)

    with pytest.raises(TargetExpired):
        await line.upload(entry)


@pytest.mark.asyncio
async def test_a_session_that_is_gone_starts_at_zero(chunked: Line) -> None:
    """410 on the session drops it; the medium starts again on a fresh target."""
    entry = await chunked.seal(AUDIO)
    chunked.bota.faults["put"].append(Fault(status=410))

    stored = await chunked.upload(entry)

    assert State.STORED is stored.state
    assert [AUDIO] == chunked.stored("audio")


@pytest.mark.asyncio
async def test_a_lost_last_answer_is_proven_by_the_digest(plain: Line) -> None:
    """A PUT whose answer is lost is not repeated when upload-complete proves its digest."""
    entry = await plain.seal(AUDIO, IMAGE)
    plain.bota.faults["put"].extend([None, LOST_ANSWER])

    stored = await plain.persist(entry)

    assert State.STORED is stored.state
    assert 2 == plain.bota.store.puts


@pytest.mark.asyncio
async def test_nothing_is_proven_without_an_echoed_digest(plain: Line) -> None:
    """An API that echoes no digest proves nothing, so the PUT is repeated."""
    plain.bota.echo_digest = False
    entry = await plain.seal(AUDIO)
    plain.bota.faults["put"].append(LOST_ANSWER)

    await plain.persist(entry)

    assert 2 == plain.bota.store.puts


@pytest.mark.asyncio
async def test_throttling_is_passed_on_with_its_wait(line: Line) -> None:
    """429 with Retry-After ends the attempt with the asked wait."""
    entry = await line.seal(IMAGE)
    line.bota.faults["create"].append(Fault(status=429, headers={"Retry-After": "30"}))

    with pytest.raises(CloudThrottled) as caught:
        await line.upload(entry)

    assert 30.0 == caught.value.retry_after_s


@pytest.mark.asyncio
async def test_a_refused_token_changes_nothing(line: Line) -> None:
    """A revoked token parks the entry where it is."""
    entry = await line.seal(IMAGE)
    line.bota.tokens.clear()

    with pytest.raises(TokenRefused):
        await line.upload(entry)

    assert State.SEALED is (await line.entry(entry)).state


@pytest.mark.asyncio
async def test_a_portal_in_front_of_the_store_is_named(line: Line) -> None:
    """HTML in place of the store's answer is never success."""
    entry = await line.seal(IMAGE)
    line.bota.faults["put"].append(HTML)

    with pytest.raises(NotTheCloud):
        await line.upload(entry)


@pytest.mark.asyncio
async def test_a_permanent_no_is_permanent(line: Line) -> None:
    """A store that refuses the medium ends in a rejection with its words."""
    entry = await line.seal(IMAGE)
    body = b"<Error><Code>EntityTooLarge</Code><Message>Too large</Message></Error>"
    line.bota.faults["put"].append(Fault(status=400, body=body))

    with pytest.raises(CloudRejected, match="EntityTooLarge: Too large"):
        await line.upload(entry)


@pytest.mark.asyncio
async def test_missing_media_are_sent_again_once(line: Line) -> None:
    """When upload-complete misses a medium, that one is sent again and completed."""
    entry = await line.seal(AUDIO, IMAGE)
    body = b'{"error": {"code": "media_pending", "details": {"media_ids": ["med_001"]}}}'
    headers = {"Content-Type": "application/json"}
    line.bota.faults["complete"].append(Fault(status=409, headers=headers, body=body))

    stored = await line.upload(entry)

    assert State.STORED is stored.state


@pytest.mark.asyncio
async def test_media_that_stay_missing_end_in_an_error(line: Line) -> None:
    """A second miss is left to the dispatcher."""
    entry = await line.seal(IMAGE)
    body = b'{"error": {"code": "media_pending"}}'
    line.bota.faults["complete"].extend([Fault(status=409, body=body)] * 2)

    with pytest.raises(MediaMissing):
        await line.upload(entry)


@pytest.mark.asyncio
async def test_a_network_that_is_down_is_noticed_soon(chunked: Line) -> None:
    """Two silent requests in a row end the attempt; the session stays."""
    entry = await chunked.seal(AUDIO)
    chunked.bota.faults["put"].extend([CUT] * 9)

    with pytest.raises(CloudUnreachable):
        await chunked.upload(entry)

    assert len(chunked.bota.faults["put"]) >= 6
    assert (await chunked.entry(entry)).media[0].session is not None


@pytest.mark.asyncio
async def test_damaged_bytes_are_never_sent_for_ever(chunked: Line) -> None:
    """A medium whose bytes rotted on our disk is named as damaged, not retried."""
    entry = await chunked.seal(AUDIO)
    await chunked.spoil(entry, bytes(len(AUDIO)))

    with pytest.raises(SpoolDamaged):
        await chunked.upload(entry)


@pytest.mark.asyncio
async def test_a_short_file_is_damage(line: Line) -> None:
    """A sealed medium that lost its tail is named before a byte leaves."""
    entry = await line.seal(AUDIO)
    await line.spoil(entry, AUDIO[:-1])

    with pytest.raises(SpoolDamaged):
        await line.upload(entry)


@pytest.mark.asyncio
async def test_another_digest_in_the_store_starts_over(chunked: Line) -> None:
    """A store that says complete with another digest is not believed."""
    entry = await chunked.seal(IMAGE)
    chunked.bota.faults["put"].append(Fault(status=200, body=b'{"content_sha256": "00"}'))

    stored = await chunked.upload(entry)

    assert State.STORED is stored.state
    assert [IMAGE] == chunked.stored("audio")


@pytest.mark.parametrize("fault", [Fault(status=410), Fault(status=308)])
@pytest.mark.asyncio
async def test_a_store_that_never_advances_is_unwell(chunked: Line, fault: Fault) -> None:
    """Sessions that always vanish, or an offset that never moves, end the attempt."""
    entry = await chunked.seal(AUDIO)
    chunked.bota.faults["put"].extend([fault] * 20)

    with pytest.raises(CloudUnwell):
        await chunked.upload(entry)


@pytest.mark.asyncio
async def test_a_shutdown_midway_counts_what_left(chunked: Line) -> None:
    """Cancelling an upload books the bytes that left, and the next run goes on."""
    entry = await chunked.seal(AUDIO)
    faults = Faults(stall_up_at=200_000)
    async with ChaosProxy("127.0.0.1", chunked.bota.port, faults) as proxy:
        chunked.bota.public_port = proxy.port
        uploading = asyncio.create_task(chunked.upload(entry))
        while proxy.up_bytes < 200_000:  # noqa: ASYNC110 - the proxy has no event for it
            await asyncio.sleep(0)
        uploading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await uploading
        proxy.release()
        sent = chunked.transport.tally.take()
    chunked.bota.public_port = chunked.bota.port
    await asyncio.to_thread(chunked.spool.save_session, entry.id, 0, None)

    stored = await chunked.upload(entry)

    assert sent > 150_000
    assert State.STORED is stored.state


_STEPS = [
    "save_cloud_ref",
    "save_session",
    "save_landed",
    "store",
    "path_of",
    "manifest",
]


@pytest.mark.parametrize("step", _STEPS)
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.asyncio
async def test_a_restart_between_any_two_steps(
    line: Line, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    """Dying just before or just after any durable step ends in one recording with all bytes."""
    entry = await line.seal(AUDIO, IMAGE)
    real = getattr(line.spool, step)

    def dies(*args: object, **options: object) -> object:
        monkeypatch.undo()
        done = real(*args, **options) if after else None
        if isinstance(done, Future):
            # Of what does not wait, the power goes once it is on the disk.
            died: Future[None] = Future()
            gone = FieldpostError("the power went")
            done.add_done_callback(lambda _: died.set_exception(gone))
            return died
        raise FieldpostError("the power went")

    monkeypatch.setattr(line.spool, step, dies)
    with pytest.raises(FieldpostError, match="the power went"):
        await line.upload(entry)

    stored = await line.persist(entry)

    assert State.STORED is stored.state
    assert 1 == len(line.bota.recordings)
    assert AUDIO in line.stored("audio")


@pytest.mark.asyncio
async def test_a_proxy_that_knows_no_gateway_costs_no_session(chunked: Line) -> None:
    """While a proxy says 404 for store and API alike, what the store holds is not given up."""
    entry = await chunked.seal(AUDIO)
    chunked.bota.faults["put"].extend([None, None, Fault(status=404)])
    chunked.bota.faults["upload-url"].extend([None, Fault(status=404)])
    with pytest.raises(NotTheCloud):
        await chunked.upload(entry)

    stored = await chunked.upload(entry)

    assert [AUDIO] == chunked.stored("audio")
    assert stored.resent_bytes <= CHUNK_BYTES
    assert 1 == len(chunked.bota.media)


@pytest.mark.asyncio
async def test_a_digest_that_two_media_have_proves_neither(plain: Line) -> None:
    """An echoed digest says nothing of the medium in doubt where another has the same."""

    def seal() -> Entry:
        types = ("audio/opus", "audio/opus")
        return sealed_entry(plain.spool, plain.folder, AUDIO, AUDIO, types=types)

    entry = await asyncio.to_thread(seal)
    plain.bota.faults["put"].extend([None, LOST_ANSWER])

    with pytest.raises(CloudUnreachable):
        await plain.upload(entry)
