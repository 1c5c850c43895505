"""Gather what a bug report holds: each file by its own function, and nothing else."""

import asyncio
import platform
import re
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from device.bugreport.scrubbing import GONE, Scrubber
from device.config_file import Loaded
from device.doctor import Scene
from device.doctor.ask_system import asked
from device.documents import plain
from device.documents.settings import settings
from device.documents.warnings import NEEDS_A_PERSON
from device.errors import FieldpostError
from device.journald import Wanted, lines
from device.spool.reader import read_only

LAST_LINES = 3000
MOST_LOG_BYTES = 1 << 20
_PACKAGES = (
    "fieldpost", "aiohttp", "bleak", "cbor2", "cobs", "dbus-fast", "msgspec", "pyserial", "rich",
    "asyncinotify", "soundfile",
)  # fmt: skip
_PROGRAMS = {
    "bluez": ("bluetoothctl", "--version"),
    "NetworkManager": ("NetworkManager", "--version"),
    "ModemManager": ("ModemManager", "--version"),
    "systemd": ("systemctl", "--version"),
}
_PRIVATE_SETTINGS = ("end_user_id", "device_id", "proxy_login_file")
_WAITING = ("id", "state", "size_bytes", "begun_at", "code", "reason", "next_at", "ways")
_RECORDER = ("pulling", "sealed", "stored", "released", "quarantined")


async def versions(scene: Scene) -> dict[str, Any]:
    """Say what runs on what."""
    programs = await asyncio.gather(*(asked(*argv) for argv in _PROGRAMS.values()))
    files = await asyncio.to_thread(_system, scene.root)
    packages = await asyncio.to_thread(_packages)
    return {
        "packages": packages,
        "python": platform.python_version(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        **files,
        **{name: _number(said) for name, said in zip(_PROGRAMS, programs, strict=True) if said},
    }


def config(loaded: Loaded | None, problems: Sequence[str]) -> dict[str, Any]:
    """Say which settings hold and who set them. Blocks.

    There are no secrets in it, but people.
    """
    if loaded is None:
        return {"problems": list(problems)}
    shown = {}
    for key, value, origin in settings(loaded):
        private = key.rpartition(".")[2] in _PRIVATE_SETTINGS and value
        shown[key] = {"value": GONE if private else value, "origin": origin}
    return {"settings": shown, "warnings": list(loaded.warnings)}


def nameless(told: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Take what recordings are called out of what a status tells of those left to people."""
    if told is None:
        return None
    gone = {"recording": GONE, "problem": GONE, "hint": GONE}
    return {
        **told,
        "warnings": [each for each in told["warnings"] if NEEDS_A_PERSON not in each],
        "notices": [
            {**each, "notices": [{**notice, **gone} for notice in each["notices"]]}
            for each in told.get("notices", ())
        ],
    }


def status(scene: Scene) -> dict[str, Any]:
    """Say what `status` tells, without what recordings are called and what is seen of people."""
    told = nameless(scene.status)
    if told is None:
        return {"trouble": str(scene.trouble or "not asked")}
    kept = (
        "at", "source", "agent", "warnings", "cloud", "cloud_images", "spool", "backlog",
        "cooldowns", "configured", "unreached", "sent_bytes_today", "network", "power", "hold",
        "data_today", "lately", "heartbeat", "clock_offset_s", "notices",
    )  # fmt: skip
    return {
        **{name: told[name] for name in kept if name in told},
        "waiting": [{name: each.get(name) for name in _WAITING} for each in told["waiting"]],
        "recorders": [
            {
                **{name: each.get(name) for name in ("recorder", *_RECORDER)},
                "last_seen": each.get("last_seen"),
            }
            for each in told["recorders"]
        ],
    }


def spool(root: Path) -> dict[str, Any]:
    """Count what is in the spool; nothing of it is named. Blocks."""
    try:
        with read_only(root) as reader:
            entries = reader.entries()
            failures: Counter[str] = Counter()
            for entry in entries:
                failures.update(each.code for each in reader.attempts(entry.id))
    except (FieldpostError, OSError, sqlite3.Error) as error:
        return {"trouble": f"{type(error).__name__}: {error}"}
    states = Counter(entry.state.value for entry in entries)
    held: Counter[str] = Counter()
    for entry in entries:
        held[entry.state.value] += entry.size_bytes
    kinds = Counter(
        f"{state.medium.kind}: {state.medium.content_type}" for e in entries for state in e.media
    )
    return {
        "entries": dict(states),
        "bytes": dict(held),
        "media": dict(kinds),
        "failures": dict(failures),
        "most_attempts": max((entry.attempts for entry in entries), default=0),
        "files": _files(root),
    }


async def log(scrubber: Scrubber) -> str:
    """Return the agent's last lines, or why there are none."""
    told: list[str] = []
    try:
        async for line in lines(Wanted(last=LAST_LINES)):
            told += [f"{_time(line.at)} {line.level:<7} {scrubber.log(line.message)}"]
    except FieldpostError as error:
        told.append(f"({error}; try: {error.hint})")
    text = "\n".join(told)
    return text[-MOST_LOG_BYTES:] + "\n"


def document(content: Mapping[str, Any], scrubber: Scrubber) -> bytes:
    """Write one JSON file of the report."""
    return (plain.text(scrubber.value(plain.plain(content)), indent=2) + "\n").encode()


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _files(root: Path) -> dict[str, int]:
    """Tell the sizes of the spool's own files; those of recordings go by their folders' names."""
    sizes = {}
    for name in ("spool.db", "spool.db-wal", "lock"):
        try:
            sizes[name] = (root / name).stat().st_size
        except OSError:
            continue
    return sizes


def _system(root: Path) -> dict[str, str]:
    found = {}
    for name, place in (
        ("board", "proc/device-tree/model"),
        ("os", "etc/os-release"),
        ("uptime_s", "proc/uptime"),
        ("load", "proc/loadavg"),
        ("boot", "proc/sys/kernel/random/boot_id"),
    ):
        try:
            found[name] = (root / place).read_text(errors="replace").strip("\0\n ")
        except OSError:
            continue
    pretty = re.search(r'(?m)^PRETTY_NAME="?([^"\n]*)', found.get("os", ""))
    found["os"] = pretty[1] if pretty else ""
    found["uptime_s"] = found.get("uptime_s", "").split(" ")[0]
    return found


def _packages() -> dict[str, str]:
    return {name: found for name in _PACKAGES if (found := _version(name))}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _number(said: str) -> str:
    found = re.search(r"\d+(\.\d+)*\S*", said)
    return found[0] if found else ""
