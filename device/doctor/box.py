"""Checks of the box itself: configuration, clock, memory, storage card, network."""

import asyncio
import ctypes
import ctypes.util
import ipaddress
import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from device.config_clouds import clouds
from device.doctor import CONFIG, Check, Scene
from device.network import open_surroundings
from device.surroundings import Connectivity
from device.verdict import Finding, failed, ok, skipped, warning
from device.words import count, printable, size

SURELY_SINCE = datetime(2025, 1, 1, tzinfo=UTC)
"""No box runs this program earlier: a clock that says so was never set."""

LEAST_MEMORY_BYTES = 48 << 20
MOST_AGENT_BYTES = 256 << 20

_TIME_ERROR = 5
"""Of adjtimex(2): the kernel's clock is not kept by anybody."""
_TIMEX_BYTES = 512
"""More than struct timex has on any machine; its first word, `modes`, 0 only asks."""
_WORN = 9
"""JEDEC's life time estimate in tenths: 0x09 is 80 to 90 % used."""
_PRE_EOL = {1: "normal", 2: "80 % of its spare blocks used", 3: "90 % of its spare blocks used"}


async def config_valid(scene: Scene, _subject: str) -> Finding:
    """Is the configuration usable, and is there nothing odd in it?"""
    if scene.loaded is None:
        problems = scene.problem.problems if scene.problem else ["it cannot be read"]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        return failed(printable(problems[0]) + more, "fieldpost config check")
    if scene.loaded.warnings:
        return warning(printable(scene.loaded.warnings[0]), "fieldpost config check")
    recorders = len(scene.loaded.config.recorders)
    if not recorders:
        return warning("no recorder is configured", "fieldpost scan")
    return ok(f"{count(len(scene.loaded.files), 'file')}, {count(recorders, 'recorder')}")


async def clock_synced(scene: Scene, _subject: str) -> Finding:
    """Does anybody keep the clock?"""
    if scene.now < SURELY_SINCE:
        return failed(
            f"the clock says {scene.now:%Y-%m-%d}: it was never set",
            "sudo timedatectl set-ntp true",
        )
    kept = await asyncio.to_thread(_kept)
    if kept is None:
        return skipped("this system does not tell whether its clock is kept")
    if kept:
        return ok(f"kept by the network; it is {scene.now:%Y-%m-%d %H:%M} UTC")
    return warning(
        f"nobody sets the clock; it says {scene.now:%Y-%m-%d %H:%M} UTC",
        "sudo timedatectl set-ntp true",
    )


async def memory(scene: Scene, _subject: str) -> Finding:
    """Is there memory left, and does the agent keep to its share?"""
    free_bytes, agent_bytes = await asyncio.to_thread(_memory, scene)
    if free_bytes is None:
        return skipped("/proc/meminfo cannot be read")
    if free_bytes < LEAST_MEMORY_BYTES:
        return warning(f"only {size(free_bytes)} of memory are left", "ps -eo rss,comm --sort=-rss")
    if agent_bytes is not None and agent_bytes > MOST_AGENT_BYTES:
        return warning(
            f"the agent uses {size(agent_bytes)} of memory",
            "fieldpost bugreport, then: sudo systemctl restart fieldpost",
        )
    used = f"; the agent uses {size(agent_bytes)}" if agent_bytes is not None else ""
    return ok(f"{size(free_bytes)} available{used}")


async def storage_card(scene: Scene, _subject: str) -> Finding:
    """Does the card or eMMC say that it is worn out?"""
    told = await asyncio.to_thread(_cards, scene.root / "sys" / "class" / "block")
    if not told:
        return skipped("no eMMC or SD card here tells how worn it is")
    for name, used_tenths, pre_eol in told:
        if used_tenths >= _WORN or pre_eol > 1:
            state = _PRE_EOL.get(pre_eol, "state unknown")
            return warning(
                f"{name} is worn: about {used_tenths * 10} % of its life used, {state}",
                "replace the card; first: fieldpost spool export",
            )
    return ok(", ".join(f"{name}: under {used * 10} % of its life used" for name, used, _ in told))


async def network(scene: Scene, _subject: str) -> Finding:
    """Is there a way out, and does nobody ask to sign in first?"""
    seen = open_surroundings(scene.clock, root=scene.root)
    await seen.look()
    state = seen.network
    if state.connectivity is Connectivity.PORTAL:
        return failed(
            "the network wants somebody to sign in on a page first",
            "open any http:// page on this network and sign in",
        )
    if state.kind is None:
        if all(_is_here(cloud.base_url) for _, cloud in clouds(scene.config)):
            return ok("no way out, and none is needed: the gateway is on this computer")
        return failed(
            "no network: there is no default route", "plug in the cable, or: nmcli device status"
        )
    if state.connectivity is Connectivity.LIMITED:
        return warning(
            f"{state.interface} is up and does not reach the internet", "nmcli networking check"
        )
    facts = [
        state.radio,
        f"{state.signal_dbm} dBm" if state.signal_dbm is not None else None,
        "metered" if state.metered else None,
        "roaming" if state.roaming else None,
    ]
    told = ", ".join(each for each in facts if each)
    return ok(f"{state.kind} on {state.interface}" + (f" ({told})" if told else ""))


def _kept() -> bool | None:
    """Ask the kernel as timedatectl does: whoever keeps the clock tells it so."""
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return None
    asked = ctypes.create_string_buffer(_TIMEX_BYTES)
    said = int(adjtimex(asked))
    return None if said < 0 else said != _TIME_ERROR


def _memory(scene: Scene) -> tuple[int | None, int | None]:
    free = _kilobytes(scene.root / "proc" / "meminfo", "MemAvailable")
    pid = scene.agent_pid
    rss = _kilobytes(scene.root / "proc" / str(pid) / "status", "VmRSS") if pid else None
    return free, rss


def _kilobytes(file: Path, name: str) -> int | None:
    try:
        found = re.search(rf"(?m)^{name}:\s+(\d+) kB", file.read_text())
    except OSError:
        return None
    return int(found[1]) << 10 if found else None


def _cards(blocks: Path) -> list[tuple[str, int, int]]:
    """Read (name, tenths of life used, pre-EOL word) of each card that tells."""
    told = []
    for device in sorted(blocks.glob("mmcblk[0-9]*")):
        if not re.fullmatch(r"mmcblk\d+", device.name):
            continue  # a partition
        try:
            lives = (device / "device" / "life_time").read_text().split()
            used = max(int(each, 16) for each in lives)
            pre_eol = int((device / "device" / "pre_eol_info").read_text(), 16)
        except (OSError, ValueError):
            continue
        if used:  # 0: not defined
            told.append((device.name, used, pre_eol))
    return told


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


CHECKS = (
    Check(code=CONFIG, run=config_valid),
    Check(code="clock-synced", run=clock_synced),
    Check(code="memory", run=memory),
    Check(code="storage-card", run=storage_card),
    Check(code="network", run=network, needs=(CONFIG,)),
)
