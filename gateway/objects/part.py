"""A half-received object on a file system: appended, hashed while it arrives, durable by marks.

The part file may be longer after a power cut than what was fsynced, with a tail that was never
written. So a mark beside it says how far it is durable; a part that is opened again begins there.
"""

import hashlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.errors import StorageFailed, StorageFull
from gateway.objects import Stored
from gateway.objects.disk import Folders, remove, storage_error, sync_folder

_CHECKPOINT_BYTES = 64 * 1024 * 1024
_CHECKPOINT_S = 10.0
_BLOCK_BYTES = 1024 * 1024
_WRITE_BACK_BYTES = 8 * 1024 * 1024
_IOV_MAX = 512
_MARK_FORM = "%020d\n"


class FilePart:
    """One part file with its mark. The caller holds the only one per object."""

    def __init__(
        self,
        path: Path,
        sealed_path: Path,
        folders: Folders,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._folders = folders
        self._mark_path = path.with_suffix(".mark")
        self._sealed_path = sealed_path
        self._monotonic = monotonic
        # A cancelled request leaves its write running in a thread; the next one waits for it here.
        self._lock = threading.RLock()
        self._held_bytes = 0
        self._durable_bytes = 0
        self._begun_bytes = 0
        self._checked_at = monotonic()
        self._hash = hashlib.sha256()
        self._mark_fd = -1
        self._is_named = False
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._recover()
        except BaseException:
            self.close()
            raise

    @property
    def held_bytes(self) -> int:
        """See `Part.held_bytes`."""
        return self._held_bytes

    def write(self, blocks: Sequence[bytes]) -> None:
        """See `Part.write`."""
        with self._lock:
            self._check_open()
            views = [memoryview(block) for block in blocks if block]
            while views:
                try:
                    written = os.pwritev(self._fd, views[:_IOV_MAX], self._held_bytes)
                except OSError as error:
                    raise self._storage_error(error) from error
                self._held_bytes += written
                while written and views:
                    if written >= len(views[0]):
                        written -= len(views[0])
                        self._hash.update(views.pop(0))
                    else:
                        self._hash.update(views[0][:written])
                        views[0] = views[0][written:]
                        written = 0
            if self._held_bytes - self._begun_bytes >= _WRITE_BACK_BYTES:
                # Starts the write-back without waiting, so that the next fsync finds little to do.
                os.posix_fadvise(
                    self._fd,
                    self._begun_bytes,
                    self._held_bytes - self._begun_bytes,
                    os.POSIX_FADV_DONTNEED,
                )
                self._begun_bytes = self._held_bytes
            # Bounds what a power cut costs inside one long PUT, and keeps dirty pages few.
            if (
                self._held_bytes - self._durable_bytes >= _CHECKPOINT_BYTES
                or self._monotonic() - self._checked_at >= _CHECKPOINT_S
            ):
                self.sync()

    def sync(self) -> int:
        """See `Part.sync`."""
        with self._lock:
            self._check_open()
            if self._durable_bytes != self._held_bytes:
                self._flush()
                try:
                    self._write_mark(self._held_bytes)
                except OSError as error:
                    raise self._storage_error(error) from error
                self._durable_bytes = self._held_bytes
            self._checked_at = self._monotonic()
            return self._durable_bytes

    def restart(self) -> None:
        """See `Part.restart`."""
        with self._lock:
            self._check_open()
            try:
                if self._mark_fd >= 0 or self._mark_path.exists():
                    # The mark goes back first: a mark beyond the file would be a lie.
                    self._write_mark(0)
                os.ftruncate(self._fd, 0)
            except OSError as error:
                raise self._storage_error(error) from error
            self._held_bytes = self._durable_bytes = self._begun_bytes = 0
            self._hash = hashlib.sha256()

    def sha256(self) -> str:
        """See `Part.sha256`."""
        with self._lock:
            return self._hash.hexdigest()

    def seal(self) -> Stored:
        """See `Part.seal`."""
        with self._lock:
            self._check_open()
            folder = self._sealed_path.parent
            self._flush()
            try:
                self._folders.make(folder)
                self._path.rename(self._sealed_path)
            except OSError as error:
                raise self._storage_error(error) from error
            try:
                sync_folder(folder)
                sync_folder(self._path.parent)
                self._mark_path.unlink(missing_ok=True)
            except OSError as error:
                # Nobody can tell whether the new name is on disk; only a fresh one is trusted.
                remove(self._sealed_path)
                self._spoil()
                raise StorageFailed(f"the object cannot be kept: {error.strerror}") from error
            stored = Stored(self._held_bytes, self._hash.hexdigest())
            self.close()
            return stored

    def close(self) -> None:
        """See `Part.close`."""
        with self._lock:
            for fd in (self._fd, self._mark_fd):
                if fd >= 0:
                    os.close(fd)
            self._fd = self._mark_fd = -1

    def _recover(self) -> None:
        """Take what the mark vouches for, re-hash it, cut off the rest."""
        marked = read_mark(self._mark_path)
        durable = min(marked, os.fstat(self._fd).st_size)
        offset = 0
        while offset < durable:
            block = os.pread(self._fd, min(_BLOCK_BYTES, durable - offset), offset)
            if not block:
                break
            self._hash.update(block)
            offset += len(block)
        os.ftruncate(self._fd, offset)
        if marked > offset:
            # Left by a part that went elsewhere: it must not vouch for bytes that are yet to come.
            self._write_mark(offset)
        self._held_bytes = self._durable_bytes = self._begun_bytes = offset

    def _flush(self) -> None:
        """Put the data on disk; whatever fails, no byte beyond the last success is trusted."""
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            failure = self._storage_error(error)
            if isinstance(failure, StorageFull):
                # The kernel reports a lost page once and calls it clean afterwards: a second sync
                # would succeed without it.
                self._fall_back()
            raise failure from error

    def _fall_back(self) -> None:
        """Begin again at what was durable before."""
        durable = self._durable_bytes
        self._hash = hashlib.sha256()
        try:
            os.close(self._fd)
            self._fd = -1
            self._fd = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
            os.ftruncate(self._fd, durable)
            self._recover()
        except OSError as error:
            self._spoil()
            raise StorageFailed(f"the part cannot be read: {error.strerror}") from error

    def _write_mark(self, held_bytes: int) -> None:
        if self._mark_fd < 0:
            self._mark_fd = os.open(self._mark_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # Fixed width inside one sector: the old number or the new one, never a mixture.
        os.pwrite(self._mark_fd, (_MARK_FORM % held_bytes).encode(), 0)
        os.fdatasync(self._mark_fd)
        if not self._is_named:
            sync_folder(self._path.parent)
            self._is_named = True

    def _check_open(self) -> None:
        if self._fd < 0:
            raise StorageFailed("the upload session was closed by an earlier fault; try again")

    def _storage_error(self, error: OSError) -> StorageFull | StorageFailed:
        failure = storage_error("the object store's disk reported", error)
        if isinstance(failure, StorageFailed):
            self._spoil()
        return failure

    def _spoil(self) -> None:
        # After a failed write-back the kernel may call lost pages clean: nothing on this inode is
        # trusted again, the client sends the medium anew into a fresh file.
        self.close()
        remove(self._mark_path)
        remove(self._path)


def read_mark(path: Path) -> int:
    """Read how far a part is durable; 0 when there is no mark or it makes no sense."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return 0
    digits = text.strip()
    return int(digits) if digits.isdigit() and len(text) == len(_MARK_FORM % 0) else 0
