"""The archive: where a folder's released recordings are kept instead of deleted."""

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from device.core.folder.names import OWN, SIDECAR, label
from device.drivers.folder_files import OpenFile, flush
from device.errors import DigestMismatch
from device.model import RecordingKey

_COPYING = OWN + "archiving-"
_PIECE_BYTES = 1_048_576


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A folder outside the recorder's own. Synchronous."""

    path: Path

    def beside(self, root: Path) -> bool:
        """Tell whether a rename reaches the archive; creates it."""
        self.path.mkdir(parents=True, exist_ok=True)
        return self.path.stat().st_dev == root.stat().st_dev

    def free_name(self, name: str, generation: int) -> Path:
        """Find a name for a recording; nothing in the archive is ever replaced."""
        return next(p for p in self._candidates(name, generation) if not os.path.lexists(p))

    def copy(self, source: Path, media: Mapping[str, str], key: RecordingKey) -> None:
        """Copy a recording's files here and read the copy back before it counts. Idempotent.

        Args:
            source: A file, or a folder with recording.json.
            media: The digest of each medium by name.
            key: Whose copy it is.

        Raises:
            DigestMismatch: The copy is not what it should be.
        """
        folder = stat.S_ISDIR(source.lstat().st_mode)
        for there in self._candidates(source.name, key.generation):
            if not os.path.lexists(there):
                break
            if _holds(there, media, folder=folder):
                return  # the power went after the copy, before the release
        copying = self.path / (_COPYING + key.entry_id())
        if copying.is_dir():
            shutil.rmtree(copying)
        if folder:
            copying.mkdir()
            for name in (*media, SIDECAR):
                _copy(source, name, copying / name)
            flush(copying)
        else:
            _copy(source.parent, source.name, copying)
        if not _holds(copying, media, folder=folder):
            raise DigestMismatch(
                f"the archived copy of {label(source.name)} reads back differently"
            )
        copying.rename(there)
        flush(self.path)

    def _candidates(self, name: str, generation: int) -> Iterator[Path]:
        yield self.path / name
        for number in count():
            yield self.path / f"{name}.{generation:016x}{f'-{number}' if number else ''}"


def _holds(there: Path, media: Mapping[str, str], *, folder: bool) -> bool:
    """Read files back from the disk itself and compare."""
    for name, sha256 in media.items():
        parts = (there.name, name) if folder else (there.name,)
        try:
            with OpenFile(there.parent, parts) as file:
                os.posix_fadvise(file.fd, 0, 0, os.POSIX_FADV_DONTNEED)
                digest = hashlib.sha256()
                at = 0
                while piece := os.pread(file.fd, _PIECE_BYTES, at):
                    digest.update(piece)
                    at += len(piece)
        except OSError:
            return False
        if digest.hexdigest() != sha256:
            return False
    return True


def _copy(folder: Path, name: str, there: Path) -> None:
    with OpenFile(folder, (name,)) as source, there.open("wb") as copy:
        status = os.fstat(source.fd)
        at = 0
        while piece := os.pread(source.fd, _PIECE_BYTES, at):
            copy.write(piece)
            at += len(piece)
        copy.flush()
        os.fsync(copy.fileno())
    # mtime is the last resort for captured_at: worth keeping.
    os.utime(there, ns=(status.st_atime_ns, status.st_mtime_ns))
