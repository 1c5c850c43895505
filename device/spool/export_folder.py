"""A folder, most likely on a USB stick, that recordings are rescued to.

Nothing has its name before it is whole, on the disk, and read back: temporary, fsync, read, rename.
What has its name already is never overwritten: it is compared.
"""

import errno
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from device.errors import ExportFailed, ExportFull, ExportUnfit
from device.spool.durable import read_from_disk, settle_folder
from device.words import size

DIGESTS = "MANIFEST.sha256"
"""In the form of `sha256sum -c`."""
_LINE_BYTES = 180
"""The longest line of it: a digest, an entry, a file."""
_FULL = {errno.ENOSPC, errno.EDQUOT}
_NO_SYNC = {errno.EINVAL, errno.ENOTSUP}


class ExportFolder:
    """Takes recordings into a folder; a second run completes what the first one began."""

    passes = 3
    """How often each byte goes by: looked at, copied, read back."""

    def __init__(self, root: Path, step: Callable[[int], None]) -> None:
        """Make the folder, and read the digests of what earlier runs wrote.

        Raises:
            ExportFailed: It cannot be written to, or something else lies in the way.
        """
        self._root = root
        self._step = step
        with _told(root):
            root.mkdir(parents=True, exist_ok=True)
            self._digests = _read_digests(root / DIGESTS)
        self._before = dict(self._digests)

    def content(self, path: str) -> bytes | None:
        """Read a small file that is there already; None where there is none."""
        with _told(self._root):
            try:
                return (self._root / path).read_bytes()
            except FileNotFoundError:
                return None

    def has(self, path: str, size_bytes: int, sha256: str) -> bool:
        """Say whether a file is there already, by its bytes.

        Raises:
            ExportUnfit: Another one has its name; it is left alone.
        """
        place = self._root / path
        with _told(self._root):
            try:
                same = place.stat().st_size == size_bytes and self._read_back(place) == sha256
            except FileNotFoundError:
                return False
        if not same:
            raise ExportUnfit(
                f"{place} is there already and is another one; it was not touched",
                hint="name another folder, or move that file away",
            )
        self._digests[path] = sha256
        return True

    def room_for(self, sizes_bytes: Sequence[int]) -> None:
        """Refuse to begin what cannot be ended: files of these sizes, and the digests of all.

        Raises:
            ExportFull: There is less room.
        """
        with _told(self._root):
            state = os.statvfs(self._root)
        # Each file takes whole clusters, 64 KiB on some sticks, and so does each folder.
        digests_bytes = _LINE_BYTES * (len(self._digests) + len(sizes_bytes))
        clusters = 2 + sum(-(-each // state.f_frsize) for each in (*sizes_bytes, digests_bytes))
        if state.f_bavail < clusters:
            more = size(sum(sizes_bytes))
            raise ExportFull(f"{self._root} has no room for the next recording ({more})")

    def put(self, path: str, _size_bytes: int, sha256: str, content: Iterable[bytes]) -> None:
        """Write a file, read it back, and give it its name.

        Raises:
            ExportFull: The disk is full.
            ExportUnfit: Its file system takes no file that large.
            ExportFailed: It does not give back what was written.
        """
        place = self._root / path
        with _told(self._root):
            if not place.parent.exists():
                place.parent.mkdir()
                _settle(self._root)
            temporary = place.with_name(f"{place.name}.part")
            try:
                self._write(temporary, content)
                if self._read_back(temporary) != sha256:
                    raise ExportFailed(
                        f"{self._root} does not give back what was written to {path}",
                        hint="use another disk; this one cannot be trusted",
                    )
                temporary.rename(place)
            finally:
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)
            _settle(place.parent)
        self._digests[path] = sha256

    def end(self) -> None:
        """Write the digests of all that is in the folder, of earlier runs too."""
        if self._digests == self._before:
            return
        lines = [f"{sha256}  {path}\n" for path, sha256 in sorted(self._digests.items())]
        content = "".join(lines).encode()
        known = dict(self._digests)
        with _told(self._root):
            self.put(DIGESTS, len(content), hashlib.sha256(content).hexdigest(), [content])
        del self._digests[DIGESTS]
        self._before = known

    def give_up(self) -> None:
        """See `Sink`: the next run goes on from there."""
        with suppress(ExportFailed):
            self.end()

    def _write(self, temporary: Path, content: Iterable[bytes]) -> None:
        # What a cut-off run left; its bytes are not trusted. The umask says who may read.
        temporary.unlink(missing_ok=True)
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            for block in content:
                view = memoryview(block)
                while view:
                    view = view[os.write(file, view) :]
            os.fsync(file)
        finally:
            os.close(file)

    def _read_back(self, place: Path) -> str:
        digest = hashlib.sha256()
        file = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        try:
            for block in read_from_disk(file):
                digest.update(block)
                self._step(len(block))
        finally:
            os.close(file)
        return digest.hexdigest()


@contextmanager
def _told(root: Path) -> Iterator[None]:
    """Map the errors of system calls on the folder; what was read from the spool has its own."""
    try:
        yield
    except OSError as error:
        raise failure(error, str(root)) from error


def failure(error: OSError, place: str) -> ExportFailed:
    """Turn the kernel's error into ours."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    match error.errno:
        case number if number in _FULL:
            return ExportFull(f"{place} is full")
        case errno.EFBIG:
            return ExportUnfit(
                f"{place} takes no file that large",
                hint="FAT32 ends at 4 GiB: use a disk formatted as exFAT or ext4",
            )
        case errno.EROFS:
            return ExportFailed(
                f"{place} is read-only", hint="look for a lock switch, or mount it writable"
            )
        case _:
            return ExportFailed(f"cannot write to {place}: {reason}")


def _settle(folder: Path) -> None:
    """Make names durable, where the file system of a stick can."""
    try:
        settle_folder(folder)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


def _read_digests(place: Path) -> dict[str, str]:
    """Read an earlier run's digests.

    Raises:
        ExportFailed: It is something else.
    """
    try:
        lines = place.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise ExportFailed(f"{place} is not one of Fieldpost's") from error
    found = {}
    for line in lines:
        sha256, two, path = line.partition("  ")
        if len(sha256) != 64 or not two or not path:  # noqa: PLR2004 - hex digits of SHA-256
            raise ExportFailed(f"{place} is not one of Fieldpost's")
        found[path] = sha256
    return found
