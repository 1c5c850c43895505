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
    changed = asyncio.Condition()
    original = RequestBody.next

    async def counted(body):
        nonlocal total
        block = await original(body)
        async with changed:
            total += len(block)
            changed.notify_all()
        return block

    async def wait(size):
        async with changed:
            await changed.wait_for(lambda: total >= size)

    monkeypatch.setattr(RequestBody, "next", counted)
    return wait
