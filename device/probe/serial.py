"""Probe a serial recorder: port, permission, who holds it, greeting, round trip, rate."""

import asyncio
import os
import statistics
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from device.core.link.answers import Done
from device.core.link.requests import Ping
from device.drivers.native import open_on
from device.drivers.native_session import Session
from device.errors import FieldpostError
from device.links import Link
from device.links.serial import SerialAddress, SerialLink
from device.probe import Probe, Step, holder
from device.probe.reading import rate
from device.verdict import Finding, Verdict, failed, ok, skipped
from device.words import printable

PINGS = 5
GREET_S = 15.0
_PLUG = "plug the recorder in and switch it on; ports: fieldpost scan --serial"


async def steps(probe: Probe) -> AsyncIterator[Step]:
    """Go step by step; nothing is opened that an agent holds.

    Raises:
        ConfigInvalid: The URL is wrong.
    """
    address = SerialAddress.parse(probe.url)
    for name, found in await asyncio.to_thread(lambda: list(_looked(Path(address.path)))):
        yield Step(name=name, finding=found)
        if found.verdict is Verdict.FAILED:
            return
    if holder(probe):
        yield Step(name="open", finding=held())
        return
    async with AsyncExitStack() as opened:
        begun_s = probe.clock.monotonic()
        try:
            link = await opened.enter_async_context(await SerialLink.open(probe.url))
        except FieldpostError as error:
            seconds = probe.clock.monotonic() - begun_s
            yield Step(name="open", finding=said(error), seconds=seconds)
            return
        seconds = probe.clock.monotonic() - begun_s
        opens = ok(f"opens at {address.baud} baud")
        yield Step(name="open", finding=opens, seconds=seconds)
        async for step in greeted(probe, link):
            yield step


async def greeted(probe: Probe, link: Link) -> AsyncIterator[Step]:
    """Greet the recorder on an open link, time pings, and read a little."""
    session = Session(link, probe.clock)
    begun_s = probe.clock.monotonic()
    try:
        async with asyncio.timeout(GREET_S):
            welcome = await session.greet()
    except TimeoutError:
        fix = "check power and baud rate; is it a recorder that speaks our protocol?"
        finding = failed(f"nobody answered in {GREET_S:.0f} s", fix)
        yield Step(name="hello", finding=finding, seconds=GREET_S)
        return
    except FieldpostError as error:
        seconds = probe.clock.monotonic() - begun_s
        yield Step(name="hello", finding=said(error), seconds=seconds)
        return
    seconds = probe.clock.monotonic() - begun_s
    who = f"{welcome.serial} answers: {welcome.model}, firmware {welcome.firmware}"
    facts = {
        "serial": welcome.serial,
        "model": welcome.model,
        "firmware": welcome.firmware,
        "battery_percent": welcome.battery_percent,
        "used_bytes": welcome.used_bytes,
        "capacity_bytes": welcome.capacity_bytes,
    }
    yield Step(name="hello", finding=ok(printable(who)), seconds=seconds, facts=facts)
    yield await _pinged(probe, session)
    try:
        # With keep no recorder is ever told to delete anything.
        driver = await open_on(link, probe.clock, release="keep")
    except FieldpostError as error:
        yield Step(name="read", finding=said(error))
        return
    yield await rate(driver, probe.clock)
    await driver.aclose()


async def _pinged(probe: Probe, session: Session) -> Step:
    times_ms = []
    begun_s = probe.clock.monotonic()
    try:
        for _ in range(PINGS):
            asked_s = probe.clock.monotonic()
            await session.ask(lambda request: Ping(request=request), Done)
            times_ms.append(1000 * (probe.clock.monotonic() - asked_s))
    except FieldpostError as error:
        return Step(name="round-trip", finding=said(error))
    middle_ms = statistics.median(times_ms)
    return Step(
        name="round-trip",
        finding=ok(f"{middle_ms:.1f} ms (from {min(times_ms):.1f} to {max(times_ms):.1f})"),
        seconds=probe.clock.monotonic() - begun_s,
        facts={"round_trip_ms": [round(each, 2) for each in times_ms]},
    )


def said(error: FieldpostError) -> Finding:
    """Tell an error of the line as a finding."""
    return failed(printable(str(error)), error.hint or "check cable and power, then try again")


def held() -> Finding:
    """Say that an agent is at work there, and what to do."""
    return skipped(
        "the running agent holds this recorder; fieldpost recorders tells how it fares, and"
        " sudo systemctl stop fieldpost lets it be probed"
    )


def _looked(port: Path) -> Iterator[tuple[str, Finding]]:
    """Look without opening: is it there, may we, does somebody have it?"""
    try:
        real = port.resolve(strict=True)
    except OSError as error:
        yield "port", failed(f"{port} is not there ({os.strerror(error.errno or 0)})", _PLUG)
        return
    yield "port", ok(f"{port} is {real}" if real != port else f"{port} is there")
    if not os.access(real, os.R_OK | os.W_OK):
        group = real.group()
        fix = f"sudo usermod -aG {group} $USER, then log in again; or use sudo"
        yield "permission", failed(f"this user may not use it (group {group} may)", fix)
        return
    yield "permission", ok("this user may use it")
    holders = list(_holders(real))
    if holders:
        yield "holder", ok(f"open in {', '.join(holders)}")


def _holders(port: Path) -> Iterator[str]:
    """Name the processes that have a port open, as far as this user may see."""
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or process.name == str(os.getpid()):
            continue
        try:
            if any(each.readlink() == port for each in (process / "fd").iterdir()):
                name = printable((process / "comm").read_text().strip())
                yield f"{name} (pid {process.name})"
        except OSError:
            continue  # another user's, or it ended
