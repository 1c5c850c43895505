"""Live news: what changes is told, whoever changed it, and only to those who may watch."""

import asyncio
import json
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
import pytest_asyncio

from gateway.live import Listener
from gateway.model import Device, Recording
from gateway.routes import live
from gateway.routes.live import MOST_TICKS, QUIET_TICKS, TICK_S
from tests.gateway.serving import serving

pytestmark = pytest.mark.asyncio


class Page:
    """A page that watches; time passes while it waits for something."""

    def __init__(self, response, clock):
        self.response = response
        self.clock = clock
        self.ids = []

    async def until(self, *kinds):
        """Read on until one of these kinds; answers its document."""
        while True:
            block = await self.block()
            fields = dict(line.split(": ", 1) for line in block.splitlines() if line[0] != ":")
            if "id" in fields:
                self.ids.append(int(fields["id"]))
            if fields.get("event") in kinds:
                return fields["event"], json.loads(fields["data"])

    async def block(self):
        lines = []
        while line := (await self.passing(self.response.content.readline())).decode().rstrip("\n"):
            lines.append(line)
        if not lines:
            raise EOFError
        return "\n".join(lines)

    async def passing(self, reading):
        reader = asyncio.ensure_future(reading)
        while not reader.done():
            self.clock.advance(TICK_S)
            await asyncio.sleep(0)
        return await reader

    async def end(self):
        """Read to the end."""
        return await self.passing(self.response.content.read())


@pytest_asyncio.fixture
async def api(tmp_path, clock):
    async with serving(tmp_path / "data", clock) as api:
        api.token = await api.api_key()
        yield api


@asynccontextmanager
async def watching(api, clock, **headers):
    sent = {"Authorization": f"Bearer {api.token}"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    async with api.session.get(f"{api.url}/v1/live", headers=sent) as response:
        assert 200 == response.status
        page = Page(response, clock)
        assert "retry: 2000" == await page.block()
        try:
            yield page
        finally:
            # The clock stands still from now on: a stream that sleeps would never see that we left.
            api.gateway.draining = True
            await page.end()


async def happened(api, times=1):
    """Let recordings be created, and the events of that get their positions."""
    made = [await api.recording() for _ in range(times)]
    await api.gateway.store.events.fan_out(api.gateway.clock.now(), 1000)
    return made


async def test_a_new_recording_is_told(api, clock):
    """With the position of its event, by which a browser goes on after a break."""
    async with watching(api, clock) as page:
        (made,) = await happened(api)
        kind, told = await page.until("recording")

    assert ("recording", "recording.created", made) == (kind, told["type"], told["recording_id"])
    assert [await api.gateway.store.events.latest()] == page.ids


async def test_what_was_before_is_not_told(api, clock):
    """A page has just asked for all that."""
    await happened(api)
    async with watching(api, clock) as page:
        (made,) = await happened(api)
        _, told = await page.until("recording")

    assert made == told["recording_id"]


async def test_a_browser_that_comes_back_misses_nothing(api, clock):
    """It says what it had seen last."""
    made = await happened(api, 3)
    async with watching(api, clock, Last_Event_ID="1") as page:
        told = [(await page.until("recording"))[1]["recording_id"] for _ in range(2)]

    assert made[1:] == told


async def test_whoever_missed_too_much_is_told_to_look_anew(api, clock, monkeypatch):
    """And then goes on from now."""
    monkeypatch.setattr(live, "_MOST_EVENTS", 2)
    await happened(api, 3)
    async with watching(api, clock, Last_Event_ID="0") as page:
        kind, _ = await page.until("recording", "reload")

    assert ("reload", [await api.gateway.store.events.latest()]) == (kind, page.ids)


async def test_what_is_no_position_is_refused(api):
    """It is none of ours."""
    asked = ("x", "-1", "9" * 19, "1.5")
    got = [await api.call("GET", "/v1/live", headers={"Last-Event-ID": last}) for last in asked]

    assert [(400, "invalid_request")] * 4 == [(each.status, each.code) for each in got]


async def test_a_heartbeat_is_told(api, clock):
    """Whichever process took it: the database says so."""
    device_id, token = await api.device()
    async with watching(api, clock) as page:
        await api.call("POST", f"/v1/devices/{device_id}/heartbeat", {}, token=token)
        told = await page.until("device")

    assert ("device", {"device_id": device_id}) == told


async def test_bytes_in_flight_are_told(api, clock):
    """How many of how many, of which medium of which recording."""
    recording = await api.recording()
    target = await api.target(recording, b"x" * 50_000)
    async with watching(api, clock) as page:
        await api.put(target["upload_url"], b"x" * 20_000, 0, 50_000)
        await api.put(target["upload_url"], b"x" * 10_000, 20_000, 50_000)
        _, told = await page.until("progress")

    assert {
        "recording_id": recording,
        "medium_id": target["media_id"],
        "received_bytes": 30_000,
        "size_bytes": 50_000,
    } == told


async def test_a_quiet_stream_says_that_it_lives(api, clock):
    """By a comment, so that nobody in between ends it."""
    async with watching(api, clock) as page:
        block = await page.block()

    assert ": still here" == block
    assert 15 == QUIET_TICKS * TICK_S


async def test_a_stream_ends_when_the_gateway_drains(api, clock):
    """Or it would hold up the stop of this process."""
    async with watching(api, clock) as page:
        api.gateway.draining = True

        assert b"" == await page.end()


async def test_a_stream_ends_with_its_key(api, clock):
    """Whoever was shut out must not go on to watch."""
    async with watching(api, clock) as page:
        await api.gateway.store.keys.revoke("key_0", clock.now())

        assert b"" == await page.end()


async def test_a_stream_ends_with_its_session(api, clock):
    """Signing out in one tab ends what the others watch."""
    desk = api.gateway.sessions
    cookie, _ = await desk.sign_in(api.token, guesser="10.0.0.7")
    sent = {"Cookie": f"fieldpost_console={cookie}", "Accept": "text/event-stream"}
    async with api.session.get(f"{api.url}/v1/live", headers=sent) as response:
        page = Page(response, clock)
        await page.block()
        await desk.sign_out(cookie)

        assert (200, b"") == (response.status, await page.end())


async def test_a_stream_lasts_some_minutes(api, clock, monkeypatch):
    """Then the browser comes back, to whichever process there is."""
    monkeypatch.setattr(live, "MOST_TICKS", 3)
    async with watching(api, clock) as page:
        assert b"" == await page.end()
    assert 600 == MOST_TICKS * TICK_S


async def test_there_are_not_too_many_streams(api, clock, monkeypatch):
    """Each costs questions to the database; one that ended makes room."""
    monkeypatch.setattr(live, "MOST_STREAMS", 1)
    async with watching(api, clock):
        refused = await api.call("GET", "/v1/live")

    assert (503, True) == (refused.status, "Retry-After" in refused.headers)
    assert 0 == api.gateway.live.listening


async def test_what_one_process_changed_another_tells(any_store, open_any, clock):
    """Whichever a page is at: the news come from the database, each of them once."""
    now = clock.now()
    async with open_any() as other:
        watch = live._Watch(SimpleNamespace(store=other), Listener(), await other.events.latest())
        await watch.begin()
        await any_store.devices.create(
            Device(id="dev_1", serial_number="S1", created_at=now, updated_at=now)
        )
        await any_store.reports.keep("dev_1", {}, {}, now)
        await any_store.recordings.create(Recording(id="rec_1", created_at=now), None)
        await any_store.events.fan_out(now, 10)
        told = b"".join(await watch.changed()).decode()
        again = await watch.changed()

    assert [1, 1] == [told.count('"recording_id": "rec_1"'), told.count('"device_id": "dev_1"')]
    assert [] == again


async def test_of_too_many_media_at_once_none_is_kept(monkeypatch):
    """The page is told to look anew; of the media it knows it hears the latest."""
    monkeypatch.setattr("gateway.live._MOST_MEDIA", 2)
    listener = Listener()
    for name, size in (("a", 1), ("b", 1), ("c", 1), ("a", 2)):
        listener.hear(name, {"medium_id": name, "received_bytes": size})
    news, missed = listener.take()

    assert ([("a", 2), ("b", 1)], True) == ([tuple(each.values()) for each in news], missed)
    assert ([], False) == listener.take()


async def test_a_reader_that_takes_nothing_loses_the_stream(monkeypatch):
    """Not this process its memory."""
    monkeypatch.setattr(live, "_WRITE_S", 0.01)
    ended = []

    async def never(_):
        await asyncio.Event().wait()

    async def still_in(_):
        return True

    async def nothing():
        return []

    monkeypatch.setattr(live, "_still_in", still_in)
    response = SimpleNamespace(write=never, force_close=lambda: ended.append(True))
    watch = SimpleNamespace(arrived=lambda: [b"news"], changed=nothing)
    await live._tell(SimpleNamespace(gateway=None), response, watch)

    assert [True] == ended
