"""What an export is read from: a folder, or a tar that need not be unpacked."""

import os
import stat
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import IO, Protocol, Self

from device.core.exported import FILE
from device.errors import SpoolDamaged, UsageInvalid

_BLOCK_BYTES = 1 << 18
_MOST_BYTES = 16 << 20
"""Of a recording.json: a recording of thousands of images fits."""


class Source(Protocol):
    """Where exported recordings are."""

    def folders(self) -> list[str]:
        """Name the folders that hold a recording."""
        ...

    def told(self, folder: str) -> bytes:
        """Read what a recording says of itself.

        Raises:
            SpoolDamaged: It cannot be read.
        """
        ...

    def blocks(self, folder: str, file: str) -> Iterator[bytes]:
        """Read one of its media; raises as `told`."""
        ...


class FolderSource:
    """An export in a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folders(self) -> list[str]:
        """See `Source`: here, one below (a whole export), or two below (a stick of them)."""
        found = (path for depth in ("", "*/", "*/*/") for path in self._root.glob(depth + FILE))
        return sorted(str(path.parent.relative_to(self._root)) for path in found)

    def told(self, folder: str) -> bytes:
        """See `Source`."""
        return _all(self.blocks(folder, FILE))

    def blocks(self, folder: str, file: str) -> Iterator[bytes]:
        """See `Source`."""
        path = self._root / folder / file
        try:
            # A pipe or a device under such a name would hold us up for ever.
            opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(opened, "rb") as stream:
                if not stat.S_ISREG(os.fstat(opened).st_mode):
                    raise SpoolDamaged(f"{file} is no plain file")
                yield from _read(stream)
        except FileNotFoundError as error:
            raise SpoolDamaged(f"{file} is missing") from error
        except OSError as error:
            raise SpoolDamaged(f"{file} cannot be read: {error.strerror}") from error


class TarSource:
    """An export in a tar; a compressed one will do. Closed by leaving it as a context."""

    def __init__(self, place: Path) -> None:
        """Look through the tar.

        Raises:
            UsageInvalid: It is none, or cut short.
        """
        with ExitStack() as stack:
            try:
                self._tar = stack.enter_context(tarfile.open(place))
                # The last of two of one name would win on unpacking, and here.
                self._members = {each.name: each for each in self._tar if each.isreg()}
            except (tarfile.TarError, EOFError, OSError) as error:
                raise UsageInvalid(f"{place} cannot be read as a tar: {error}") from error
            self._open = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._open.close()

    def folders(self) -> list[str]:
        """See `Source`."""
        paths = (PurePosixPath(name) for name in self._members)
        return sorted(str(path.parent) for path in paths if path.name == FILE)

    def told(self, folder: str) -> bytes:
        """See `Source`."""
        return _all(self.blocks(folder, FILE))

    def blocks(self, folder: str, file: str) -> Iterator[bytes]:
        """See `Source`."""
        member = self._members.get(str(PurePosixPath(folder) / file))
        stream = self._tar.extractfile(member) if member is not None else None
        if stream is None:
            raise SpoolDamaged(f"{file} is missing")
        try:
            with stream:
                yield from _read(stream)
        except (tarfile.TarError, EOFError, OSError) as error:
            raise SpoolDamaged(f"{file} cannot be read: {error}") from error


def _read(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(_BLOCK_BYTES):
        yield block


def _all(blocks: Iterator[bytes]) -> bytes:
    content = b""
    for block in blocks:
        content += block
        if len(content) > _MOST_BYTES:
            raise SpoolDamaged(f"{FILE} is too long to be one")
    return content
