"""The disk under the objects: its complaints in the gateway's words, names made durable."""

import errno
import os
from contextlib import suppress
from pathlib import Path

from gateway.errors import StorageFailed, StorageFull

_MOST_FOLDERS = 4096


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


class Folders:
    """Makes folders whose names survive a power cut.

    That a folder is there does not say so: whoever made it may still be waiting for the disk, or
    have died before. So each is synced once in this process, by everybody who needs it meanwhile.
    """

    def __init__(self) -> None:
        self._durable: set[Path] = set()

    def make(self, folder: Path) -> None:
        """Make a folder unless it is there; its name is durable afterwards."""
        if folder in self._durable:
            return
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)
        if len(self._durable) >= _MOST_FOLDERS:
            self._durable.clear()
        self._durable.add(folder)

    def forget(self, folder: Path) -> None:
        """Take a folder for gone."""
        self._durable.discard(folder)
