"""How these tests open a recorder and pull from it, with what is shipped."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from device.clock import SystemClock
from device.drivers import Driver, Opening, open_driver
from device.errors import LinkLost, LinkUnavailable
from tests.bluez.computer import BOTA_ADDRESS, NATIVE_ADDRESS

NATIVE_URL = f"ble://{NATIVE_ADDRESS}"
BOTA_URL = f"ble://{BOTA_ADDRESS}"
TRIES = 8


async def opened(cache: Path, url: str = NATIVE_URL) -> Driver:
    return await open_driver(
        "bota" if url == BOTA_URL else None,
        Opening(url=url, release="delete", clock=SystemClock(), cache=cache),
    )


async def pull_through(
    cache: Path, harm: Callable[[], Awaitable[None]], url: str = NATIVE_URL
) -> tuple[bytes, int, list[Exception]]:
    """Pull the first recording's first medium, do harm once in its middle, and go on after it.

    Returns:
        What was pulled, how many bytes of it before the harm, and what went wrong in between.
    """
    driver = await opened(cache, url)
    recording = (await driver.recordings()).recordings[0]
    got = bytearray()
    before = 0
    problems: list[Exception] = []
    for _ in range(TRIES):
        try:
            async for chunk in driver.read(recording, recording.media[0], len(got)):
                got += chunk
                if not before:
                    before = len(got)
                    await harm()
            await driver.aclose()
        except LinkLost as error:
            problems.append(error)
        else:
            return bytes(got), before, problems
        await driver.aclose()
        driver = await _again(cache, url, problems)
    raise AssertionError(problems)


async def _again(cache: Path, url: str, problems: list[Exception]) -> Driver:
    for _ in range(TRIES):
        try:
            return await opened(cache, url)
        except LinkUnavailable as error:
            problems.append(error)
    raise AssertionError(problems)
