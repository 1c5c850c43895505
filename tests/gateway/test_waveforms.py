"""Waveforms of media that lie in a bucket: fetched within bounds, and nothing is left behind."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from aiohttp import web

from device.core.waveform import Sound
from gateway import waveforms
from gateway.model import MediaStatus, MediaType, Medium, Recording
from gateway.store import Asked
from gateway.store.sql import open_store
from gateway.waveforms import WaveformDesk
from tests.fakes import sounds
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.asyncio

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SHA = "a" * 64
MEDIUM = Medium(
    id="med_1",
    recording_id="rec_1",
    type=MediaType.AUDIO,
    content_type="audio/wav",
    created_at=NOW,
)


class BucketUrls:
    """Signs URLs of one small web server."""

    def __init__(self, url):
        self.url = url

    async def download_url(self, ref, signed):
        return f"{self.url}/{ref.medium_id}?expires={signed.expires}"


@asynccontextmanager
async def web_server(answer):
    app = web.Application()
    app.router.add_get("/{name}", answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@pytest_asyncio.fixture
async def store(tmp_path):
    async with open_store(tmp_path) as store:
        await store.recordings.create(Recording(id="rec_1", created_at=NOW), None)
        await store.recordings.add_media("rec_1", [Asked(MEDIUM, None)], of_device=None, limit=1)
        yield store


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "listening"


async def heard(store, folder, answer, size_bytes=1):
    """Say how the medium looks where the bucket gives this answer."""
    medium = await store.recordings.finish_medium(MEDIUM, size_bytes=size_bytes, sha256=SHA)
    assert MediaStatus.UPLOADED is medium.status
    async with web_server(answer) as url:
        desk = WaveformDesk(store, BucketUrls(url), object(), FakeClock(NOW), folder=folder)
        try:
            return (await desk.of([medium]))["med_1"], sorted(folder.glob("*"))
        finally:
            await desk.aclose()


async def test_audio_in_a_bucket_is_fetched_and_decoded(store, folder):
    """And the copy is gone afterwards."""

    async def answer(request):
        assert f"{int(NOW.timestamp()) + 600}" == request.query["expires"]
        return web.Response(body=sounds.wav(1.5))

    waves, left = await heard(store, folder, answer)

    assert (1500, None, []) == (waves.duration_ms, waves.reason, left)
    assert waves == (await store.waveforms.known(["med_1"], NOW))["med_1"]


async def test_a_length_that_cannot_be_is_not_believed(store, folder, monkeypatch):
    """A header of a few bytes can claim more than a database takes."""

    async def claims(_path):
        return Sound(duration_ms=2**31, peaks=(0.5,), rate_hz=1, channels=1)

    async def answer(_request):
        return web.Response(body=b"x")

    monkeypatch.setattr(waveforms, "hear", claims)
    waves, _ = await heard(store, folder, answer)

    assert (None, None, "undecodable") == (waves.duration_ms, waves.peaks, waves.reason)


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_a_bucket_that_refuses_is_told(store, folder, status):
    """And asked again the next time."""

    async def answer(_request):
        return web.Response(status=status)

    waves, _ = await heard(store, folder, answer)

    assert "unavailable" == waves.reason
    assert {} == await store.waveforms.known(["med_1"], NOW)


async def test_an_object_larger_than_its_medium_is_not_taken(store, folder, monkeypatch):
    """A bucket cannot fill the disk of the gateway."""
    monkeypatch.setattr(waveforms, "MOST_BYTES", 1000)

    async def answer(_request):
        return web.Response(body=bytes(1001))

    waves, left = await heard(store, folder, answer)

    assert ("unavailable", []) == (waves.reason, left)


async def test_a_bucket_that_never_ends_is_given_up(store, folder, monkeypatch):
    """Others wait for the decoder, too."""
    monkeypatch.setattr(waveforms, "_FETCH_S", 0.05)

    async def answer(_request):
        await asyncio.Event().wait()

    waves, left = await heard(store, folder, answer)

    assert ("unavailable", []) == (waves.reason, left)


async def test_the_end_of_the_process_ends_the_fetching(store, folder, monkeypatch):
    """Nothing is left of it, however often it is ended."""
    monkeypatch.setattr(waveforms, "_PATIENCE_S", 0.01)
    asked = asyncio.Event()

    async def answer(_request):
        asked.set()
        await asyncio.Event().wait()

    medium = await store.recordings.finish_medium(MEDIUM, size_bytes=1, sha256=SHA)
    async with web_server(answer) as url:
        desk = WaveformDesk(store, BucketUrls(url), object(), FakeClock(NOW), folder=folder)
        waves = (await desk.of([medium]))["med_1"]
        await asked.wait()
        await desk.aclose()
        await desk.aclose()

    assert ("working", []) == (waves.reason, sorted(folder.glob("*")))


async def test_what_a_crash_left_is_removed_at_the_start(store, folder):
    """Audio is not to lie around; a folder that is not there is no fault."""
    folder.mkdir()
    (folder / "med_1").write_bytes(b"left")
    desk = WaveformDesk(store, object(), object(), FakeClock(NOW), folder=folder)
    await desk.tidy()
    await desk.tidy()

    assert not folder.exists()
