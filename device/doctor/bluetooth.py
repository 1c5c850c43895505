"""Checks of Bluetooth: the adapter, the version of BlueZ, and the recorders in reach."""

import asyncio
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from device.bell import Bell
from device.doctor import CONFIG, Check, Scene
from device.doctor.ask_system import asked
from device.doctor.by_agent import told
from device.links.bluetooth_place import Place
from device.links.finding import Nearby, ble_nearby
from device.network_bus import SystemBus
from device.verdict import Finding, failed, ok, skipped, warning
from device.words import count, printable

SCAN_S = 5.0
_BLUEZ = "org.bluez"
_ADAPTER = "org.bluez.Adapter1"
_OLDEST = (5, 55)
_OPEN_TO_ALL = (5, 66)
"""Since then Debian's D-Bus policy lets any user talk to BlueZ."""
_WEAK_DBM = -85


def recorders(scene: Scene) -> Sequence[str]:
    """List the recorders on Bluetooth."""
    return [each.url for each in scene.config.recorders if urlsplit(each.url).scheme == "ble"]


def once(scene: Scene) -> Sequence[str]:
    """Look at Bluetooth only where a recorder is on it."""
    return [""] if recorders(scene) else []


async def adapter(scene: Scene, _subject: str) -> Finding:
    """Is there an adapter, and is it on?"""
    bus = SystemBus({}, Bell())
    try:
        objects = await bus.objects(_BLUEZ, "/") if await bus.connect() else None
    finally:
        await bus.aclose()
    if objects is None:
        return failed(
            "no Bluetooth service answers on the system bus", "sudo systemctl start bluetooth"
        )
    adapters = {
        path.rpartition("/")[2]: each[_ADAPTER]
        for path, each in objects.items()
        if _ADAPTER in each
    }
    if not adapters:
        return failed("there is no Bluetooth adapter", "plug one in; see: lsusb, rfkill list")
    wanted = {place.adapter for place in map(Place.parse, recorders(scene)) if place.adapter}
    if missing := sorted(wanted - set(adapters)):
        return failed(
            f"there is no adapter {missing[0]}; there is {', '.join(sorted(adapters))}",
            "correct adapter= in the recorder's url",
        )
    used = wanted or {min(adapters)}
    for name in sorted(used):
        if not adapters[name].get("Powered"):
            return failed(
                f"{name} is switched off", "sudo rfkill unblock bluetooth; bluetoothctl power on"
            )
    return ok(f"{', '.join(sorted(used))} is on")


async def bluez_version(_scene: Scene, _subject: str) -> Finding:
    """Is BlueZ new enough?"""
    said = await asked("bluetoothctl", "--version")
    found = re.search(r"(\d+)\.(\d+)", said or "")
    if found is None:
        return skipped("bluetoothctl is not installed, so nobody tells the version")
    version = int(found[1]), int(found[2])
    if version < _OLDEST:
        return failed(f"BlueZ {found[0]} is too old: 5.55 is needed", "sudo apt full-upgrade")
    if version < _OPEN_TO_ALL:
        return warning(
            f"BlueZ {found[0]} lets only some users in",
            "sudo usermod -aG bluetooth fieldpost; sudo systemctl restart fieldpost",
        )
    return ok(f"BlueZ {found[0]}")


async def visible(scene: Scene, url: str) -> Finding:
    """Is the recorder in reach?"""
    if scene.agent_pid is not None:
        return told(scene, url)
    place = Place.parse(url)
    scan = scene.scans.get(place.adapter)
    if scan is None:
        scan = scene.scans[place.adapter] = asyncio.create_task(
            ble_nearby(place.adapter, SCAN_S), name=f"scan {place.adapter or ''}"
        )
    near: tuple[Nearby, ...] = await asyncio.shield(scan)
    for each in near:
        if place.target in {each.address.upper(), each.name}:
            if each.rssi_dbm is not None and each.rssi_dbm < _WEAK_DBM:
                return warning(
                    f"in reach, but faint ({each.rssi_dbm} dBm)", "bring box and recorder nearer"
                )
            strength = f" at {each.rssi_dbm} dBm" if each.rssi_dbm is not None else ""
            return ok(f"in reach{strength}")
    others = count(len(near), "other device")
    return failed(
        printable(f"not seen in {SCAN_S:.0f} s ({others} heard)"),
        "switch it on and bring it nearer; then: fieldpost scan --ble",
    )


CHECKS = (
    Check(code="bluetooth-adapter", run=adapter, needs=(CONFIG,), subjects=once),
    Check(code="bluez-version", run=bluez_version, needs=("bluetooth-adapter",), subjects=once),
    Check(
        code="recorder-visible",
        run=visible,
        needs=("bluetooth-adapter", "bluez-version"),
        subjects=recorders,
    ),
)
