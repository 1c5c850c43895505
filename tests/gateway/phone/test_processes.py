"""Phone sync over the loss of processes: killed, restarted, several at once, relayed upstream."""

import asyncio
import signal
from contextlib import AsyncExitStack, nullcontext
from unittest.mock import MagicMock

import aiohttp
import pytest

from device.clock import SystemClock
from device.dispatch import Dispatcher
from device.errors import SpoolFull
from device.links.bluetooth_place import Place
from device.links.gatt import open_gatt
from device.model import State
from gateway.config_relay import RelayConfig
from gateway.core.tunnel import Standing
from gateway.phone import pipeline, tunnels
from tests.ble.room import URL, room
from tests.device.drivers.native_rig import FakeStore, Recorder
from tests.fakes.clock import FakeClock
from tests.gateway import serving as watched
from tests.gateway.phone.conftest import paired
from tests.gateway.phone.fake_phone import Phone
from tests.gateway.phone.recorders import AUDIO, IMAGE, SHORT, NativeRecorder, switched_on
from tests.gateway.phone.test_syncing import contents, held, stored
from tests.gateway.serving import Api, serving
from tests.gateway.test_cli import run_json, served

DEADLINE_S = 15.0


@pytest.fixture(autouse=True)
def _hasten(monkeypatch):
    """Do not wait long for uploads that a test holds up."""
    monkeypatch.setattr(pipeline, "DRAIN_S", 0.1)


@pytest.fixture
def _several(monkeypatch):
    """Let a second gateway open in this process: what watches the first one would stop it."""
    monkeypatch.setattr(watched, "blockbuster_ctx", lambda *_: nullcontext(MagicMock()))


async def pulling(page, recorder):
    """Wait until a recorder is held in the middle of its pull, some of it on the gateway's disk."""
    page.connect(recorder.gatt(hold_after=700))
    await page.hear(Standing, lambda s: any((r.done_bytes or 0) > 65_536 for r in s.recordings))


async def statuses(api):
    listed = (await api.call("GET", "/v1/recordings")).json["data"]
    return [recording["status"] for recording in listed]


@pytest.mark.timeout(60)
def test_a_killed_gateway_goes_on(tmp_path):
    """SIGKILL in mid-pull: the next process goes on, digests agree, nothing is there twice."""
    data = tmp_path / "data"
    code = run_json("phones", "code", "Anna's phone", data=data)["code"]
    key = run_json("keys", "add", data=data)["api_key"]

    async def first(url, recorder, cookies):
        async with aiohttp.ClientSession() as session:
            headers = {"Origin": url}
            async with session.post(
                f"{url}/phone/pair", json={"code": code}, headers=headers
            ) as given:
                cookies.append(given.cookies["fieldpost_phone"].value)
            async with Phone(url, cookies[0], session).page() as page:
                await pulling(page, recorder)
                program.send_signal(signal.SIGKILL)
                await page.over()

    async def second(url, recorder, cookies):
        async with aiohttp.ClientSession() as session:
            async with Phone(url, cookies[0], session).page() as page:
                before = recorder.read_bytes
                await page.all_released(page.connect(recorder.gatt()), 1)
            api = Api(url, session, None)
            api.token = key
            return recorder.read_bytes - before, await contents(api)

    async def both(url):
        recorder = NativeRecorder({(b"A" * 16, 1): (AUDIO * 3, IMAGE)})
        cookies = []
        async with switched_on(recorder):
            await first(url, recorder, cookies)
            await asyncio.to_thread(program.wait)
            with served(data) as (_, base_url):
                again, kept = await second(base_url.removesuffix("/v1"), recorder, cookies)
        return recorder, again, kept

    with served(data) as (program, base_url):
        recorder, again, kept = asyncio.run(both(base_url.removesuffix("/v1")))

    assert held(recorder) == kept
    assert recorder.left == 0
    assert again < 3 * len(AUDIO)


@pytest.mark.usefixtures("_several")
@pytest.mark.asyncio
async def test_two_processes_make_one_recording(tmp_path, monkeypatch):
    """What one had sealed when it died another has brought meanwhile: it is there once."""
    holding = asyncio.Event()
    original = Dispatcher._upload

    async def held_up(self, entry):
        await holding.wait()
        await original(self, entry)

    monkeypatch.setattr(Dispatcher, "_upload", held_up)
    recorder = NativeRecorder()
    async with switched_on(recorder), AsyncExitStack() as stack:
        dying = AsyncExitStack()
        first = await dying.enter_async_context(serving(tmp_path, SystemClock()))
        phone = await paired(first)
        async with phone.page() as page:
            page.connect(recorder.gatt())
            await page.hear(Standing, lambda s: [r.state for r in s.recordings] == ["sending"])
        other = await stack.enter_async_context(serving(tmp_path, SystemClock()))
        other.token = await other.api_key()
        async with Phone(other.url, phone.cookie, other.session).page() as page:
            channel = page.connect(recorder.gatt())
            await page.hear(Standing, lambda s: [r.state for r in s.recordings] == ["sending"])
            await dying.aclose()
            holding.set()
            await page.all_released(channel, 1)
        back = await stack.enter_async_context(serving(tmp_path, SystemClock()))
        await back.gateway.tunnels.resume(back.url)
        spool = back.gateway.tunnels._pipeline.result()._spool
        async with asyncio.timeout(DEADLINE_S):
            while not (found := await asyncio.to_thread(spool.entries, State.STORED)):
                pass
        (entry,) = found
        ((recording, media),) = await stored(other)

    assert held(recorder) == [tuple(sorted(media))]
    assert recording["id"] == entry.receipt.cloud_recording


@pytest.mark.asyncio
async def test_what_waits_goes_up_without_a_phone(tmp_path, monkeypatch):
    """A gateway that starts again sends what phones have brought before, by itself."""
    original = Dispatcher._upload
    monkeypatch.setattr(Dispatcher, "_upload", lambda *_: asyncio.Event().wait())
    recorder = NativeRecorder()
    async with switched_on(recorder):
        async with serving(tmp_path, SystemClock()) as api:
            phone = await paired(api)
            async with phone.page() as page:
                page.connect(recorder.gatt())
                await page.hear(Standing, lambda s: [r.state for r in s.recordings] == ["sending"])
        monkeypatch.setattr(Dispatcher, "_upload", original)
        async with serving(tmp_path, SystemClock()) as api:
            api.token = await api.api_key()
            await api.gateway.tunnels.resume(api.url)
            async with asyncio.timeout(DEADLINE_S):
                while await statuses(api) != ["uploaded"]:
                    pass

            assert held(recorder) == await contents(api)


@pytest.mark.asyncio
async def test_a_spool_that_cannot_be_opened_is_tried_again(tmp_path, monkeypatch):
    """The disk is full when the gateway starts, and no phone may come for days."""
    clock = FakeClock()
    opened, original = asyncio.Event(), pipeline.Pipeline.open
    full = [SpoolFull("no space"), SpoolFull("no space")]

    async def open_(*args):
        if full:
            raise full.pop()
        opened.set()
        return await original(*args)

    await asyncio.to_thread((tmp_path / "phone" / "1").mkdir, parents=True)
    monkeypatch.setattr(pipeline.Pipeline, "open", open_)
    async with serving(tmp_path, clock) as api:
        await api.gateway.tunnels.resume(api.url)
        async with asyncio.timeout(DEADLINE_S):
            while not opened.is_set():
                clock.advance(tunnels.RESUME_S)
                await asyncio.sleep(0)

    assert full == []


@pytest.mark.usefixtures("_several")
@pytest.mark.asyncio
async def test_recordings_are_relayed_upstream(tmp_path):
    """They go to another API on behalf of the recorder's device there, and are not kept here."""
    async with serving(tmp_path / "up", SystemClock()) as upstream:
        upstream.token = await upstream.api_key()
        key_file = tmp_path / "key"
        await asyncio.to_thread(key_file.write_text, upstream.token)
        relay = RelayConfig(url=f"{upstream.url}/v1", key_file=key_file)
        recorder = NativeRecorder()
        async with switched_on(recorder), serving(tmp_path, SystemClock(), relay=relay) as api:
            api.token = await api.api_key()
            phone = await paired(api, end_user_id="eu_42")
            async with phone.page() as page:
                await page.all_released(page.connect(recorder.gatt()), 1)
            kept = await stored(api)
            ((recording, media),) = await stored(upstream)
            device = await upstream.gateway.store.devices.by_serial("FP0001")

    assert kept == []
    assert held(recorder) == [tuple(sorted(media))]
    assert (device.id, "eu_42") == (recording["device_id"], recording["end_user_id"])
    assert 81 == device.heartbeat["battery_percent"]


@pytest.mark.asyncio
async def test_behind_a_proxy_uploads_stay_at_home(tmp_path):
    """A public address that leads nowhere from here does not keep recordings from going up."""
    recorder = NativeRecorder({(b"A" * 16, 1): (SHORT,)})
    public = "https://gateway.invalid"
    async with (
        switched_on(recorder),
        serving(tmp_path, SystemClock(), public_url=public) as api,
    ):
        phone = await paired(api)
        async with phone.page(origin=public) as page:
            done = await page.all_released(page.connect(recorder.gatt()), 1)

    assert done.message == "All done: you can leave."


@pytest.mark.asyncio
async def test_a_recorder_on_the_air_is_brought(tmp_path):
    """A real ATT in between, on a virtual radio: the same recordings arrive."""
    source = FakeStore({(b"A" * 16, 1): (SHORT, IMAGE)})
    recorder = Recorder(source)
    async with (
        serving(tmp_path, SystemClock()) as api,
        room(mtu=247) as there,
        asyncio.TaskGroup() as group,
    ):
        api.token = await api.api_key()
        phone = await paired(api)
        recorder.line = there.recorder
        group.create_task(recorder.run(), name="recorder")
        async with phone.page() as page:
            gatt = await open_gatt(Place.parse(URL))
            await page.all_released(page.connect(gatt), 1)
        await there.recorder.aclose()

        assert [tuple(sorted((SHORT, IMAGE)))] == await contents(api)
        assert source.stored == []
