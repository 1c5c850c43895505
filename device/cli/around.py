"""What `scan` found, held against the configuration, and asked one by one who it is."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from device.config import Config, RecorderConfig
from device.drivers import BY_SCHEME
from device.errors import ConfigInvalid, FieldpostError, LinkReason, LinkUnavailable
from device.links.finding import Nearby, SerialPort, ble_nearby, serial_ports
from device.links.gatt import Place
from device.links.serial import SerialAddress
from device.model import Listing, RecorderInfo

EACH_S = 90.0
"""For finding it again, connecting, greeting, and listing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A recorder or a serial port; `recorder` is how to open it.

    `driver` would take it; `configured_for` is the driver it is configured for already, if it is.
    `info` and `listing`, or `error`, are there once it was opened.
    """

    seen: Nearby | SerialPort
    recorder: RecorderConfig
    driver: str
    configured_for: str | None = None
    info: RecorderInfo | None = None
    listing: Listing | None = None
    error: FieldpostError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """One look around. `others` counts Bluetooth devices that are no recorders."""

    found: tuple[Found, ...]
    others: int
    problem: LinkUnavailable | None


async def look_around(
    config: Config, *, ble: bool, serial: bool, adapter: str | None, seconds: float
) -> Around:
    """Look without opening anything.

    Raises:
        LinkUnavailable: Bluetooth cannot be looked at, and no serial port is there either.
    """
    ports = await asyncio.to_thread(serial_ports) if serial else ()
    near: tuple[Nearby, ...] = ()
    problem = None
    if ble:
        try:
            near = await ble_nearby(adapter, seconds)
        except LinkUnavailable as error:
            if not ports:
                raise
            problem = error
    recorders = [each for each in near if each.driver is not None]
    seen: list[Nearby | SerialPort] = [*recorders, *ports]
    return Around(
        found=tuple(_found(each, config) for each in seen),
        others=len(near) - len(recorders),
        problem=problem,
    )


async def open_each(around: Around, config: Config, telling: Callable[[str], None]) -> Around:
    """Open what was found, one after the other, and add who it is and what it holds."""
    found = []
    for each in around.found:
        telling(f"opening {each.recorder.url} …")
        found.append(await _opened(each, config))
    return replace(around, found=tuple(found))


async def _opened(each: Found, config: Config) -> Found:
    from device import survey  # noqa: PLC0415 - heavy, and only --open asks for it

    try:
        async with asyncio.timeout(EACH_S):
            (view,) = await survey.look(replace(config, recorders=(each.recorder,)))
    except TimeoutError:
        error = LinkUnavailable(
            f"{each.recorder.url} did not answer in {EACH_S:.0f} s", reason=LinkReason.NO_ANSWER
        )
        return replace(each, error=error)
    return replace(each, info=view.info, listing=view.listing, error=view.error)


def _found(seen: Nearby | SerialPort, config: Config) -> Found:
    configured = next((each for each in config.recorders if _is_at(each.url, seen)), None)
    if isinstance(seen, SerialPort):
        recorder = configured or RecorderConfig(url=seen.url, release="keep")
        driver = _driver_of(recorder)
    else:
        # Two recorders may go by one configured name; the address tells which of them this is.
        driver = seen.driver or ""
        recorder = RecorderConfig(url=seen.url, driver=driver, release="keep")
    return Found(
        seen=seen,
        recorder=recorder,
        driver=driver,
        configured_for=_driver_of(configured) if configured else None,
    )


def _driver_of(recorder: RecorderConfig) -> str:
    return recorder.driver or BY_SCHEME[urlsplit(recorder.url).scheme]


def _is_at(url: str, seen: Nearby | SerialPort) -> bool:
    """Whether a configured URL means this one, under whichever of its names."""
    try:
        if isinstance(seen, Nearby):
            return Place.parse(url).target in {seen.address.upper(), seen.name}
        return os.path.realpath(SerialAddress.parse(url).path) == os.path.realpath(seen.device)
    except ConfigInvalid:  # of another kind
        return False
