"""Re-hashing what is sealed: does the disk still hold what was written?"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from device.core import manifest as manifests
from device.errors import SpoolError
from device.model import Entry, EntryId, State
from device.spool import folders
from device.spool.durable import read_from_disk
from device.spool.layout import MANIFEST, RECEIPT, Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One file that was looked at; `problem` is a sentence, or None when all is well."""

    entry: EntryId
    file: str
    problem: str | None
    bytes: int


def check(layout: Layout, entry: Entry) -> Iterator[Checked]:
    """Read every file of a sealed or stored entry from the disk and compare it with its digest."""
    folder = layout.folder(entry.state, entry.id)
    yield _check_manifest(folder, entry)
    if entry.state is State.STORED:
        problem = None
        if folders.read_receipt(folder) != entry.receipt:
            problem = "the receipt is missing or not the one that was kept"
        yield Checked(entry=entry.id, file=RECEIPT, problem=problem, bytes=0)
    if entry.purged:
        return
    # A part that is missing is no loss: it is made again from its medium.
    parts = (part for medium in entry.media for part in medium.parts)
    there = (part for part in parts if (folder / part.file).exists())
    for medium in (*entry.media, *there):
        problem, read_bytes = _compare(folder / medium.file, medium.sha256, medium.pulled_bytes)
        yield Checked(entry=entry.id, file=medium.file, problem=problem, bytes=read_bytes)


def damaged_media(layout: Layout, entry: Entry) -> dict[int, str]:
    """Re-hash the media of a sealed entry; say what is wrong with which, by index."""
    folder = layout.folder(entry.state, entry.id)
    found = {}
    for medium in entry.media:
        problem, _ = _compare(folder / medium.file, medium.sha256, medium.pulled_bytes)
        if problem is not None:
            found[medium.medium.index] = f"{medium.file}: {problem}"
    return found


def _check_manifest(folder: Path, entry: Entry) -> Checked:
    problem = None
    try:
        if folders.read_manifest(folder) != manifests.of_entry(entry):
            problem = "the manifest is not the one that was sealed"
    except SpoolError as error:
        problem = str(error)
    return Checked(entry=entry.id, file=MANIFEST, problem=problem, bytes=0)


def _compare(path: Path, sha256: str | None, size_bytes: int) -> tuple[str | None, int]:
    digest = hashlib.sha256()
    read_bytes = 0
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            for block in read_from_disk(file):
                digest.update(block)
                read_bytes += len(block)
        finally:
            os.close(file)
    except FileNotFoundError:
        return "the file is missing", 0
    except OSError as error:
        return f"the file cannot be read: {error.strerror}", read_bytes
    if read_bytes != size_bytes:
        return f"the file has {read_bytes} bytes instead of {size_bytes}", read_bytes
    if digest.hexdigest() != sha256:
        return "the bytes do not have the digest they were sealed with", read_bytes
    return None, read_bytes
