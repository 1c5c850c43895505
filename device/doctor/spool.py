"""Checks of the spool: is it writable, is there room, what waits too long or for a person?"""

import asyncio
import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from device.config import SpoolConfig
from device.doctor import CONFIG, Check, Scene
from device.spool.room import MIN_FREE_INODES
from device.verdict import Finding, failed, ok, skipped, warning
from device.words import count, printable, size, span

OLD_S = 86_400.0
"""What waits longer than a day should be known to somebody."""
_FEW_INODES = 16 * MIN_FREE_INODES
_AMPLE = 2


async def writable(scene: Scene, _subject: str) -> Finding:
    """Does the disk take what is written?"""
    return await asyncio.to_thread(_writable, scene.config.spool.path, scene.agent_pid is not None)


async def space(scene: Scene, _subject: str) -> Finding:
    """Is there room, in bytes and in inodes?"""
    return await asyncio.to_thread(_space, scene.config.spool)


async def oldest(scene: Scene, _subject: str) -> Finding:
    """How long has the oldest recording been waiting?"""
    status: Any = scene.status
    if status is None:
        return skipped("the spool cannot be looked at by this user")
    backlog = status["backlog"]
    aside = sum(each["quarantined"] for each in status["recorders"])
    if aside:
        noun = count(aside, "recording is", "recordings are")
        return warning(
            f"{noun} quarantined: not in the cloud, and not tried any more",
            "fieldpost quarantine ls",
        )
    if not backlog["recordings"]:
        return ok("nothing waits")
    age_s = (scene.now - datetime.fromisoformat(backlog["oldest_at"])).total_seconds()
    waits = f"{count(backlog['recordings'], 'recording')}, {size(backlog['bytes'])}"
    if age_s > OLD_S:
        return warning(f"the oldest of {waits} waits for {span(age_s)}", "fieldpost status")
    return ok(f"{waits} to carry, the oldest for {span(age_s)}")


async def left(scene: Scene, _subject: str) -> Finding:
    """Do recorders list what nobody but a person gets into the cloud?"""
    status: Any = scene.status
    if status is None:
        return skipped("the spool cannot be looked at by this user")
    found = status.get("notices", ())
    if not found:
        return ok("nothing on the recorders needs a person")
    first = found[0]["notices"][0]
    others = sum(each["total"] for each in found) - 1
    more = f" (and {count(others, 'other')}; see: fieldpost status)" if others else ""
    what = f"{first['recorder']}: recording {first['recording']}: {first['problem']}"
    return warning(printable(what) + more, printable(first["hint"]))


def _writable(root: Path, running: bool) -> Finding:  # noqa: PLR0911 - a table
    if not root.exists():
        if root.parent.is_dir() and os.access(root.parent, os.W_OK):
            return ok(f"{root} is not there yet; the agent makes it")
        return failed(
            f"{root} is not there, and this user may not make it",
            f"sudo install -d -o fieldpost -g fieldpost -m 0750 {root}",
        )
    try:
        if os.statvfs(root).f_flag & os.ST_RDONLY:
            return failed(
                f"the disk of {root} is mounted read-only, as Linux does after disk errors",
                "sudo journalctl -k | grep -iE 'mmc|ext4|i/o error'; replace the card",
            )
    except PermissionError:
        return skipped(f"this user may not look into {root}; try: sudo fieldpost doctor")
    if not os.access(root, os.W_OK | os.X_OK):
        if running:
            return skipped(f"only the agent may write into {root}; try: sudo fieldpost doctor")
        return failed(
            f"this user may not write into {root}",
            f"run as its owner, or: sudo chown -R fieldpost: {root}",
        )
    try:
        # A file without a name: nothing is left behind, however this ends.
        with tempfile.TemporaryFile(dir=root) as file:
            file.write(b"fieldpost doctor\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return failed(
            f"{root} cannot be written: {os.strerror(error.errno or 0)}",
            f"df -h {root}; df -i {root}",
        )
    return ok(f"{root} takes what is written")


def _space(config: SpoolConfig) -> Finding:
    place, disk = _disk(config.path)
    if disk is None:
        return skipped(f"the disk of {place} cannot be asked")
    free_bytes = disk.f_bavail * disk.f_frsize
    tell = f"du -xh {place} | sort -h | tail"
    if free_bytes < config.min_free_bytes:
        return failed(
            f"the disk is full: {size(free_bytes)} free, {size(config.min_free_bytes)} are kept"
            " free, so pulling stops; nothing unsent is deleted",
            f"{tell}; or restore the uplink",
        )
    if disk.f_files and disk.f_favail < MIN_FREE_INODES:
        return failed(
            f"the disk has only {disk.f_favail} inodes left: no more files can be made",
            f"du --inodes -x {place} | sort -n | tail",
        )
    if disk.f_files and disk.f_favail < _FEW_INODES:
        return warning(
            f"the disk has {disk.f_favail} inodes left", f"du --inodes -x {place} | sort -n | tail"
        )
    if free_bytes < _AMPLE * config.min_free_bytes:
        return warning(
            f"{size(free_bytes)} free; pulling stops at {size(config.min_free_bytes)}", tell
        )
    inodes = f", {disk.f_favail} inodes" if disk.f_files else ""
    return ok(f"{size(free_bytes)} free{inodes}")


def _disk(path: Path) -> tuple[Path, os.statvfs_result | None]:
    """Ask the disk of a folder, or of the one that it will be made in."""
    for place in (path, *path.parents):
        try:
            return place, os.statvfs(place)
        except OSError:
            continue
    return path, None


CHECKS = (
    Check(code="spool-writable", run=writable, needs=(CONFIG,)),
    Check(code="spool-space", run=space, needs=(CONFIG,)),
    Check(code="oldest-undelivered", run=oldest, needs=(CONFIG,)),
    Check(code="recordings-left", run=left, needs=(CONFIG,)),
)
