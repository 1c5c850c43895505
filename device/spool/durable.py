"""File operations that are on the disk when they return, and the kernel's errors in our words."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from device.errors import SpoolError, SpoolFull, SpoolStorageFailed
from device.spool.layout import FILE_MODE, FOLDER_MODE

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_PATH = {errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP}
_COPY_BYTES = 1 << 18


def failure(error: OSError, doing: str) -> SpoolError:
    """Turn the kernel's error into ours: a full disk is `SpoolFull`, all else a failing one."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in _FULL:
        return SpoolFull(f"{doing}: {reason}")
    if error.errno in _PATH:
        return SpoolStorageFailed(f"{doing}: {reason}", hint="check [spool] path and who owns it")
    if error.errno == errno.EROFS:
        return SpoolStorageFailed(
            f"{doing}: {reason}", hint="the kernel mounted the disk read-only: check it (dmesg)"
        )
    return SpoolStorageFailed(f"{doing}: {reason}")


@contextmanager
def storage(doing: str) -> Iterator[None]:
    """Map every `OSError` of the block.

    Raises:
        SpoolFull: No space or no inodes are left.
        SpoolStorageFailed: Any other error of the kernel.
    """
    try:
        yield
    except OSError as error:
        raise failure(error, doing) from error


def make_folder(path: Path) -> None:
    """Create a folder if it is missing; the caller makes it durable with `settle_folder`."""
    with suppress(FileExistsError):
        path.mkdir(mode=FOLDER_MODE)


def settle_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_all(file: int, content: bytes) -> None:
    """Write all of it; a regular file writes short when the disk fills up."""
    view = memoryview(content)
    while view:
        view = view[os.write(file, view) :]


def write_file(path: Path, content: bytes, *, owner: tuple[int, int] | None = None) -> None:
    """Replace a file atomically and durably: temporary, fsync, rename, fsync of the folder.

    `owner` is whose it becomes (user, group) before it has its name; None leaves it our own.

    A temporary whose fsync failed is deleted, so that another try gets another inode: the kernel
    marks pages clean after a failed fsync, and a second fsync would lie.
    """
    temporary = path.with_name(path.name + ".part")
    temporary.unlink(missing_ok=True)
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    try:
        try:
            if owner is not None:
                os.fchown(file, *owner)
            write_all(file, content)
            os.fsync(file)
        finally:
            os.close(file)
        temporary.rename(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
    settle_folder(path.parent)


def move_folder(source: Path, target: Path) -> None:
    """Move an entry's folder durably.

    When the names cannot be made durable the move is taken back: the next try is then a new
    change for the kernel to write, not a second fsync of one it already gave up on.
    """
    source.rename(target)
    try:
        settle_folder(target.parent)
        settle_folder(source.parent)
    except OSError:
        with suppress(OSError):
            target.rename(source)
        raise


def keep_aside(path: Path) -> Path:
    """Rename what is in the way to a free name beside it; nothing is ever overwritten."""
    number = 1
    while (aside := path.with_name(f"{path.name}.kept-{number}")).exists():
        number += 1
    move_folder(path, aside)
    return aside


def remove_folder(path: Path) -> None:
    """Delete an entry's folder and the plain files in it. Repeatable; missing is fine."""
    try:
        files = list(path.iterdir())
    except FileNotFoundError:
        return
    for file in files:
        file.unlink(missing_ok=True)
    path.rmdir()


def read_from_disk(file: int, upto: int | None = None) -> Iterator[bytes]:
    """Yield a file's bytes from its start, as they are on the disk.

    Clean pages are dropped from the cache first: after a failed write-back the cache may show
    bytes that the disk does not hold.
    """
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    offset = 0
    while upto is None or offset < upto:
        wanted = _COPY_BYTES if upto is None else min(_COPY_BYTES, upto - offset)
        block = os.pread(file, wanted, offset)
        if not block:
            return
        yield block
        offset += len(block)
