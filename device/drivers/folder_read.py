"""Reading one medium of a folder piece by piece, as long as it is the file that was listed."""

import errno
import os
from dataclasses import dataclass
from hashlib import sha256

from device.core.folder.names import name_of, plain
from device.drivers.folder_digests import Digests
from device.drivers.folder_files import Identity, OpenFile, mapped
from device.drivers.folder_root import FolderRoot
from device.errors import DigestMismatch, MediumGone
from device.model import Medium, Recording

PIECE_BYTES = 1_048_576
BLOCK_BYTES = 65_536
_BLOCK_HASH_BYTES = 16


@dataclass(kw_only=True)
class Reading:
    """One read of one medium. Synchronous.

    The file is opened anew for each piece: nothing is held open between them, so a card can be
    unmounted, a cancelled read leaves no descriptor behind, and every piece sees whether the file
    is still the same.
    """

    root: FolderRoot
    digests: Digests
    recording: Recording
    medium: Medium
    _who: Identity | None = None

    def piece(self, offset: int, size_bytes: int) -> bytes:
        """Read up to `size_bytes` (at least one) from `offset`.

        Raises:
            MediumGone: It is not in the folder any more.
            DigestMismatch: It is not what was listed.
            LinkLost: The folder went away, or its disk does not answer.
            RecorderRefused: It may not be read.
        """
        name = name_of(self.recording.key.recording)
        try:
            return self._piece(self._parts(name), offset, size_bytes)
        except OSError as error:
            self.root.check()
            raise mapped(error, name) from error

    def block_hashes(self, offset: int, size_bytes: int) -> list[bytes]:
        """Hash whole blocks from `offset`. Raises what `piece` raises."""
        held = b""
        while len(held) < size_bytes:
            held += self.piece(offset + len(held), size_bytes - len(held))
        blocks = (held[at : at + BLOCK_BYTES] for at in range(0, size_bytes, BLOCK_BYTES))
        return [sha256(block).digest()[:_BLOCK_HASH_BYTES] for block in blocks]

    def _parts(self, name: str) -> tuple[str, ...]:
        if not plain(name):
            raise MediumGone(f"{self.recording.key.recording} is not a name in this folder")
        inside = (self.root.path / name).is_dir()
        return (name, name_of(self.medium.name)) if inside else (name,)

    def _piece(self, parts: tuple[str, ...], offset: int, size_bytes: int) -> bytes:
        with OpenFile(self.root.path, parts) as file:
            self._same(file.identity())
            try:
                piece = os.pread(file.fd, min(size_bytes, self.medium.size_bytes - offset), offset)
            except OSError as error:
                if error.errno == errno.EIO:
                    # If it is the file and not the card, the next listing finds out and says so.
                    self.digests.forget(file.identity())
                raise
            self._same(file.identity())
        if not piece:
            raise DigestMismatch(f"{self.medium.name} is shorter than it was listed")
        return piece

    def _same(self, now: Identity) -> None:
        known = self.digests.known(now)
        if (
            now.size_bytes != self.medium.size_bytes
            or (self._who is not None and not now.same_content(self._who))
            or (known is not None and self.medium.sha256 not in (None, known.sha256))
        ):
            raise DigestMismatch(f"{self.medium.name} changed since it was listed")
        self._who = now
