"""The disk under the objects: its complaints in the gateway's words, names made durable."""

import errno
import os
from contextlib import suppress
from pathlib import Path

from gateway.errors import StorageFailed, StorageFull


def storage_error(what: str, error: OSError) -> StorageFull | StorageFailed:
    """Tell a full disk from a failing one."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StorageFull("the object store has no room for more bytes")
    return StorageFailed(f"{what}: {error.strerror}")


def remove(path: Path) -> None:
    """Remove a file, if a disk that has just failed lets us."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
