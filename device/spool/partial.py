"""The append-only file of one medium that is being pulled: bytes, digests and checkpoints."""

import hashlib
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from device.clock import Clock
from device.errors import ProtocolViolation, SpoolError, SpoolFull
from device.model import BlockHashes
from device.spool.durable import (
    failure,
    make_folder,
    read_from_disk,
    settle_folder,
    storage,
)
from device.spool.layout import FILE_MODE

CHECKPOINT_BYTES = 1 << 20
CHECKPOINT_S = 5.0


class Partial:
    """One open medium. Made by `Spool.partial`; every method is safe from any thread.

    `size_bytes` is what the file holds and the digests cover. `durable_bytes` is what a power cut
    cannot take: bytes beyond it, found after a crash, count only where the recorder's own hashes
    agree (`matches`); a caller without such hashes goes back to it with `truncate`.

    When the kernel fails to write, the file is given up: the error is raised, the file deleted, and
    the medium starts over in a new one. A failed fsync is never repeated on the same inode.
    """

    def __init__(
        self,
        path: Path,
        *,
        limit_bytes: int,
        recorded_bytes: int,
        record: Callable[[int], None],
        clock: Clock,
    ) -> None:
        """Open at the kept length and hash what is there, from the disk.

        Args:
            path: The file; it and its folder may not exist yet.
            limit_bytes: The announced size; nothing is written beyond it.
            recorded_bytes: What the index says is durable.
            record: Commits a new figure to the index.
            clock: For the time between checkpoints.

        Raises:
            SpoolFull: No space or no inodes.
            SpoolStorageFailed: The file cannot be opened or read.
        """
        self._path = path
        self._limit_bytes = limit_bytes
        self._record = record
        self._clock = clock
        self._lock = threading.RLock()
        with storage(f"cannot open {path.name}"):
            make_folder(path.parent)
            # Without a checkpoint on record nobody has made the file's name durable yet.
            self._unnamed = recorded_bytes == 0 or not path.exists()
            self._file = os.open(
                path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, FILE_MODE
            )
            try:
                self._rehash()
            except OSError:
                self._shut()
                raise
        self.durable_bytes = min(recorded_bytes, self.size_bytes)
        self._recorded_bytes = recorded_bytes
        self._checkpoint_due_s = clock.monotonic() + CHECKPOINT_S
        if recorded_bytes > self.size_bytes:
            # The disk lost what was promised. Bytes that come again in its place are not durable
            # before the next checkpoint, so the old figure must not vouch for them.
            self._commit(self.size_bytes)

    def append(self, chunk: bytes) -> None:
        """Write a chunk at the end; a checkpoint follows when 1 MiB and 5 s have gathered.

        Raises:
            ProtocolViolation: More bytes than were announced; none of the chunk is kept.
            SpoolFull: The disk filled up; what fitted is kept.
            SpoolStorageFailed: The disk failed; the medium starts over.
        """
        with self._lock:
            self._require_open()
            if self.size_bytes + len(chunk) > self._limit_bytes:
                raise ProtocolViolation(
                    f"more bytes than the {self._limit_bytes} that were announced"
                )
            view = memoryview(chunk)
            while view:
                try:
                    written = os.write(self._file, view)
                except OSError as error:
                    problem = failure(error, f"cannot write {self._path.name}")
                    if not isinstance(problem, SpoolFull):
                        self._give_up()
                    raise problem from error
                self._hash(view[:written])
                view = view[written:]
            gathered = self.size_bytes - self.durable_bytes
            if gathered >= CHECKPOINT_BYTES and self._clock.monotonic() >= self._checkpoint_due_s:
                self.checkpoint()

    def checkpoint(self) -> None:
        """Make everything held durable, and say so in the index. Cheap when nothing is new.

        Raises:
            SpoolFull: No space for it; the medium starts over.
            SpoolStorageFailed: The disk failed; the medium starts over.
        """
        with self._lock:
            self._require_open()
            self.flush()
            if self._recorded_bytes != self.size_bytes:
                self._commit(self.size_bytes)
            self._checkpoint_due_s = self._clock.monotonic() + CHECKPOINT_S

    def flush(self) -> None:
        """Make everything held durable without telling the index; the spool's own use."""
        with self._lock:
            self._require_open()
            if self.durable_bytes == self.size_bytes and not self._unnamed:
                return
            try:
                os.fsync(self._file)
                if self._unnamed:
                    settle_folder(self._path.parent)
                    settle_folder(self._path.parent.parent)
                    self._unnamed = False
            except OSError as error:
                self._give_up()
                raise failure(error, f"cannot keep {self._path.name}") from error
            self.durable_bytes = self.size_bytes

    def matches(self, hashes: BlockHashes) -> int:
        """Count the leading bytes that agree with the recorder's block hashes, block by block.

        Bytes beyond the last whole block that both sides have are not vouched for.

        Raises:
            SpoolStorageFailed: The file cannot be read.
        """
        with self._lock, storage(f"cannot read {self._path.name}"):
            self._require_open()
            agreed = 0
            for wanted in hashes.hashes:
                block = os.pread(self._file, hashes.block_bytes, agreed)
                if len(block) < hashes.block_bytes:
                    break
                if hashlib.sha256(block).digest()[: len(wanted)] != wanted:
                    break
                agreed += len(block)
            return agreed

    def truncate(self, size_bytes: int) -> None:
        """Keep only this prefix, and hash it anew from the disk.

        Raises:
            ValueError: It is longer than what is held.
            SpoolStorageFailed: The disk failed.
        """
        with self._lock:
            self._require_open()
            if not 0 <= size_bytes <= self.size_bytes:
                raise ValueError(f"cannot keep {size_bytes} of {self.size_bytes} bytes")
            if size_bytes < self._recorded_bytes:
                # First the index: bytes that replace the old ones are not durable yet.
                self._commit(size_bytes)
            with storage(f"cannot shorten {self._path.name}"):
                os.ftruncate(self._file, size_bytes)
                self._rehash()
            self.durable_bytes = min(self.durable_bytes, size_bytes)

    def sha256(self) -> str:
        """Give the digest of what is held, lowercase hex."""
        with self._lock:
            return self._sha256.hexdigest()

    def md5(self) -> str:
        """Give the MD5 of what is held, lowercase hex: what S3 calls an ETag."""
        with self._lock:
            return self._md5.hexdigest()

    def close(self) -> None:
        """Make everything durable and close. Idempotent.

        Raises:
            SpoolFull: The last checkpoint did not fit.
            SpoolStorageFailed: The last checkpoint failed.
        """
        with self._lock:
            if self._file < 0:
                return
            try:
                self.checkpoint()
            finally:
                self._shut()

    def drop(self) -> None:
        """Close without a checkpoint: the index already says all there is. Idempotent."""
        with self._lock:
            self._shut()

    def _require_open(self) -> None:
        if self._file < 0:
            raise SpoolError(f"{self._path.name} is closed")

    def _rehash(self) -> None:
        # MD5 is what S3 answers with, not what anything is trusted by.
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self.size_bytes = 0
        for block in read_from_disk(self._file):
            self._hash(memoryview(block))

    def _hash(self, written: memoryview) -> None:
        self._sha256.update(written)
        self._md5.update(written)
        self.size_bytes += len(written)

    def _commit(self, size_bytes: int) -> None:
        self._record(size_bytes)
        self._recorded_bytes = size_bytes

    def _give_up(self) -> None:
        """Delete the file, so that the medium starts over in a new inode."""
        self._shut()
        # On a read-only disk this fails too; the cache is dropped before the next re-hash anyway.
        with suppress(OSError):
            self._path.unlink()
        with suppress(SpoolError):
            self._commit(0)

    def _shut(self) -> None:
        file, self._file = self._file, -1
        if file >= 0:
            with suppress(OSError):
                os.close(file)
