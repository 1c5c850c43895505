"""Bringing rescued recordings into a spool: checked first, then sealed under their own identity."""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from device.core import exported as exports
from device.core.exported import ExportedMedium, ExportedRecording
from device.errors import DigestMismatch, SpoolDamaged, SpoolTooNew
from device.model import Entry, EntryId, State
from device.spool.durable import storage
from device.spool.import_source import Source
from device.spool.ingest import take_in
from device.spool.layout import Layout
from device.spool.spool import Spool


class Outcome(StrEnum):
    """What became of one recording."""

    IMPORTED = "imported"
    HERE = "here already"
    IN_CLOUD = "in the cloud already"
    INCOMPLETE = "incomplete"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """One recording of an export; `problem` is a sentence where it was not taken."""

    folder: str
    outcome: Outcome
    entry: EntryId | None = None
    state: State | None = None
    size_bytes: int = 0
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Importer:
    """Brings recordings into one spool, which is held."""

    spool: Spool
    source: Source
    step: Callable[[int], None]
    """Told of every byte that was read."""

    def run(self) -> Iterator[Imported]:
        """Import one after the other; a damaged one does not stop the others.

        Raises:
            SpoolFull: They do not fit.
            SpoolStorageFailed: Our own disk fails.
        """
        for folder in self.source.folders():
            try:
                told = exports.decode(self.source.told(folder))
            except (SpoolDamaged, SpoolTooNew) as error:
                yield Imported(folder=folder, outcome=Outcome.FAILED, problem=str(error))
                continue
            yield self._one(folder, told)

    def _one(self, folder: str, told: ExportedRecording) -> Imported:
        entry_id = told.key.entry_id()

        def outcome(
            of: Outcome, problem: str | None = None, state: State | None = None
        ) -> Imported:
            return Imported(
                folder=folder,
                outcome=of,
                entry=entry_id,
                state=state,
                size_bytes=told.size_bytes,
                problem=problem,
            )

        known = self.spool.known(told.key)
        if known is not None and known.state is not State.PULLING:
            if _differs(known, told):
                return outcome(Outcome.FAILED, "it is here already, with other bytes", known.state)
            return outcome(Outcome.HERE, state=known.state)
        if told.receipt is not None:
            # A file on a stick is no acknowledgement: nothing may be deleted because of it.
            receipt = told.receipt
            return outcome(
                Outcome.IN_CLOUD, f"as {receipt.cloud_recording} ({receipt.cloud}); it stays there"
            )
        if not told.complete:
            return outcome(
                Outcome.INCOMPLETE, "it was never pulled whole; its files are for people"
            )
        try:
            for medium in told.media:
                self._check(folder, medium)
            taken = self._take(folder, told)
        except (SpoolDamaged, DigestMismatch) as error:
            return outcome(Outcome.FAILED, str(error))
        return outcome(Outcome.IMPORTED, state=taken.state)

    def _check(self, folder: str, medium: ExportedMedium) -> None:
        """Read a medium through before anything of it is here: what is damaged leaves no trace."""
        digest = hashlib.sha256()
        for block in self._blocks(folder, medium):
            digest.update(block)
        if digest.hexdigest() != medium.sha256:
            raise SpoolDamaged(f"{medium.file} has not the bytes that were written to it")

    def _take(self, folder: str, told: ExportedRecording) -> Entry:
        self.spool.room_for(told.size_bytes)
        contents = [self._blocks(folder, medium) for medium in told.media]
        entry = take_in(self.spool, exports.recording_of(told), contents)
        if os.geteuid() == 0:
            _give(Layout(self.spool.root), entry)
        return entry

    def _blocks(self, folder: str, medium: ExportedMedium) -> Iterator[bytes]:
        for block in self.source.blocks(folder, medium.file):
            self.step(len(block))
            yield block


def _differs(known: Entry, told: ExportedRecording) -> bool:
    """Say whether what is here under that name has other bytes, as far as both know theirs."""
    here = {m.medium.index: m.sha256 for m in known.media if m.sha256 is not None}
    return told.complete and any(
        here.get(medium.index, medium.sha256) != medium.sha256 for medium in told.media
    )


def _give(layout: Layout, entry: Entry) -> None:
    """Let an entry belong to whom the spool belongs: the agent is not root."""
    with storage(f"cannot give {entry.id} to the owner of the spool"):
        owner = layout.root.stat()
        folder = layout.folder(entry.state, entry.id)
        for path in (folder, *folder.iterdir()):
            os.chown(path, owner.st_uid, owner.st_gid)
