"""Probe a recorder on Bluetooth LE: adapter, in reach, how loud, connection, services, MTU."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from device.core.bota_ble.uuids import RECORDING_LIST, TRANSFER_CONTROL
from device.errors import FieldpostError, LinkUnavailable
from device.links.ble import BleLink
from device.links.bluetooth_place import Place
from device.links.finding import Nearby, ble_nearby
from device.links.gatt import open_gatt
from device.probe import Probe, Step, holder
from device.probe.serial import greeted, held, said
from device.verdict import Finding, failed, ok, warning
from device.words import count, printable

SCAN_S = 6.0
WEAK_DBM = -85


async def steps(probe: Probe) -> AsyncIterator[Step]:
    """Go step by step; nothing is connected to that an agent holds.

    Raises:
        ConfigInvalid: The URL is wrong.
    """
    place = Place.parse(probe.url)
    if holder(probe):
        yield Step(name="connect", finding=held())
        return
    begun_s = probe.clock.monotonic()
    try:
        near = await ble_nearby(place.adapter, SCAN_S)
    except LinkUnavailable as error:
        yield Step(name="adapter", finding=said(error))
        return
    seconds = probe.clock.monotonic() - begun_s
    heard = f"listens; {count(len(near), 'device')} heard in {SCAN_S:.0f} s"
    yield Step(name="adapter", finding=ok(heard), seconds=seconds)
    seen = next((e for e in near if place.target in {e.address.upper(), e.name}), None)
    if seen is None:
        fix = "switch it on, bring it nearer, and see that no phone is connected to it"
        finding = failed(f"{printable(place.target)} was not heard", fix)
        yield Step(name="visible", finding=finding)
        return
    yield Step(name="visible", finding=_heard(seen), facts=_facts(seen))
    if seen.driver == "bota":
        yield await _bota(probe, place)
        return
    async with AsyncExitStack() as opened:
        begun_s = probe.clock.monotonic()
        try:
            link = await opened.enter_async_context(await BleLink.open(probe.url))
        except FieldpostError as error:
            seconds = probe.clock.monotonic() - begun_s
            yield Step(name="connect", finding=said(error), seconds=seconds)
            return
        seconds = probe.clock.monotonic() - begun_s
        frames = f"connected; frames of {link.max_frame_bytes} bytes"
        facts = {"frame_bytes": link.max_frame_bytes}
        yield Step(name="connect", finding=ok(frames), seconds=seconds, facts=facts)
        async for step in greeted(probe, link):
            yield step


async def _bota(probe: Probe, place: Place) -> Step:
    """Connect, see that the services are there, and go: its owner's phone may want it."""
    begun_s = probe.clock.monotonic()
    try:
        gatt = await open_gatt(place, RECORDING_LIST, TRANSFER_CONTROL, recovers=False)
    except FieldpostError as error:
        return Step(name="connect", finding=said(error), seconds=probe.clock.monotonic() - begun_s)
    value_bytes = gatt.value_bytes(TRANSFER_CONTROL)
    await gatt.aclose()
    return Step(
        name="connect",
        finding=ok(f"connected; has the Bota services; values of {value_bytes} bytes"),
        seconds=probe.clock.monotonic() - begun_s,
        facts={"value_bytes": value_bytes},
    )


def _heard(seen: Nearby) -> Finding:
    strength = f"{seen.rssi_dbm} dBm" if seen.rssi_dbm is not None else "strength unknown"
    bond = {True: ", paired", False: ", not paired", None: ""}[seen.paired]
    told = f"{seen.name or seen.address} at {strength}{bond}"
    if seen.driver is None:
        fix = "check the address; recorders nearby: fieldpost scan --ble"
        return warning(printable(f"{told}, but it does not say that it is a recorder"), fix)
    if seen.rssi_dbm is not None and seen.rssi_dbm < WEAK_DBM:
        return warning(printable(f"{told}: faint"), "bring box and recorder nearer")
    return ok(printable(told))


def _facts(seen: Nearby) -> dict[str, object]:
    return {
        "rssi_dbm": seen.rssi_dbm,
        "paired": seen.paired,
        "driver": seen.driver,
        "battery_percent": seen.battery_percent,
    }
