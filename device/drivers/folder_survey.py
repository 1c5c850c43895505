"""One look at a whole folder, in short steps: what is a recording, and what is not."""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from device.clock import Clock
from device.core.folder.compose import (
    UNSEALED,
    FoundFile,
    compose_file,
    compose_folder,
    not_audio,
)
from device.core.folder.content_types import HEAD_BYTES, sniff
from device.core.folder.names import SIDECAR, ignored, label
from device.core.folder.sidecar import MAX_BYTES, MAX_MEDIA, parse_sidecar
from device.drivers.folder_digests import Digests
from device.drivers.folder_files import OpenFile, means_gone_device, sentence
from device.drivers.folder_quiet import QUIET_S, Stillness
from device.drivers.folder_root import FolderRoot
from device.errors import DigestMismatch, LinkLost, ProtocolViolation
from device.model import RecorderId, Recording, Rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYet:
    """A single file that may be finished in `after_s`: worth a second look in the same listing."""

    name: str
    after_s: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsealed:
    """A sub-folder under construction: worth watching."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """What could not be read: its absence from the listing proves nothing."""

    name: str
    reason: str


Seen = Recording | Rejected | NotYet | Unsealed | Unreadable
Found = Seen | None
"""What is known of one name. None is a breath between two steps of the same name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Looks at names of a folder. Synchronous, one thread at a time."""

    recorder: RecorderId
    root: FolderRoot
    digests: Digests
    stillness: Stillness
    clock: Clock

    def steps(self, names: Sequence[str]) -> Iterator[Found]:
        """Look at each name; yields at least once per name that is there.

        Raises:
            LinkLost: The folder went away in between.
        """
        for name in names:
            try:
                yield from self._look(name)
            except (DigestMismatch, ProtocolViolation) as error:
                yield Rejected(recording=label(name), reason=str(error))
            except FileNotFoundError:
                self.root.check()  # a file that went is no matter, a folder that went is
            except OSError as error:
                self.root.check()
                if means_gone_device(error):
                    raise LinkLost(f"the folder went away: {sentence(error)}") from error
                yield Unreadable(name=name, reason=sentence(error))

    def _look(self, name: str) -> Iterator[Found]:
        mode = os.lstat(self.root.path / name).st_mode
        if stat.S_ISDIR(mode):
            yield from self._look_at_folder(name)
        elif stat.S_ISREG(mode):
            yield from self._look_at_file(name)
        else:
            link = "a symbolic link, which is never followed"
            reason = link if stat.S_ISLNK(mode) else "neither a file nor a folder"
            yield Rejected(recording=label(name), reason=reason, failed=False)

    def _look_at_file(self, name: str) -> Iterator[Found]:
        with OpenFile(self.root.path, (name,)) as file:
            known = self.digests.known(file.identity())
            sniffed = known.sniffed if known else sniff(os.pread(file.fd, HEAD_BYTES, 0))
        if (problem := not_audio(name, sniffed)) is not None:
            yield Rejected(recording=label(name), reason=problem, failed=False)
            return
        wait_s, reason = 0.0, ""
        if known is None:  # else it was finished before, and nobody wrote it since
            now_s = self.clock.monotonic()
            wait_s, reason = self.stillness.waits_s(self.root.path, name, now_s)
        if wait_s > QUIET_S:
            yield Rejected(recording=label(name), reason=reason, failed=False)
        elif wait_s > 0:
            yield NotYet(name=name, after_s=wait_s, reason=reason)
        else:
            for found in self._read((name,)):
                yield None if found is None else compose_file(self.recorder, found)

    def _look_at_folder(self, name: str) -> Iterator[Found]:
        raw = self._sidecar(name)
        if raw is None:
            yield Unsealed(name=name)
            return
        sidecar = parse_sidecar(raw)
        if sidecar.media is not None:
            wanted = [medium.file for medium in sidecar.media]
        else:
            wanted = self._present(name)
        files: dict[str, FoundFile] = {}
        for file in wanted:
            for found in self._read_member(name, file):
                if isinstance(found, FoundFile):
                    files[file] = found
                else:
                    yield found
                    if found is not None:
                        return
        yield compose_folder(self.recorder, name, sidecar, sha256(raw).hexdigest(), files)

    def _read_member(self, name: str, file: str) -> Iterator[FoundFile | Unreadable | None]:
        """Read one medium of a sub-folder; what it is instead of one is told with its name."""
        try:
            yield from self._read((name, file))
        except DigestMismatch as error:
            raise DigestMismatch(f"{label(file)}: {error}") from error
        except FileNotFoundError as error:
            raise ProtocolViolation(f"{label(file)} belongs to it and is not there") from error
        except OSError as error:
            if means_gone_device(error):
                raise
            if error.errno in (errno.ELOOP, errno.EINVAL):
                raise ProtocolViolation(f"{label(file)} is {sentence(error)}") from error
            yield Unreadable(name=name, reason=f"{label(file)}: {sentence(error)}")

    def _sidecar(self, name: str) -> bytes | None:
        try:
            with OpenFile(self.root.path, (name, SIDECAR)) as file:
                return os.pread(file.fd, MAX_BYTES + 1, 0)
        except FileNotFoundError:
            return None

    def _present(self, name: str) -> list[str]:
        """The media of a folder whose recording.json lists none: every file that counts."""
        with os.scandir(self.root.path / name) as entries:
            names = sorted(
                entry.name
                for entry in entries
                if entry.name != SIDECAR
                and not ignored(entry.name)
                and not entry.is_dir(follow_symlinks=False)
            )
        if len(names) > MAX_MEDIA:
            raise ProtocolViolation(f"it holds {len(names)} files; at most {MAX_MEDIA} are taken")
        return names

    def _read(self, parts: tuple[str, ...]) -> Iterator[FoundFile | None]:
        for found in self.digests.steps(self.root.path, parts):
            if found is None:
                yield None
                continue
            who, facts = found
            yield FoundFile(
                name=parts[-1],
                size_bytes=who.size_bytes,
                mtime_ns=who.mtime_ns,
                sha256=facts.sha256,
                sniffed=facts.sniffed,
                exif_at=facts.exif_at,
            )


def reason_of(found: NotYet | Unsealed | Unreadable) -> Rejected:
    """Say to people why a name is not listed as a recording."""
    reason = UNSEALED if isinstance(found, Unsealed) else found.reason
    failed = isinstance(found, Unreadable)
    return Rejected(recording=label(found.name), reason=reason, failed=failed)
