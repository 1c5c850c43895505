"""Room on the disk: how much is left for a pull, and what may go to make more."""

import os
from collections.abc import Callable

from device.config import SpoolConfig
from device.errors import SpoolFull
from device.model import Entry
from device.spool.durable import storage

MIN_FREE_INODES = 64
"""A pull needs a folder, its media, a manifest and a receipt; SQLite needs its log."""


def shortage(config: SpoolConfig, held_bytes: int, more_bytes: int) -> str | None:
    """Say in a sentence why `more_bytes` do not fit; None when they do.

    Raises:
        SpoolStorageFailed: The disk does not answer.
    """
    with storage("cannot ask the disk for its free space"):
        disk = os.statvfs(config.path)
    free_bytes = disk.f_bavail * disk.f_frsize
    if free_bytes - more_bytes < config.min_free_bytes:
        return (
            f"the spool's disk has {_size(free_bytes)} free; this needs {_size(more_bytes)}, and "
            f"{_size(config.min_free_bytes)} must stay free (spool.min_free_bytes)"
        )
    # File systems without a fixed number of inodes report none at all.
    if disk.f_files and disk.f_favail < MIN_FREE_INODES:
        return f"the spool's disk has only {disk.f_favail} inodes left"
    if config.max_bytes and held_bytes + more_bytes > config.max_bytes:
        if more_bytes > config.max_bytes:
            return (
                f"this needs {_size(more_bytes)}: it can never fit into "
                f"the {_size(config.max_bytes)} that spool.max_bytes permits"
            )
        return (
            f"the spool holds {_size(held_bytes)}; this needs {_size(more_bytes)} more, and "
            f"spool.max_bytes permits {_size(config.max_bytes)}"
        )
    return None


def _size(size_bytes: int) -> str:
    if size_bytes < 1 << 20:
        return f"{size_bytes} bytes"
    return f"{size_bytes / (1 << 20):.1f} MiB"


def make_room(
    config: SpoolConfig,
    more_bytes: int,
    *,
    held_bytes: Callable[[], int],
    evictable: Callable[[], list[Entry]],
    purge: Callable[[Entry], bool],
) -> None:
    """Purge one stored entry after the other, oldest first, until `more_bytes` fit.

    Raises:
        SpoolFull: They do not; what is unsent stays, whatever happens.
        SpoolStorageFailed: The disk failed.
    """
    reason = shortage(config, held_bytes(), more_bytes)
    if reason is None:
        return
    for entry in evictable():
        if purge(entry):
            reason = shortage(config, held_bytes(), more_bytes)
            if reason is None:
                return
    raise SpoolFull(reason)
