"""Read a little of what a recorder holds, to tell how fast the line is."""

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from device.clock import Clock
from device.drivers import Driver
from device.errors import FieldpostError
from device.probe import Step
from device.verdict import failed, ok, skipped
from device.words import count, printable, size

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

MOST_BYTES = 262_144
MOST_S = 8.0
LISTING_S = 20.0


async def rate(driver: Driver, clock: Clock) -> Step:
    """Read until enough is measured; nothing is kept, and the recorder keeps all of it."""
    begun_s = clock.monotonic()
    try:
        async with asyncio.timeout(LISTING_S):
            listing = await driver.recordings()
    except TimeoutError:
        finding = failed("its list did not come", "switch the recorder off and on")
        return Step(name="read", finding=finding, seconds=LISTING_S)
    except FieldpostError as error:
        finding = failed(printable(str(error)), error.hint or "switch the recorder off and on")
        return Step(name="read", finding=finding, seconds=clock.monotonic() - begun_s)
    holds = f"it holds {count(len(listing.recordings), 'recording')}"
    sized = [
        (medium.size_bytes, recording, medium)
        for recording in listing.recordings
        for medium in recording.media
    ]
    if not sized:
        finding = skipped(f"{holds}, so there is nothing to read")
        return Step(name="read", finding=finding, seconds=clock.monotonic() - begun_s)
    _, recording, medium = max(sized, key=lambda each: each[0])
    read_bytes, begun_s = 0, clock.monotonic()
    chunks: AsyncGenerator[bytes, Any] = driver.read(recording, medium, 0)  # type: ignore[assignment]  # every driver's is a generator
    try:
        async with asyncio.timeout(MOST_S), aclosing(chunks):
            async for chunk in chunks:
                read_bytes += len(chunk)
                if read_bytes >= MOST_BYTES:
                    break
    except TimeoutError:
        pass  # what came until then tells the rate
    except FieldpostError as error:
        finding = failed(printable(str(error)), error.hint or "check the cable, then try again")
        return Step(name="read", finding=finding, seconds=clock.monotonic() - begun_s)
    seconds = max(clock.monotonic() - begun_s, 0.000_001)
    said = f"{holds}; {size(read_bytes)} of one read at {size(read_bytes / seconds)}/s"
    facts = {"read_bytes": read_bytes, "bytes_per_s": round(read_bytes / seconds)}
    return Step(name="read", finding=ok(said), seconds=seconds, facts=facts)
