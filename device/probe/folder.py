"""Probe a folder of recordings: there, readable, writable, free space, what lies half-written."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from device.core.folder.names import ignored
from device.probe import Probe, Step
from device.verdict import failed, ok, skipped, warning
from device.words import count, size

QUIET_S = 60.0
MOST_FILES = 10_000
_GRANT = "sudo setfacl -m u:fieldpost:rwX {path}"


async def steps(probe: Probe) -> AsyncIterator[Step]:
    """Look at it; nothing is changed, so that a running agent does not mind."""
    path = Path(unquote(urlsplit(probe.url).path))
    release = next((r.release for r in probe.config.recorders if r.url == probe.url), "delete")
    for step in await asyncio.to_thread(lambda: list(_look(path, release, time.time()))):
        yield step


def _look(path: Path, release: str, now_s: float) -> Iterator[Step]:
    if not path.is_dir():
        what = "is no folder" if path.exists() else "is not there"
        fix = f"create it, or mount its disk: findmnt; ls -ld {path}"
        yield Step(name="folder", finding=failed(f"{path} {what}", fix))
        return
    yield Step(name="folder", finding=ok(f"{path} is there"))
    try:
        found = _files(path)
    except OSError as error:
        said = f"it cannot be read: {os.strerror(error.errno or 0)}"
        yield Step(name="readable", finding=failed(said, _GRANT.format(path=path)))
        return
    held_bytes = sum(state.st_size for _, state in found)
    facts = {"files": len(found), "held_bytes": held_bytes}
    holds = f"{count(len(found), 'file')}, {size(held_bytes)}"
    yield Step(name="readable", finding=ok(holds), facts=facts)
    yield _changeable(path, release)
    usage = shutil.disk_usage(path)
    free = ok(f"{size(usage.free)} free of {size(usage.total)}")
    yield Step(
        name="space", finding=free, facts={"free_bytes": usage.free, "total_bytes": usage.total}
    )
    yield _half_written(found, now_s)


def _changeable(path: Path, release: str) -> Step:
    if release == "keep":
        return Step(name="writable", finding=skipped("release = keep: nothing is changed in it"))
    if not os.access(path, os.W_OK | os.X_OK):
        said = f"release = {release} needs to change it, and this user may not"
        fix = f"{_GRANT.format(path=path)}; or set release = keep"
        return Step(name="writable", finding=warning(said, fix))
    kind, _, archive = release.partition(":")
    if kind == "archive" and not os.access(_nearest(Path(archive)), os.W_OK | os.X_OK):
        said = f"the archive {archive} may not be written"
        return Step(name="writable", finding=warning(said, _GRANT.format(path=archive)))
    return Step(name="writable", finding=ok(f"release = {kind} can do its work"))


def _half_written(found: list[tuple[Path, os.stat_result]], now_s: float) -> Step:
    named = [path for path, _ in found if ignored(path.name)]
    fresh = [path for path, state in found if now_s - state.st_mtime < QUIET_S]
    empty = [path for path, state in found if not state.st_size]
    facts = {"unfinished": len(named), "fresh": len(fresh), "empty": len(empty)}
    if empty:
        said = f"{count(len(empty), 'file is', 'files are')} empty"
        fix = "if nobody writes them any more, remove them"
        return Step(name="half-written", finding=warning(said, fix), facts=facts)
    if named:
        said = f"{count(len(named), 'file is', 'files are')} called unfinished, and passed over"
        return Step(name="half-written", finding=ok(said), facts=facts)
    if fresh:
        said = f"{count(len(fresh), 'file was', 'files were')} written just now, and may grow"
        return Step(name="half-written", finding=ok(said), facts=facts)
    return Step(name="half-written", finding=ok("nothing"), facts=facts)


def _files(path: Path) -> list[tuple[Path, os.stat_result]]:
    found: list[tuple[Path, os.stat_result]] = []
    for folder, _, names in os.walk(path, onerror=_raise):
        for name in names:
            if name.startswith(".") or len(found) >= MOST_FILES:
                continue
            file = Path(folder) / name
            try:
                found.append((file, file.lstat()))
            except OSError:
                continue  # gone meanwhile
    return found


def _raise(error: OSError) -> None:
    raise error


def _nearest(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.exists())
