"""The lock of a spool: one agent at a time, for as long as it lives."""

import fcntl
import os
from pathlib import Path

from device.errors import SpoolLocked
from device.spool.durable import storage
from device.spool.layout import FILE_MODE


class Lock:
    """A held flock. The kernel gives it up when the holder dies, however it dies."""

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Raises:
            SpoolLocked: Somebody else holds it; the message names the process.
        """
        with storage("cannot open the spool's lock"):
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                holder = os.pread(self._file, 32, 0).decode("ascii", "replace").strip()
                os.close(self._file)
                raise SpoolLocked(
                    f"the spool {path.parent} is held by process {holder or '(unknown)'}"
                ) from error
            except OSError:
                os.close(self._file)
                raise
        self._name_holder()

    def release(self) -> None:
        """Give the lock up. Idempotent. The file stays: deleting it would let two agents in."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _name_holder(self) -> None:
        """Write our pid, for the message another process prints; a full disk must not matter."""
        try:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode("ascii"), 0)
        except OSError:
            return
