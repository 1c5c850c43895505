import asyncio
from contextlib import asynccontextmanager

import pytest_asyncio

from gateway.events.deliverer import Deliverer
from gateway.events.envelope import Envelopes
from gateway.events.lanes import MOST
from gateway.events.sender import Sender
from gateway.metrics import Metrics
from gateway.store.sql import open_store
from tests.gateway.events.receiver import Receiver, settle
from tests.gateway.store.noted import hook

SECRET = b"s" * 32


@pytest_asyncio.fixture
async def receiver():
    receiver = Receiver()
    runner = await receiver.serve()
    yield receiver
    receiver.go.set()
    await runner.cleanup()


@pytest_asyncio.fixture
async def other():
    """A second one."""
    receiver = Receiver()
    runner = await receiver.serve()
    yield receiver
    receiver.go.set()
    await runner.cleanup()


@pytest_asyncio.fixture
async def store(tmp_path):
    async with open_store(tmp_path) as store:
        yield store


class World:
    """A store, a clock, and deliverers that live and die."""

    def __init__(self, store, clock):
        self.store, self.clock = store, clock
        self.metrics = Metrics()
        self.deliverer = None
        self.task = None

    async def webhook(self, receiver, name="a", **more):
        made = hook(name, self.clock.now(), **more)
        object.__setattr__(made, "url", receiver.url)
        await self.store.webhooks.add(made, limit=99)
        return made

    @asynccontextmanager
    async def delivering(self):
        """Run a deliverer until the block ends."""
        sender = Sender(agent="test", allow_http=False)
        envelopes = Envelopes(
            self.store, None, self.clock, public_url="https://gw.example.org", url_ttl_s=3600
        )
        self.deliverer = Deliverer(
            self.store, envelopes, sender, self.metrics, self.clock, secret=SECRET
        )
        self.task = asyncio.create_task(self.deliverer.run())
        try:
            yield self.deliverer
        finally:
            self.deliverer.stop()
            self.task.cancel()
            await asyncio.wait([self.task])
            await sender.aclose()

    async def quiet(self):
        """Wait until nothing is under way and the deliverer waits for its time."""
        calm = 0
        while calm < 2:
            await settle()
            idle = self.deliverer._lanes.free == MOST and self.clock.sleeping == 1
            calm = calm + 1 if idle else 0

    async def all(self):
        """List deliveries, oldest first."""
        return list(reversed(await self.store.deliveries.page(None, None, 100, 0)))

    async def only(self):
        [delivery] = await self.all()
        return delivery

    def outcome(self, name):
        return self.metrics.deliveries.labels(name)._value.get()


@pytest_asyncio.fixture
async def world(store, clock):
    return World(store, clock)
