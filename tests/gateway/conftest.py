import asyncio

import pytest
import pytest_asyncio

from gateway.routes.incoming import RequestBody
from tests.fakes.clock import FakeClock
from tests.gateway.serving import serving
from tests.gateway.stores import (
    any_database,
    any_store,
    empty_postgres,
    open_any,
    postgres,
    postgres_server,
)

__all__ = [
    "any_database",
    "any_store",
    "empty_postgres",
    "open_any",
    "postgres",
    "postgres_server",
]


@pytest.fixture
def clock():
    return FakeClock()


@pytest_asyncio.fixture
async def api(tmp_path, clock):
    """A gateway called by a device."""
    async with serving(tmp_path / "data", clock) as api:
        _, api.token = await api.device()
        yield api


@pytest.fixture
def arrived(monkeypatch):
    """Wait until the gateway's handler has been given so many bytes of bodies in all."""
    total = 0
    changed = asyncio.Event()
    next_, rest = RequestBody.next, RequestBody.rest

    def counted(block):
        nonlocal total
        total += len(block)
        changed.set()
        return block

    async def counted_next(body):
        return counted(await next_(body))

    async def wait(size):
        while total < size:
            changed.clear()
            await changed.wait()

    monkeypatch.setattr(RequestBody, "next", counted_next)
    monkeypatch.setattr(RequestBody, "rest", lambda body: counted(rest(body)))
    return wait
