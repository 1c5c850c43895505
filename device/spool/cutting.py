"""Parts of a sealed medium beside it: made durably, made again alike, and dropped.

Part files are derived: they may be missing whenever the original is there. What must not be lost
is how a medium was cut, since parts may be in the cloud already: `<stem>.parts.cbor` says it in the
folder, and the index says it too. The record comes after the parts it names are on the disk.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from device.core import canonical
from device.core import manifest as manifests
from device.core.ogg.cutter import Cutter, Limits, Part
from device.core.ogg.opus import RATE_HZ
from device.errors import SpoolDamaged, Uncuttable
from device.model import Cut, Entry, Manifest, MediaKind, SealedMedium
from device.spool.durable import read_from_disk, settle_folder, write_all, write_file
from device.spool.layout import FILE_MODE

INDEXES = 1 << 16
"""Parts after the first have indexes from `INDEXES * (index + 1)` on, beyond those of media."""

_PART = re.compile(r"(?P<stem>.+)\.(part-\d{3,}\.[a-z0-9]+|parts\.cbor\.part)\Z")
"""Part files, and a record that a crash left half-written."""


def make(folder: Path, manifest: Manifest, cut: Cut) -> Cut:
    """Cut a medium by the limits of `cut`; return it with the parts, which are on the disk then.

    Raises:
        Uncuttable: No cut of it would surely be right, or there is nothing to cut.
        SpoolDamaged: It is not what was sealed.
        OSError: The disk failed.
    """
    whole = next(m for m in manifest.media if m.index == cut.index)
    drop(folder, (whole,))
    try:
        limits = _limits(cut)
        made = _checked(whole, list(_written(folder, whole, limits)), limits)
    except Uncuttable:
        drop(folder, (whole,))
        raise
    settle_folder(folder)
    parts = tuple(_described(each, len(made), whole, manifest) for each in made)
    return replace(cut, parts=parts)


def keep(folder: Path, manifest: Manifest, cut: Cut) -> None:
    """Write down durably how a medium was cut."""
    whole = next(m for m in manifest.media if m.index == cut.index)
    write_file(folder / _record(whole), canonical.encode(cut))


def kept(folder: Path, manifest: Manifest) -> Iterator[Cut]:
    """Read what was written down of the media of a folder, and is about them as they are."""
    for medium in (m for m in manifest.media if m.kind is MediaKind.AUDIO):
        try:
            cut = canonical.decode(
                (folder / _record(medium)).read_bytes(), Cut, "the record of the parts"
            )
        except (FileNotFoundError, SpoolDamaged):
            continue
        if (cut.index, cut.sha256) == (medium.index, medium.sha256):
            yield cut


def lacking(folder: Path, entry: Entry) -> Iterator[Cut]:
    """Yield how media are cut whose parts are not all there, by name and size."""
    for medium in entry.media:
        sizes = [_size(folder / part.file) for part in medium.parts]
        if medium.cut is not None and sizes != [p.medium.size_bytes for p in medium.parts]:
            yield medium.cut


def drop(folder: Path, media: Iterable[SealedMedium]) -> None:
    """Delete the part files of media, and nothing else."""
    stems = {_stem(medium) for medium in media if medium.kind is MediaKind.AUDIO}
    for path in list(folder.iterdir()) if stems else ():
        found = _PART.match(path.name)
        if found and found["stem"] in stems:
            path.unlink(missing_ok=True)


def drop_all(folder: Path, entry: Entry) -> None:
    """Delete parts and records of an entry that is stored; a folder that is gone has none."""
    if all(medium.cut is None for medium in entry.media):
        return
    media = manifests.of_entry(entry).media
    with suppress(FileNotFoundError):
        drop(folder, media)
        for medium in media:
            (folder / _record(medium)).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """A part whose file is on the disk."""

    part: Part
    size_bytes: int
    sha256: str
    md5: str


def _checked(whole: SealedMedium, made: list[_Made], limits: Limits) -> list[_Made]:
    if len(made) == 1:
        too_large = limits.most_bytes is not None and whole.size_bytes > limits.most_bytes
        too_long = limits.most_samples is not None and made[0].part.samples > limits.most_samples
        if too_large or too_long:
            raise Uncuttable("it has no page boundary where it could be cut")
        raise Uncuttable("it is no longer than one part")
    if whole.index >= INDEXES or len(made) >= INDEXES:
        raise Uncuttable("it would have too many parts")
    return made


def _limits(cut: Cut) -> Limits:
    samples = None if cut.part_s is None else int(cut.part_s * RATE_HZ)
    return Limits(most_bytes=cut.part_bytes, most_samples=samples)


def _written(folder: Path, whole: SealedMedium, limits: Limits) -> Iterator[_Made]:
    """Write part after part; yield each once it is on the disk."""
    cutter = Cutter(limits)
    digest = hashlib.sha256()
    source = os.open(folder / whole.file, os.O_RDONLY | os.O_CLOEXEC)
    writing = _Writing(folder, whole)
    try:
        for block in read_from_disk(source):
            digest.update(block)
            for each in cutter.feed(block):
                if (done := writing.take(each)) is not None:
                    yield done
        if digest.hexdigest() != whole.sha256:
            raise SpoolDamaged(f"{whole.file} is not what was sealed: its digest has changed")
        for each in cutter.close():
            if (done := writing.take(each)) is not None:
                yield done
    finally:
        writing.close()
        os.close(source)


class _Writing:
    """The file of the part at hand."""

    def __init__(self, folder: Path, whole: SealedMedium) -> None:
        self._folder = folder
        self._whole = whole
        self._number = 0
        self._begin()

    def _begin(self) -> None:
        self._number += 1
        self._file: int | None = None
        self._size_bytes = 0
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)

    def take(self, each: bytes | Part) -> _Made | None:
        """Append a block; or end the part and say what was written."""
        if isinstance(each, bytes):
            if self._file is None:
                path = self._folder / _part_name(self._whole, self._number)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                self._file = os.open(path, flags, FILE_MODE)
            write_all(self._file, each)
            self._size_bytes += len(each)
            self._sha256.update(each)
            self._md5.update(each)
            return None
        if self._file is not None:
            os.fsync(self._file)
        self.close()
        done = _Made(
            part=each,
            size_bytes=self._size_bytes,
            sha256=self._sha256.hexdigest(),
            md5=self._md5.hexdigest(),
        )
        self._begin()
        return done

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


def _described(made: _Made, many: int, whole: SealedMedium, manifest: Manifest) -> SealedMedium:
    """Say what a part is: its time and its offset are those of the whole, moved on."""
    part = made.part
    first = part.number == 1
    begun, trusted = whole.captured_at, whole.captured_at_trusted
    if begun is None:
        begun, trusted = manifest.started_at, manifest.times_trusted
    stem, dot, suffix = whole.name.rpartition(".")
    label = f"part {part.number} of {many}"
    return replace(
        whole,
        index=whole.index if first else INDEXES * (whole.index + 1) + part.number,
        file=_part_name(whole, part.number),
        name=f"{stem} {label}{dot}{suffix}" if stem else f"{whole.name} {label}",
        size_bytes=made.size_bytes,
        sha256=made.sha256,
        md5=made.md5,
        captured_at=None if begun is None else begun + timedelta(milliseconds=part.offset_ms),
        captured_at_trusted=trusted,
        t_offset_ms=(whole.t_offset_ms or 0) + part.offset_ms,
    )


def _part_name(whole: SealedMedium, number: int) -> str:
    return f"{_stem(whole)}.part-{number:03}.{whole.file.rpartition('.')[2]}"


def _record(medium: SealedMedium) -> str:
    return f"{_stem(medium)}.parts.cbor"


def _stem(medium: SealedMedium) -> str:
    return medium.file.rpartition(".")[0]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1
