"""Rescuing recordings out of a spool, beside an agent that may run: nothing in it is changed."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from device.core import exported as exports
from device.core.exported import FILE, ExportedRecording
from device.errors import (
    EntryUnknown,
    ExportFailed,
    ExportUnfit,
    SpoolDamaged,
    SpoolError,
    SpoolTooNew,
)
from device.model import Entry, EntryId, MediumState, State
from device.spool.durable import read_from_disk, storage
from device.spool.layout import Layout
from device.spool.reader import SpoolReader


class Outcome(StrEnum):
    """What became of one recording."""

    WRITTEN = "written"
    THERE = "there already"
    IN_CLOUD = "in the cloud meanwhile"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """One recording that was to be rescued; `problem` is a sentence where it failed.

    Without `complete` its bytes are what there is, and not all of it.
    """

    entry: EntryId
    outcome: Outcome
    size_bytes: int = 0
    complete: bool = True
    problem: str | None = None


class Sink(Protocol):
    """What recordings are rescued to. Paths are `<entry>/<file>`, fit for FAT."""

    passes: int
    """How often each byte goes by, for progress."""

    def content(self, path: str) -> bytes | None:
        """Read a small file that is there already."""
        ...

    def has(self, path: str, size_bytes: int, sha256: str) -> bool:
        """Say whether a file is there already."""
        ...

    def room_for(self, sizes_bytes: Sequence[int]) -> None:
        """Refuse to begin what cannot be ended: files of these sizes."""
        ...

    def put(self, path: str, size_bytes: int, sha256: str, content: Iterable[bytes]) -> None:
        """Take a file."""
        ...

    def end(self) -> None:
        """Tell the digests of all."""
        ...

    def give_up(self) -> None:
        """Keep what is whole after a failure, with its digests. Never raises."""
        ...


def refusal(entry: Entry) -> str | None:
    """Say why an entry has nothing to be rescued."""
    match entry.state:
        case State.PULLING:
            return "is not whole yet: its recorder still has it"
        case State.RELEASED:
            return "is released: the cloud has it, this computer has its name alone"
        case State.STORED if entry.purged:
            return "is in the cloud, and has made room here"
        case _:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """Copies entries of one spool into a sink."""

    reader: SpoolReader
    layout: Layout
    sink: Sink
    now: Callable[[], datetime]
    step: Callable[[int], None]
    """Told of every byte that was read from the spool."""

    def run(self, entries: Sequence[Entry]) -> Iterator[Exported]:
        """Export entries one by one, and end the sink; a damaged one does not stop the others.

        Raises:
            ExportFull: No room. The digests of what is whole are written where they fit.
            ExportFailed: The sink itself fails.
        """
        for entry in entries:
            try:
                yield self._one(entry)
            except ExportFailed:
                self.sink.give_up()
                raise
        self.sink.end()

    def _one(self, entry: Entry) -> Exported:
        try:
            try:
                return self._copied(entry)
            except SpoolError as error:
                if not isinstance(error.__cause__, FileNotFoundError):
                    raise
                # The agent goes on meanwhile: it may have been released, or have moved.
                now = self._again(entry)
                if now is None or now.state is State.RELEASED or now.purged:
                    return Exported(entry=entry.id, outcome=Outcome.IN_CLOUD)
                if (why := refusal(now)) is not None:
                    raise SpoolDamaged(f"it {why}") from error
                return self._copied(now)
        except (SpoolError, ExportUnfit) as error:
            return Exported(entry=entry.id, outcome=Outcome.FAILED, problem=str(error))

    def _again(self, entry: Entry) -> Entry | None:
        try:
            return self.reader.entry(entry.id)
        except EntryUnknown:
            return None

    def _copied(self, entry: Entry) -> Exported:
        held = [m for m in entry.media if m.sha256 is not None or self._begun(entry, m)]
        if not held:
            raise SpoolDamaged("no byte of it is on this computer")
        found = {m.medium.index: self._read_through(entry, m) for m in held}
        told = exports.of_entry(entry, found, self.now())
        known = self._told_before(told)
        missing = [
            (state, medium)
            for state, medium in zip(held, told.media, strict=True)
            if not self.sink.has(f"{entry.id}/{medium.file}", medium.size_bytes, medium.sha256)
        ]
        about = exports.encode(told)
        if known is None or missing:
            self.sink.room_for([len(about), *(medium.size_bytes for _, medium in missing)])
        for state, medium in missing:
            content = self._sound(self._blocks(entry, state), medium.sha256)
            self.sink.put(f"{entry.id}/{medium.file}", medium.size_bytes, medium.sha256, content)
        if known is None:
            sha256 = hashlib.sha256(about).hexdigest()
            self.sink.put(f"{entry.id}/{FILE}", len(about), sha256, [about])
        else:
            self.sink.has(f"{entry.id}/{FILE}", len(known), hashlib.sha256(known).hexdigest())
        return Exported(
            entry=entry.id,
            outcome=Outcome.WRITTEN if missing or known is None else Outcome.THERE,
            size_bytes=told.size_bytes,
            complete=told.complete,
        )

    def _begun(self, entry: Entry, held: MediumState) -> bool:
        return (self.layout.folder(entry.state, entry.id) / held.file).exists()

    def _told_before(self, told: ExportedRecording) -> bytes | None:
        """Read what an earlier run said of this recording; it stands, if it is of these bytes."""
        path = f"{told.entry}/{FILE}"
        known = self.sink.content(path)
        if known is None:
            return None
        try:
            same = exports.decode(known).media == told.media
        except (SpoolDamaged, SpoolTooNew):
            same = False
        if not same:
            raise ExportUnfit(
                f"{path} is there already and tells of other bytes; name another folder"
            )
        return known

    def _read_through(self, entry: Entry, held: MediumState) -> tuple[int, str]:
        """Hash what lies on our disk, before anything is written elsewhere."""
        digest = hashlib.sha256()
        size_bytes = 0
        for block in self._blocks(entry, held):
            digest.update(block)
            size_bytes += len(block)
        return size_bytes, digest.hexdigest()

    def _blocks(self, entry: Entry, held: MediumState) -> Iterator[bytes]:
        path = self.layout.folder(entry.state, entry.id) / held.file
        with storage(f"cannot read {held.file} of {entry.id}"):
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            blocks = read_from_disk(file)
            while True:
                with storage(f"cannot read {held.file} of {entry.id}"):
                    block = next(blocks, b"")
                if not block:
                    return
                self.step(len(block))
                yield block
        finally:
            os.close(file)

    def _sound(self, blocks: Iterator[bytes], sha256: str) -> Iterator[bytes]:
        """Pass blocks on, and see at the end that they are those that were read before."""
        digest = hashlib.sha256()
        for block in blocks:
            digest.update(block)
            yield block
        if digest.hexdigest() != sha256:
            raise SpoolDamaged("our disk gave other bytes at a second reading")
