"""Watchdog: pings on a real notification socket, for as long as every loop gets on."""

import asyncio
import logging
import socket

import pytest

from device.pulse import Pulses
from device.watchdog import Watchdog
from tests.fakes.clock import FakeClock


@pytest.fixture
def manager(tmp_path, monkeypatch):
    """The service manager's end of the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.setblocking(False)
        line.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield line


def heard(line: socket.socket) -> list[bytes]:
    """Everything that was sent so far."""
    said = []
    while True:
        try:
            said.append(line.recv(200))
        except BlockingIOError:
            return said


def test_a_wedged_loop_stops_the_pings(manager, caplog):
    """Who is overdue is logged once, at ERROR; the service manager hears nothing more."""
    clock = FakeClock()
    pulses = Pulses(clock=clock)
    pulses.of("uploads", within_s=60)
    dog = Watchdog(pulses=pulses, clock=clock, environ={})
    dog.look(ping=True)
    before = heard(manager)
    clock.advance(100)
    dog.look(ping=True)
    dog.look(ping=True)

    assert ([b"WATCHDOG=1"], []) == (before, heard(manager))
    (record,) = caplog.records
    assert (logging.ERROR, "uploads", 40) == (record.levelno, record.loop, record.overdue_s)


def test_a_loop_that_comes_back_is_told(manager, caplog):
    """A bound that was too short for a slow disk shows in the log, and pings go on."""
    clock = FakeClock()
    pulses = Pulses(clock=clock)
    pulse = pulses.of("uploads", within_s=60)
    dog = Watchdog(pulses=pulses, clock=clock, environ={})
    clock.advance(100)
    dog.look(ping=True)
    pulse.beat()
    dog.look(ping=True)

    assert [b"WATCHDOG=1"] == heard(manager)
    assert "Every loop gets on again" == caplog.records[-1].message


@pytest.mark.asyncio
async def test_pings_come_twice_as_often_as_asked_for(manager):
    """With WatchdogSec=60 every 30 s."""
    clock = FakeClock()
    dog = Watchdog(pulses=Pulses(clock=clock), clock=clock, environ={"WATCHDOG_USEC": "60000000"})
    run = asyncio.create_task(dog.run())
    for _ in range(4):
        while not clock.sleeping:  # noqa: ASYNC110 - a fake clock has no event for it
            await asyncio.sleep(0)
        clock.advance(30)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)

    assert [b"WATCHDOG=1"] * 4 == heard(manager)


def test_nobody_who_asks_for_no_pings_gets_any(manager, caplog):
    """A stuck loop is logged all the same."""
    clock = FakeClock()
    pulses = Pulses(clock=clock)
    pulses.of("uploads", within_s=60)
    dog = Watchdog(pulses=pulses, clock=clock, environ={})
    dog.look(ping=False)
    clock.advance(100)
    dog.look(ping=False)

    assert ([], 1) == (heard(manager), len(caplog.records))
