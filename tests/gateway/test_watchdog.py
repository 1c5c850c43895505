"""The gateway's watchdog is fed only while the gateway answers."""

import asyncio
from urllib.parse import urlsplit

import pytest

from gateway import watchdog
from gateway.watchdog import Watchdog
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.asyncio


def at(address, told, clock=None, limit_s=20.0):
    return Watchdog(
        clock or FakeClock(),
        address=address,
        limit_s=limit_s,
        tell=lambda state: told.append(state) is None,
    )


async def told_of_one_look(watched: Watchdog, told: list[str], clock: FakeClock) -> list[str]:
    """What systemd hears until the first pause."""
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        running = group.create_task(watched.run())
        while not clock.sleeping:  # noqa: ASYNC110 - a fake clock has no event for it
            await asyncio.sleep(0)
        running.cancel()
    return told


async def test_a_gateway_that_answers_feeds_it(api):
    """A look that goes well is told to systemd."""
    parts = urlsplit(api.url)
    told, clock = [], FakeClock()
    watched = at((parts.hostname, parts.port), told, clock)

    assert ["WATCHDOG=1"] == await told_of_one_look(watched, told, clock)


async def test_a_gateway_that_listens_no_more_feeds_nothing(unused_tcp_port):
    """Without its socket a gateway is no gateway, however well its loop turns."""
    told, clock = [], FakeClock()
    watched = at(("127.0.0.1", unused_tcp_port), told, clock)

    assert [] == await told_of_one_look(watched, told, clock)


async def test_a_gateway_that_accepts_and_says_nothing_feeds_nothing():
    """The kernel accepts for a program that is stuck."""
    held = []
    server = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    try:
        watched = at(server.sockets[0].getsockname(), [], limit_s=0.4)

        assert not await watched.all_well()
    finally:
        for writer in held:
            writer.close()
        server.close()
        await server.wait_closed()


async def test_stuck_worker_threads_feed_nothing(api, monkeypatch):
    """Every disk access goes through a thread: without one nothing is received or stored."""

    async def never(*_):
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(watchdog.asyncio, "to_thread", never)
    parts = urlsplit(api.url)
    watched = at((parts.hostname, parts.port), [], limit_s=0.4)

    assert not await watched.all_well()
