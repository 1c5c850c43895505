"""Check of folders of recordings: are they there, and may what is released be moved?"""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from device.doctor import CONFIG, Check, Scene
from device.verdict import Finding, failed, ok, skipped

_KEEP = "keep"


def recorders(scene: Scene) -> Sequence[str]:
    """List the folders."""
    return [each.url for each in scene.config.recorders if urlsplit(each.url).scheme == "folder"]


async def readable(scene: Scene, url: str) -> Finding:
    """Can it be read, and changed where the release policy changes it?"""
    release = next(each.release for each in scene.config.recorders if each.url == url)
    path = Path(unquote(urlsplit(url).path))
    return await asyncio.to_thread(_look, path, release, scene.agent_pid is not None)


def _look(path: Path, release: str, running: bool) -> Finding:
    if not path.is_dir():
        there = "is no folder" if path.exists() else "is not there"
        return failed(f"{path} {there}", f"create it or mount its disk: findmnt; ls -ld {path}")
    if not os.access(path, os.R_OK | os.X_OK):
        if running and os.geteuid() != 0:
            return skipped("this user may not look into it; the agent tells in: fieldpost status")
        return failed(f"{path} may not be read", f"sudo setfacl -m u:fieldpost:rwX {path}")
    if release != _KEEP and not os.access(path, os.W_OK) and not running:
        return failed(
            f"release = {release.partition(':')[0]} needs to change {path}, and may not",
            f"sudo setfacl -m u:fieldpost:rwX {path}; or set release = keep",
        )
    return ok(f"{path} can be read")


CHECKS = (Check(code="folder-readable", run=readable, needs=(CONFIG,), subjects=recorders),)
