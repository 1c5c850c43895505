"""Release from a folder: delete in an order that no power cut can turn into a loss."""

import os
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from device.core.folder.names import OWN, SIDECAR, ignored, label, name_of, plain
from device.core.folder.sidecar import MAX_BYTES, parse_sidecar
from device.drivers.folder_archive import Archive
from device.drivers.folder_digests import Digests
from device.drivers.folder_files import (
    Identity,
    OpenFile,
    flush,
    identity,
    means_gone_device,
    sentence,
)
from device.drivers.folder_quiet import Writers, writers
from device.drivers.folder_root import FolderRoot
from device.errors import (
    DigestMismatch,
    FieldpostError,
    LinkLost,
    ProtocolViolation,
    RecorderRefused,
)
from device.model import Recording, RecordingKey

RELEASING = OWN + "releasing-"
"""Under this name and the entry's id is what was verified and may go, power cut or not."""

LEFTOVER = OWN + "leftover-"
"""What lay beside the media of a released recording and was no part of it: kept, not listed."""

Snapshot = Mapping[str, Identity]
"""The files of a recording by name, taken before they were verified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderRelease:
    """Lets recordings of a folder go. Synchronous, one thread at a time.

    A recording is renamed away first, in one step, so that at no moment a folder looks like a
    smaller recording; then its files go one by one, recording.json last.
    """

    root: FolderRoot
    digests: Digests
    archive: Archive | None
    """Where released recordings are kept; None deletes them."""

    def prepare(self, key: RecordingKey, sha256: Collection[str]) -> Snapshot | None:
        """Finish an interrupted release, then look at what has the recording's name.

        Returns:
            What to verify before `let_go`; None if there is nothing: it is gone, which is success.

        Raises:
            LinkLost: The folder is not there: nothing is known, least of all that it is gone.
        """
        name = name_of(key.recording)
        self.root.check()
        releasing = self._away(key)
        if os.path.lexists(releasing):
            self._finish(releasing, set(sha256))
            if os.path.lexists(releasing) and not os.path.lexists(self.root.path / name):
                # It was written between the look and the rename, then the power went.
                releasing.rename(self.root.path / name)
            flush(self.root.path)
        if not plain(name) or ignored(name) or not os.path.lexists(self.root.path / name):
            self.root.check()
            return None
        return snapshot(self.root.path / name)

    def let_go(self, recording: Recording, before: Snapshot) -> None:
        """Archive or delete a recording that was verified after `before` was taken.

        Raises:
            DigestMismatch: It was written meanwhile; it stays.
        """
        name = name_of(recording.key.recording)
        source = self.root.path / name
        media = {name_of(m.name): m.sha256 or "" for m in recording.media}
        for file in media:
            parts = (name, file) if source.is_dir() else (name,)
            if writers(self.root.path, parts) is Writers.SOME:
                raise DigestMismatch(f"{label(file)} is open for writing; it stays")
        if self.archive is None:
            self._delete(recording.key, source, media, before)
        elif self.archive.beside(self.root.path):
            there = self.archive.free_name(name, recording.key.generation)
            self._rename(source, there, media, before)
            flush(self.archive.path)
        else:
            self.archive.copy(source, media, recording.key)
            self._delete(recording.key, source, media, before)
        flush(self.root.path)
        self.root.check()
        if os.path.lexists(source) and snapshot(source) == before:
            raise DigestMismatch(f"{label(name)} is still there after it was released")

    def finish_all(self) -> None:
        """Finish what a power cut interrupted; what cannot be proven waits for its own release."""
        for found in sorted(self.root.path.glob(RELEASING + "*")):
            try:
                self._finish(found, None)
            except (OSError, FieldpostError):
                continue

    def refusal(self, error: OSError, key: RecordingKey) -> FieldpostError:
        """Say why the folder does not let go."""
        if means_gone_device(error):
            return LinkLost(f"the folder went away: {sentence(error)}")
        return RecorderRefused(
            f"{key.recording} cannot be released: {sentence(error)} "
            f"(may the agent write in {self.root.path}?)",
            wire_code=error.errno or 0,
        )

    def _away(self, key: RecordingKey) -> Path:
        return self.root.path / (RELEASING + key.entry_id())

    def _delete(
        self, key: RecordingKey, source: Path, media: Collection[str], before: Snapshot
    ) -> None:
        releasing = self._away(key)
        if os.path.lexists(releasing):
            self._set_aside(releasing)
        self._rename(source, releasing, media, before)
        flush(self.root.path)
        if not releasing.is_dir():
            releasing.unlink()
            return
        for name in media:
            (releasing / name).unlink(missing_ok=True)
        self._close(releasing)

    def _rename(self, source: Path, there: Path, media: Collection[str], before: Snapshot) -> None:
        """Move a recording, unless it was written since `before`: then it is put back."""
        source.rename(there)
        now = snapshot(there)
        files = {*media, SIDECAR} if stat.S_ISDIR(there.lstat().st_mode) else {there.name}
        # A single file is known under its old name before and its new name after.
        if files == {there.name}:
            now, files = {source.name: now[there.name]}, {source.name}
        if all(n in now and n in before and now[n].same_content(before[n]) for n in files):
            return
        if not os.path.lexists(source):
            there.rename(source)
        raise DigestMismatch(f"{label(source.name)} was written while it was released; it stays")

    def _finish(self, releasing: Path, stored: set[str] | None) -> None:
        """Delete what is left of a release if it is all content that was stored.

        Args:
            releasing: A file or folder under its releasing name.
            stored: The digests of the receipt; None takes those that a listing saw.
        """
        inside = releasing.is_dir() and not releasing.is_symlink()
        try:
            names = self._media_left(releasing) if inside else [releasing.name]
        except ProtocolViolation:
            return
        for name in names:
            parts = (releasing.name, name) if inside else (name,)
            _, facts = self.digests.read(self.root.path, parts)
            known = self.digests.remembers(facts.sha256) if stored is None else None
            if not known and facts.sha256 not in (stored or ()):
                return
        if not inside:
            releasing.unlink()
            return
        for name in names:
            (releasing / name).unlink()
        self._close(releasing)

    def _media_left(self, folder: Path) -> list[str]:
        present = [n for n in snapshot(folder) if n != SIDECAR and not ignored(n)]
        try:
            with OpenFile(folder, (SIDECAR,)) as file:
                sidecar = parse_sidecar(os.pread(file.fd, MAX_BYTES + 1, 0))
        except FileNotFoundError:
            return []  # it went last: all media are gone already
        if sidecar.media is None:
            return present
        return [n for n in present if n in {m.file for m in sidecar.media}]

    def _close(self, releasing: Path) -> None:
        """Remove a folder whose media are gone; what else lay in it is kept aside."""
        (releasing / SIDECAR).unlink(missing_ok=True)
        try:
            releasing.rmdir()
        except OSError:
            self._set_aside(releasing)

    def _set_aside(self, releasing: Path) -> None:
        entry = releasing.name.removeprefix(RELEASING)
        names = (f"{LEFTOVER}{entry}{f'-{number}' if number else ''}" for number in count())
        aside = (self.root.path / name for name in names)
        releasing.rename(next(path for path in aside if not os.path.lexists(path)))


def snapshot(path: Path) -> Snapshot:
    """Take the identity of a file, or of every file in a folder."""
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode):
        return {path.name: identity(status)}
    with os.scandir(path) as entries:
        return {
            e.name: identity(e.stat(follow_symlinks=False))
            for e in entries
            if e.is_file(follow_symlinks=False)
        }
