"""Small objects that arrived whole: written, made durable and named, all of a moment together."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gateway.errors import StorageFailed
from gateway.objects import Kept, Stored
from gateway.objects.disk import Folders, remove, storage_error, sync_folder


@dataclass(slots=True)
class WholeFile:
    """All bytes of an object: written under `path`, then named `sealed_path`.

    Bytes of another digest than `sha256` are counted and not kept.
    """

    path: Path
    sealed_path: Path
    blocks: Sequence[bytes]
    sha256: str | None
    kept: Kept = None
    """What came of it; None, and nothing changed, where `path` is there: somebody else writes."""
    fd: int | None = field(default=None, init=False)
    """Open while it waits to be made durable."""


def keep_all(files: Sequence[WholeFile], folders: Folders) -> None:
    """Keep each, all of it durable when this returns; of what the disk refuses nothing is left.

    First all are on their way to the disk, then each is waited for: it writes them side by side.
    """
    try:
        for file in files:
            _write(file)
    finally:
        for file in files:
            _name(file, folders)
    _make_names_durable([file for file in files if _is_named(file)])


def _write(file: WholeFile) -> None:
    content = b"".join(file.blocks)
    stored = Stored(len(content), hashlib.sha256(content).hexdigest())
    if file.sha256 not in (None, stored.sha256):
        file.kept = stored
        return
    try:
        file.fd = os.open(file.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    except OSError as error:
        file.kept = storage_error("the object cannot be kept", error)
        return
    try:
        _write_all(file.fd, content)
        # Begins to write; waits for nothing, and promises nothing.
        os.posix_fadvise(file.fd, 0, 0, os.POSIX_FADV_DONTNEED)
    except OSError as error:
        file.kept = storage_error("the object cannot be kept", error)
    else:
        file.kept = stored


def _write_all(fd: int, content: bytes) -> None:
    rest, at = memoryview(content), 0
    while rest:
        written = os.pwrite(fd, rest, at)
        at += written
        rest = rest[written:]


def _name(file: WholeFile, folders: Folders) -> None:
    """Make what was written durable, and give it its name; close it however that ends."""
    if file.fd is None:
        return
    try:
        try:
            if isinstance(file.kept, Stored):
                os.fdatasync(file.fd)
        finally:
            os.close(file.fd)
        if isinstance(file.kept, Stored):
            folders.make(file.sealed_path.parent)
            file.path.rename(file.sealed_path)
            return
    except OSError as error:
        file.kept = storage_error("the object cannot be kept", error)
    remove(file.path)


def _is_named(file: WholeFile) -> bool:
    return file.fd is not None and isinstance(file.kept, Stored)


def _make_names_durable(files: Sequence[WholeFile]) -> None:
    """Sync each folder once. Old names that outlive a power cut are removed at the next start."""
    for folder in dict.fromkeys(file.sealed_path.parent for file in files):
        try:
            sync_folder(folder)
        except OSError as error:
            # Nobody can tell whether the new names are on disk; only fresh ones are trusted.
            for file in files:
                if file.sealed_path.parent == folder:
                    remove(file.sealed_path)
                    file.kept = StorageFailed(f"the object cannot be kept: {error.strerror}")
