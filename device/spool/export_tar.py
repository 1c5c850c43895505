"""A tar, in a file or down a pipe, that recordings are rescued to."""

import hashlib
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import IO, cast

from device.errors import ExportFailed, ExportUnfit, SpoolError
from device.spool.durable import read_from_disk, settle_folder
from device.spool.export_folder import DIGESTS, failure

FOLDER = "fieldpost-export"
"""What everything lies under in the tar, so that it unpacks to one folder."""


class ExportTar:
    """Takes recordings into one tar. It is whole or it is not there: no run completes another's."""

    def __init__(self, place: Path | None, pipe: IO[bytes], step: Callable[[int], None]) -> None:
        """Begin the tar.

        Args:
            place: The file; None sends the tar down the pipe, where nothing can be read back.
            pipe: See above.
            step: Told of bytes.

        Raises:
            ExportFailed: It is there already, or cannot be written.
        """
        self.passes = 3 if place is not None else 2
        self._place = place
        self._step = step
        self._digests: dict[str, str] = {}
        if place is None:
            self._name = "standard output"
            self._out = _Hashed(pipe)
        else:
            self._name = str(place)
            if place.exists():
                raise ExportFailed(f"{place} is there already; it was not touched")
            try:
                self._out = _Hashed(_part(place).open("wb"))
            except OSError as error:
                raise self._spoiled(error) from error
        out = cast("IO[bytes]", self._out)
        self._tar = tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed by `end`

    def content(self, _path: str) -> bytes | None:
        """See `ExportFolder.content`: a tar always begins anew."""
        return None

    def has(self, _path: str, _size_bytes: int, _sha256: str) -> bool:
        """See `ExportFolder.has`."""
        return False

    def room_for(self, sizes_bytes: Sequence[int]) -> None:
        """See `ExportFolder.room_for`: a pipe does not tell."""

    def put(self, path: str, size_bytes: int, sha256: str, content: Iterable[bytes]) -> None:
        """Add a file.

        Raises:
            ExportFull: The disk is full.
            ExportFailed: Nobody reads the pipe any more, or the disk fails.
        """
        about = tarfile.TarInfo(f"{FOLDER}/{path}")
        about.size = size_bytes
        about.mode = 0o644
        blocks = iter(content)
        # Nothing is promised in the tar before the first byte is there to follow.
        first = next(blocks, b"")
        try:
            self._tar.addfile(about, cast("IO[bytes]", _Stream(chain([first], blocks))))
        except SpoolError as error:
            raise ExportFailed(f"{path}: {error}; the tar is not whole") from error
        except BrokenPipeError as error:
            raise ExportFailed("whoever was to read the tar is gone; it is not whole") from error
        except OSError as error:
            raise self._spoiled(error) from error
        self._digests[path] = sha256

    def end(self) -> None:
        """Add the digests, read the file back, and give it its name."""
        lines = [f"{sha256}  {path}\n" for path, sha256 in sorted(self._digests.items())]
        content = "".join(lines).encode()
        self.put(DIGESTS, len(content), "", [content])
        try:
            self._tar.close()
            self._out.inner.flush()
            if self._place is not None:
                self._settle(self._place)
        except BrokenPipeError as error:
            raise ExportFailed("whoever was to read the tar is gone; it is not whole") from error
        except OSError as error:
            raise self._spoiled(error) from error

    def give_up(self) -> None:
        """Leave nothing half. Idempotent, and nothing after `end`."""
        self._out.deaf = True
        if self._place is not None:
            with suppress(OSError):
                self._out.inner.close()
            with suppress(OSError):
                _part(self._place).unlink(missing_ok=True)

    def _spoiled(self, error: OSError) -> ExportFailed:
        """Turn the kernel's error into ours; one file that does not fit spoils the whole tar."""
        told = failure(error, self._name)
        return ExportFailed(str(told), hint=told.hint) if isinstance(told, ExportUnfit) else told

    def _settle(self, place: Path) -> None:
        part = _part(place)
        os.fsync(self._out.inner.fileno())
        self._out.inner.close()
        digest = hashlib.sha256()
        file = os.open(part, os.O_RDONLY | os.O_CLOEXEC)
        try:
            for block in read_from_disk(file):
                digest.update(block)
                self._step(len(block))
        finally:
            os.close(file)
        if digest.hexdigest() != self._out.sha256():
            raise ExportFailed(
                f"{place.parent} does not give back what was written to it",
                hint="use another disk; this one cannot be trusted",
            )
        part.rename(place)
        with suppress(OSError):  # not every stick can; its bytes are on it
            settle_folder(place.parent)


class _Hashed:
    """Passes bytes on and remembers their digest; all that tarfile asks for is `write`."""

    def __init__(self, out: IO[bytes]) -> None:
        self.inner = out
        self.deaf = False
        """Takes nothing any more: tarfile tries to end its tar when it is freed."""
        self._digest = hashlib.sha256()

    def write(self, block: bytes) -> int:
        if self.deaf:
            return len(block)
        self.inner.write(block)
        self._digest.update(block)
        return len(block)

    def sha256(self) -> str:
        return self._digest.hexdigest()


class _Stream:
    """Lets tarfile read what comes in blocks; all that it asks for is `read`."""

    def __init__(self, content: Iterable[bytes]) -> None:
        self._blocks: Iterator[bytes] = iter(content)
        self._left = b""

    def read(self, size: int) -> bytes:
        while len(self._left) < size and (block := next(self._blocks, b"")):
            self._left += block
        taken, self._left = self._left[:size], self._left[size:]
        return taken


def _part(place: Path) -> Path:
    return place.with_name(f"{place.name}.part")
