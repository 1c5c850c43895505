"""A small object that arrived whole: written, made durable and named in one go."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from gateway.errors import StorageFailed
from gateway.objects import Stored
from gateway.objects.disk import Folders, remove, storage_error, sync_folder


def keep_whole(
    path: Path, sealed_path: Path, blocks: Sequence[bytes], sha256: str | None, folders: Folders
) -> Stored | None:
    """Write `blocks` under `path` and move them to `sealed_path`, all of it durable.

    Bytes of another digest than `sha256` are counted and not kept.

    Returns:
        None, and nothing changes, where `path` is there: somebody else writes, or died over it.

    Raises:
        StorageFull, StorageFailed: The disk; nothing is left of it.
    """
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    stored = Stored(sum(map(len, blocks)), digest.hexdigest())
    if sha256 not in (None, stored.sha256):
        return stored
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return None
    except OSError as error:
        raise storage_error("the object cannot be kept", error) from error
    try:
        try:
            _write(fd, blocks)
            os.fdatasync(fd)
        finally:
            os.close(fd)
        folders.make(sealed_path.parent)
        path.rename(sealed_path)
    except OSError as error:
        remove(path)
        raise storage_error("the object cannot be kept", error) from error
    try:
        sync_folder(sealed_path.parent)
        sync_folder(path.parent)
    except OSError as error:
        # Nobody can tell whether the new name is on disk; only a fresh one is trusted.
        remove(sealed_path)
        raise StorageFailed(f"the object cannot be kept: {error.strerror}") from error
    return stored


def _write(fd: int, blocks: Sequence[bytes]) -> None:
    rest = memoryview(b"".join(blocks))
    at = 0
    while rest:
        written = os.pwrite(fd, rest, at)
        at += written
        rest = rest[written:]
