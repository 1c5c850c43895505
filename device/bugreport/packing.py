"""Put a bug report together: gather, pack, and know it again by a short marker."""

import asyncio
import gzip
import io
import os
import secrets
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from device.bugreport import gathering
from device.bugreport.scrubbing import Scrubber, private_words
from device.config import Config
from device.doctor import Scene
from device.doctor.running import every_check, examine
from device.documents.examined import doctor_object
from device.errors import ReportUnwritten

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: nothing that people mistake for something else on the telephone."""
_GROUP = 4
_MODE = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report in memory: `files` by name, and the archive of them."""

    marker: str
    files: Mapping[str, bytes]
    archive: bytes


def new_marker() -> str:
    """Make a marker that can be read out: FP-7Q2M-9XKD."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(2))
    return "-".join(("FP", *groups))


async def report(scene: Scene, marker: str) -> Report:
    """Gather and pack; nothing is written yet."""
    config = scene.loaded.config if scene.loaded is not None else Config()
    words = await asyncio.to_thread(private_words, config, scene.environ)
    scrubber = Scrubber.of(words)
    results = await examine(replace(scene, status=gathering.nameless(scene.status)), every_check())
    problems = scene.problem.problems if scene.problem is not None else ()
    told = {
        "versions.json": await gathering.versions(scene),
        "config.json": await asyncio.to_thread(gathering.config, scene.loaded, problems),
        "doctor.json": doctor_object(results),
        "status.json": gathering.status(scene),
        "spool.json": await asyncio.to_thread(gathering.spool, config.spool.path),
    }
    files = {name: gathering.document(each, scrubber) for name, each in told.items()}
    files["log.txt"] = (await gathering.log(scrubber)).encode()
    files["report.json"] = gathering.document(
        {"marker": marker, "made_at": scene.now, "files": sorted(files)}, Scrubber()
    )
    archive = await asyncio.to_thread(_packed, files, marker, int(scene.now.timestamp()))
    return Report(marker=marker, files=files, archive=archive)


def write(archive: bytes, place: Path) -> None:
    """Write the archive for its owner alone; a file that is there already stays as it is.

    Raises:
        ReportUnwritten: It is there, or the disk does not take it.
    """
    try:
        file = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
        with os.fdopen(file, "wb") as opened:
            opened.write(archive)
    except OSError as error:
        raise ReportUnwritten(
            f"{place} cannot be written: {os.strerror(error.errno or 0)}"
        ) from error


def _packed(files: Mapping[str, bytes], marker: str, at_s: int) -> bytes:
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=at_s) as squeezed,
        tarfile.open(fileobj=squeezed, mode="w") as tar,
    ):
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(f"fieldpost-{marker}/{name}")
            member.size, member.mode, member.mtime = len(content), _MODE, at_s
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()
