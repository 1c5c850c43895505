"""Survey: what configured recorders hold, asked once and read-only; the spool is not touched."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from device.clock import Clock, SystemClock
from device.config import Config, RecorderConfig
from device.drivers import Driver, Opening, open_driver
from device.errors import FieldpostError, LinkReason, LinkUnavailable, UsageInvalid
from device.model import Listing, RecorderInfo
from device.visit import OPEN_S


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderView:
    """One configured recorder, looked at once."""

    config: RecorderConfig
    info: RecorderInfo | None = None
    listing: Listing | None = None
    error: FieldpostError | None = None


async def look(config: Config) -> tuple[RecorderView, ...]:
    """Open every configured recorder, ask who it is and what it holds, and close it again."""
    clock = SystemClock()
    return tuple(
        await asyncio.gather(*(_look(recorder, config, clock) for recorder in config.recorders))
    )


async def listing(config: Config, recorder: str) -> Listing:
    """List what one recorder holds, read-only.

    Raises:
        UsageInvalid: No configured recorder has that URL.
        LinkError: It cannot be reached.
    """
    (only,) = chosen(config, recorder)
    async with _visiting(only, config, SystemClock()) as driver:
        return await driver.recordings()


def chosen(config: Config, recorder: str | None) -> tuple[RecorderConfig, ...]:
    """Find the configured recorder of a URL, or all.

    Raises:
        UsageInvalid: No configured recorder has that URL.
    """
    if recorder is None:
        return config.recorders
    chosen = tuple(r for r in config.recorders if r.url == recorder)
    if not chosen:
        known = ", ".join(r.url for r in config.recorders) or "none"
        raise UsageInvalid(f"no recorder {recorder} is configured (configured: {known})")
    return chosen


@asynccontextmanager
async def _visiting(
    recorder: RecorderConfig, config: Config, clock: Clock
) -> AsyncIterator[Driver]:
    opening = Opening(
        url=recorder.url,
        release=recorder.release,
        clock=clock,
        cache=config.spool.path / "cache",
        live=recorder.live,
    )
    try:
        async with asyncio.timeout(OPEN_S):
            driver = await open_driver(recorder.driver, opening)
    except TimeoutError as error:
        raise LinkUnavailable(
            f"{recorder.url} did not answer in {OPEN_S:.0f} s", reason=LinkReason.NO_ANSWER
        ) from error
    try:
        yield driver
    finally:
        await driver.aclose()


async def _look(recorder: RecorderConfig, config: Config, clock: Clock) -> RecorderView:
    info = None
    try:
        async with _visiting(recorder, config, clock) as driver:
            info = await driver.info()
            return RecorderView(config=recorder, info=info, listing=await driver.recordings())
    except FieldpostError as error:
        return RecorderView(config=recorder, info=info, error=error)
