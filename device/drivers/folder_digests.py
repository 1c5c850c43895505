"""Digests of the files in a folder: computed once, remembered by who the file is."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from device.clock import Clock
from device.core.folder.content_types import sniff
from device.core.folder.exif import HEAD_BYTES, taken_at
from device.drivers.folder_files import Identity, OpenFile
from device.errors import DigestMismatch

STEP_BYTES = 4_194_304
"""Bytes hashed before a thread gives control back: some 50 ms on a Raspberry Pi."""

MAX_REMEMBERED = 100_000
_SCHEMA = 1
_RACY_S = 3.0
"""A file written this recently may be written again within one tick of its mtime (FAT: 2 s)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What reading a file once told about it."""

    sha256: str
    sniffed: str | None
    exif_at: datetime | None


class Digests:
    """The memory of digests, in one rebuildable file. Synchronous, one thread at a time."""

    def __init__(self, file: Path, clock: Clock) -> None:
        """Load what is remembered; a damaged or missing file only costs reading again."""
        self._file = file
        self._clock = clock
        self._known: dict[str, Facts] = {}
        self._seen: set[str] = set()
        self._partial: tuple[Identity, Any, int] | None = None
        self._unsaved = False
        self.mount_point: str | None = None
        self._load()

    def known(self, who: Identity) -> Facts | None:
        """Tell what is remembered of exactly this file."""
        return self._known.get(_key(who))

    def remembers(self, sha256: str) -> bool:
        """Tell whether some file had this content when it was read last."""
        return any(facts.sha256 == sha256 for facts in self._known.values())

    def steps(self, root: Path, parts: tuple[str, ...]) -> Iterator[tuple[Identity, Facts] | None]:
        """Read a file to its end, yielding None after each step and its facts at last.

        What was hashed of a large file is kept when the caller stops half-way, and used if the file
        is still the same when it is asked for again.

        Raises:
            OSError: As the kernel says.
            DigestMismatch: It was written meanwhile.
        """
        with OpenFile(root, parts) as file:
            who = file.identity()
            self._seen.add(_key(who))
            if (facts := self.known(who)) is not None:
                yield who, facts
                return
            head = os.pread(file.fd, HEAD_BYTES, 0)
            sha, at = hashlib.sha256(), 0
            if self._partial is not None and self._partial[0] == who:
                _, kept, at = self._partial
                sha = kept.copy()
            while piece := os.pread(file.fd, STEP_BYTES, at):
                sha.update(piece)
                at += len(piece)
                if len(piece) == STEP_BYTES:
                    self._partial = (who, sha.copy(), at)
                    yield None
            self._partial = None
            if file.identity() != who or at != who.size_bytes:
                raise DigestMismatch("it is being written")
        facts = Facts(sha256=sha.hexdigest(), sniffed=sniff(head), exif_at=taken_at(head))
        self._remember(who, facts)
        yield who, facts

    def read(self, root: Path, parts: tuple[str, ...]) -> tuple[Identity, Facts]:
        """Read a file in one go. Raises what `steps` raises."""
        return next(found for found in self.steps(root, parts) if found is not None)

    def forget(self, who: Identity) -> None:
        """Read this file again next time, whatever is remembered."""
        self._unsaved |= self._known.pop(_key(who), None) is not None

    def forget_unseen(self) -> None:
        """After every file was looked at: drop what is about files that are not there any more."""
        self._unsaved |= len(self._known) > len(self._seen)
        self._known = {k: v for k, v in self._known.items() if k in self._seen}
        self._seen = set()

    def save(self) -> None:
        """Write the memory if it changed. A disk that refuses costs reading again, no more."""
        if not self._unsaved:
            return
        document = {
            "schema": _SCHEMA,
            "mount_point": self.mount_point,
            "files": {
                k: [f.sha256, f.sniffed, f.exif_at and f.exif_at.isoformat()]
                for k, f in list(self._known.items())
            },
        }
        temporary = self._file.with_suffix(".tmp")
        try:
            self._file.parent.mkdir(mode=0o700, exist_ok=True)
            temporary.write_text(json.dumps(document), encoding="utf-8")
            temporary.replace(self._file)
        except OSError:
            return
        self._unsaved = False

    def expect_mount(self, point: str | None) -> None:
        """Remember which mount the folder is on, to know an unmounted one in a later run."""
        if point != self.mount_point:
            self.mount_point = point
            self._unsaved = True

    def _remember(self, who: Identity, facts: Facts) -> None:
        age_s = abs(self._clock.now().timestamp() - max(who.mtime_ns, who.ctime_ns) / 1e9)
        if age_s > _RACY_S and len(self._known) < MAX_REMEMBERED:
            self._known[_key(who)] = facts
            self._unsaved = True

    def _load(self) -> None:
        try:
            document = json.loads(self._file.read_text(encoding="utf-8"))
            if document["schema"] != _SCHEMA:
                return
            point = document["mount_point"]
            self._known = {str(k): _facts(*v) for k, v in document["files"].items()}
            self.mount_point = point if isinstance(point, str) else None
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            self._known = {}


def _key(who: Identity) -> str:
    fields = (who.device, who.inode, who.size_bytes, who.mtime_ns, who.ctime_ns)
    return hashlib.blake2b(repr(fields).encode(), digest_size=16).hexdigest()


def _facts(sha256: str, sniffed: str | None, exif_at: str | None) -> Facts:
    if len(bytes.fromhex(sha256)) != hashlib.sha256().digest_size:
        raise ValueError(sha256)
    moment = datetime.fromisoformat(exif_at).astimezone(UTC) if exif_at else None
    return Facts(sha256=sha256, sniffed=sniffed, exif_at=moment)
