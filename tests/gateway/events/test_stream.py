"""The stream against a real NATS server: in order, once, and nothing lost while it is away."""

import asyncio
import json
import logging
from contextlib import asynccontextmanager

import nats
import pytest
import pytest_asyncio
from nats.js.api import StreamConfig

from gateway.config_events import EventsConfig
from gateway.errors import Unavailable
from gateway.events.envelope import Envelopes
from gateway.events.stream import Stream
from gateway.metrics import Metrics
from gateway.webhooks import WebhookDesk
from tests.gateway.events.receiver import settle
from tests.gateway.serving import serving
from tests.gateway.store.noted import happened, hook
from tests.servers.nats import NatsServer

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = NatsServer(tmp_path_factory.mktemp("nats"))
    yield server
    server.daemon.kill()


@pytest_asyncio.fixture
async def named(server, request):
    """Give a stream of its own to each test, since all of them have the same subjects."""
    yield "FIELDPOST"
    client = await nats.connect(server.url)
    await client.jsm().delete_stream("FIELDPOST")
    await client.close()


class World:
    """A store and a clock, and streams that begin and end."""

    def __init__(self, store, clock, server):
        self.store, self.clock, self.server = store, clock, server
        self.metrics = Metrics()

    @asynccontextmanager
    async def streaming(self, process_id="prc_1"):
        envelopes = Envelopes(
            self.store, None, self.clock, public_url="https://gw.example.org", url_ttl_s=3600
        )
        stream = Stream(
            self.store,
            envelopes,
            self.metrics,
            self.clock,
            config=EventsConfig(nats_url=self.server.url),
            process_id=process_id,
        )
        task = asyncio.create_task(stream.run())
        try:
            yield stream
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def all_streamed(self):
        """Wait until nothing waits, letting time pass where that is waited for."""
        while (await self.store.events.backlog()).waiting:
            await settle()
            self.clock.advance(2)

    async def messages(self):
        """Read the whole stream."""
        client = await nats.connect(self.server.url)
        manager = client.jsm()
        state = (await manager.stream_info("FIELDPOST")).state
        found = [
            await manager.get_msg("FIELDPOST", seq)
            for seq in range(state.first_seq, state.last_seq + 1)
        ]
        await client.close()
        return found


@pytest_asyncio.fixture
async def world(store, clock, server, named):
    return World(store, clock, server)


async def test_events_come_in_order(world):
    """With their type as subject, their id for the server, and the envelope of webhooks."""
    await happened(world.store, world.clock, 3)
    await world.store.recordings.delete("rec_2", world.clock.now())
    await world.store.events.fan_out(world.clock.now(), 9)
    async with world.streaming():
        while world.metrics.streamed._value.get() < 4 or not world.metrics.stream_up._value.get():
            await settle()
    told = await world.messages()
    kept = await world.store.events.after(0, 9)

    assert ["fieldpost.recording.created"] * 3 + ["fieldpost.recording.deleted"] == [
        message.subject for message in told
    ]
    assert [event.id for event in kept] == [message.headers["Nats-Msg-Id"] for message in told]
    assert [event.id for event in kept] == [json.loads(message.data)["id"] for message in told]


async def test_what_happens_goes_out_at_once(world):
    """No clock moves: the change itself wakes the stream."""
    async with world.streaming():
        await happened(world.store, world.clock)
        while (await world.store.events.backlog()).waiting:
            await settle()

    assert 1 == len(await world.messages())


async def test_nothing_is_lost_while_the_server_is_away(world, caplog):
    """Events wait, a line and a metric tell, and all go out in order afterwards."""
    caplog.set_level(logging.INFO)
    async with world.streaming():
        await happened(world.store, world.clock, 2)
        await world.all_streamed()
        with world.server.daemon.down():
            await happened(world.store, world.clock, 3, first=3)
            while world.metrics.stream_up._value.get():
                await settle()
            world.clock.advance(1)
            await settle()
            waiting = (await world.store.events.backlog()).waiting
        while world.metrics.streamed._value.get() < 5:
            await settle()
            world.clock.advance(2)
        while not world.metrics.stream_up._value.get():
            await settle()
    told = [json.loads(message.data)["data"]["id"] for message in await world.messages()]

    assert 3 == waiting
    assert [f"rec_{number}" for number in range(1, 6)] == told
    assert 1 == caplog.messages.count("The stream takes no events; they wait.")
    assert 1 == caplog.messages.count("The stream takes events again.")


async def test_an_event_that_was_not_noted_is_in_the_stream_once(world, monkeypatch):
    """A process that dies between the two publishes again; the server knows the id."""
    kept = world.store.events.streamed
    away = [True, False]

    async def streamed(*args):
        if away.pop(0) if away else False:
            raise Unavailable("the database cannot be used now")
        await kept(*args)

    monkeypatch.setattr(world.store.events, "streamed", streamed)
    await happened(world.store, world.clock, 3)
    async with world.streaming():
        await world.all_streamed()

    assert 3 == len(await world.messages())


async def test_one_process_publishes_at_a_time(world):
    """The other one takes over only when the lease is free."""
    await happened(world.store, world.clock, 2)
    await world.store.leases.hold("events-stream", "prc_other", 60)
    async with world.streaming():
        for _ in range(5):
            world.clock.advance(2)
            await settle()
        waiting = (await world.store.events.backlog()).waiting
        await world.store.leases.drop("events-stream", "prc_other")
        await world.all_streamed()

    assert 2 == waiting
    assert 2 == len(await world.messages())


async def test_a_stream_that_is_there_stays_as_it_is(world):
    """Its limits are the operator's."""
    client = await nats.connect(world.server.url)
    mine = StreamConfig(name="FIELDPOST", subjects=["fieldpost.>"], max_msgs=2)
    await client.jsm().add_stream(mine)
    await client.close()
    await happened(world.store, world.clock, 3)
    async with world.streaming():
        await world.all_streamed()

    assert 2 == len(await world.messages())


async def test_tests_of_webhooks_are_not_streamed(world, clock):
    """They are for one webhook alone."""
    await happened(world.store, clock)
    await world.store.webhooks.add(hook("a", clock.now()), limit=9)
    desk = WebhookDesk(world.store, clock, secret=b"s" * 32, allow_http=False)
    await desk.test("wh_a")
    await world.store.events.fan_out(clock.now(), 9)
    async with world.streaming():
        await world.all_streamed()

    assert ["fieldpost.recording.created"] == [m.subject for m in await world.messages()]


async def test_a_gateway_without_its_stream_is_ready(tmp_path, caplog):
    """Devices upload all the same; the stream is told what it missed later."""
    events = EventsConfig(nats_url="nats://127.0.0.1:9")
    async with serving(tmp_path / "data", events=events) as api:
        _, token = await api.device()
        made = await api.call("POST", "/v1/recordings", {}, token=token)
        while "The stream takes no events; they wait." not in caplog.messages:
            await settle()
        ready = await api.call("GET", "/readyz", token="")

    assert (201, 200) == (made.status, ready.status)
