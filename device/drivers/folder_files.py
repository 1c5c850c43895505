"""Files of a recordings folder, opened without ever following a link, and the errors they give."""

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from device.core.folder.names import label, plain
from device.errors import DigestMismatch, FieldpostError, LinkLost, MediumGone, RecorderRefused

_DEAD = frozenset(
    {
        errno.ENODEV,
        errno.ENXIO,
        errno.ESTALE,
        errno.ENOTCONN,
        errno.ENOMEDIUM,
        errno.ESHUTDOWN,
        errno.EHOSTDOWN,
        errno.ETIMEDOUT,
        errno.EREMOTEIO,
    }
)
"""What the kernel says of a card or a share that went away, whatever the path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What tells that a file was not written since: any write moves mtime or ctime."""

    device: int
    inode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int

    def same_content(self, other: "Identity") -> bool:
        """Compare without ctime, which our own rename moves."""
        return (self.device, self.inode, self.size_bytes, self.mtime_ns) == (
            other.device,
            other.inode,
            other.size_bytes,
            other.mtime_ns,
        )


def identity(status: os.stat_result) -> Identity:
    """Take the identity of a file from its stat."""
    return Identity(
        device=status.st_dev,
        inode=status.st_ino,
        size_bytes=status.st_size,
        mtime_ns=status.st_mtime_ns,
        ctime_ns=status.st_ctime_ns,
    )


class OpenFile:
    """One regular file of the folder, open for reading. A context manager; synchronous.

    No component below the root is followed if it is a link, so nothing outside can be read, however
    the folder changes between a look and a read.
    """

    def __init__(self, root: Path, parts: tuple[str, ...]) -> None:
        """Open `root/parts…`.

        Raises:
            OSError: As the kernel says; ELOOP for a link, EINVAL for what is no regular file.
        """
        *folders, name = parts
        if not all(plain(part) for part in parts):
            raise OSError(errno.ENOENT, "not a plain name")
        # O_NONBLOCK: opening a FIFO somebody left here must not wait for its writer.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        at = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for folder in folders:
                inner = os.open(folder, flags | os.O_DIRECTORY, dir_fd=at)
                os.close(at)
                at = inner
            self.fd = os.open(name, flags, dir_fd=at)
        finally:
            os.close(at)
        status = os.fstat(self.fd)
        if not stat.S_ISREG(status.st_mode):
            os.close(self.fd)
            raise OSError(errno.EINVAL, "not a regular file")

    def identity(self) -> Identity:
        """Who the file is now."""
        return identity(os.fstat(self.fd))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)


def flush(folder: Path) -> None:
    """Make renames and removals in a folder outlive a power cut."""
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(at)
    finally:
        os.close(at)


def sentence(error: OSError) -> str:
    """Say what an errno means, for a person."""
    match error.errno:
        case errno.ELOOP:
            return "a symbolic link, which is never followed"
        case errno.EINVAL if error.strerror == "not a regular file":
            return "not a regular file"
        case errno.ENOENT:
            return "it is not there any more"
        case number:
            return os.strerror(number) if number else str(error)


def means_gone_device(error: OSError) -> bool:
    """Tell whether an error is about the card or share rather than the file."""
    return error.errno in _DEAD


def mapped(error: OSError, name: str) -> FieldpostError:
    """Turn an OSError on a recording into the agent's words (the root is known to be there)."""
    shown = label(name)
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return MediumGone(f"{shown} is not in the folder any more")
        case errno.EIO:
            return LinkLost(f"{shown} cannot be read: {sentence(error)}")
        case number if number in _DEAD:
            return LinkLost(f"the folder went away: {sentence(error)}")
        case errno.ELOOP | errno.EINVAL:
            return DigestMismatch(f"{shown} changed since it was listed: {sentence(error)}")
        case _:
            return RecorderRefused(
                f"{shown}: {sentence(error)}",
                wire_code=error.errno or 0,
            )
