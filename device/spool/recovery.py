"""What every start does before anything else: make rows and folders agree again.

Each step of moves.py may have been cut anywhere. A sealed folder wins over a row that lags behind
it; everywhere else the row wins and the folder follows. Nothing unsent is deleted: what belongs to
no row is taken in when its manifest allows, else kept and reported.
"""

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from device.core import manifest as manifests
from device.errors import SpoolDamaged, SpoolError, SpoolTooNew
from device.model import Entry, EntryId, Manifest, State
from device.spool import changes, cutting, folders, restore, rows
from device.spool.durable import (
    keep_aside,
    move_folder,
    remove_folder,
    settle_folder,
    storage,
    write_file,
)
from device.spool.journal import Journal
from device.spool.layout import MANIFEST, RECEIPT, Layout
from device.spool.moves import Moves
from device.spool.tombstones import TombstoneLog, encode_receipt

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A folder that was left as it is, and why a person may want to look."""

    folder: Path
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What a start found: entries taken in from folders, tombstones read, folders left alone."""

    restored: tuple[EntryId, ...]
    tombstones: int
    left: tuple[Left, ...]


class Recovery:
    """One pass over index and folders, under the lock, before anybody else uses either."""

    def __init__(self, layout: Layout, journal: Journal, moves: Moves) -> None:
        self._layout = layout
        self._journal = journal
        self._moves = moves
        self._left: list[Left] = []
        self._restored: list[EntryId] = []

    def run(self) -> Recovered:
        """Do it. One entry's trouble never stops the others, nor the agent.

        Raises:
            SpoolError: The index itself, or a folder of the spool, cannot be used.
        """
        buried = self._read_tombstones()
        unreleased = [state for state in State if state is not State.RELEASED]
        self._clear_released()
        for entry in self._journal.run(rows.entries, unreleased):
            try:
                with storage("its folder cannot be used"):
                    self._settle(entry)
            except SpoolError as error:
                self._leave(self._layout.folder(entry.state, entry.id), str(error))
        held = set(self._journal.run(rows.ids))
        places = (self._layout.sealed, self._layout.incoming, self._layout.quarantine)
        for folder in [folder for place in places for folder in _strangers(place, held)]:
            try:
                with storage("it cannot be used"):
                    self._take_in(folder)
            except SpoolError as error:
                self._leave(folder, str(error))
        return Recovered(restored=tuple(self._restored), tombstones=buried, left=tuple(self._left))

    def _read_tombstones(self) -> int:
        """Fill a new index with what was released before it; an old one knows."""
        if not self._journal.run(restore.tombstones_pending):
            return 0
        with storage("cannot read the tombstones"):
            records = TombstoneLog(self._layout.tombstones).records()
        return self._journal.run(restore.bury, records)

    def _clear_released(self) -> None:
        """Delete what a cut release left, going by the folders: released rows are too many."""
        released = set(self._journal.run(rows.ids, [State.RELEASED]))
        for folder in list(self._layout.sealed.iterdir()):
            if folder.name in released:
                try:
                    with storage("it cannot be deleted"):
                        remove_folder(folder)
                except SpoolError as error:
                    self._leave(folder, str(error))

    def _settle(self, entry: Entry) -> None:
        """Make one row and its folder agree."""
        match entry.state:
            case State.QUARANTINED:
                self._moves.place(entry)
            case State.PULLING:
                self._settle_pulling(entry)
            case State.SEALED | State.STORED:
                self._settle_sealed(entry)
            case State.RELEASED:
                pass  # cleared by folder

    def _settle_pulling(self, entry: Entry) -> None:
        if folders.find(self._layout, entry.id) != self._layout.sealed / entry.id:
            self._moves.place(entry)
            if all(medium.sha256 is not None for medium in entry.media):
                # Whole and checked: its recorder may never come back to have it sealed.
                self._moves.seal(entry.id)
            return
        # A seal was cut after the rename. Its names may not be durable yet: say so once more.
        settle_folder(self._layout.sealed)
        settle_folder(self._layout.incoming)
        try:
            self._moves.adopt(entry.id)
        except SpoolDamaged:
            self._moves.place(entry)

    def _settle_sealed(self, entry: Entry) -> None:
        self._moves.place(entry)
        folder = self._layout.sealed / entry.id
        manifest = manifests.of_entry(entry)
        problems = folders.missing_media(folder, manifest)
        if entry.purged:
            self._moves.drop_media(entry)
        elif problems and entry.state is State.STORED:
            logger.warning(
                "media of a stored entry are gone; they are in the cloud", extra={"entry": entry.id}
            )
            self._journal.run(changes.purge, entry.id)
        elif problems:
            self._moves.lose_media(entry, problems)
            logger.warning("media of a sealed entry are lost", extra={"entry": entry.id})
            return
        if not folder.exists():
            return
        self._settle_records(entry, folder, manifest)

    def _settle_records(self, entry: Entry, folder: Path, manifest: Manifest) -> None:
        """Write again what the index knows better; believe a receipt that it missed."""
        try:
            folders.read_manifest(folder)
        except SpoolDamaged as error:
            logger.warning(
                "a manifest was damaged; it is written again",
                extra={"entry": entry.id, "reason": str(error)},
            )
            write_file(folder / MANIFEST, manifests.encode(manifest))
        self._settle_cuts(entry, folder, manifest)
        receipt = folders.read_receipt(folder)
        if entry.state is State.SEALED and receipt is not None:
            settle_folder(folder)
            self._moves.store(entry.id, receipt)
        elif entry.state is State.STORED and entry.receipt and receipt != entry.receipt:
            write_file(folder / RECEIPT, encode_receipt(entry.receipt))

    def _settle_cuts(self, entry: Entry, folder: Path, manifest: Manifest) -> None:
        """Believe a record of parts that the index missed; write one again that it knows better.

        What was never recorded never left: it is deleted.
        """
        if entry.state is State.STORED:
            cutting.drop_all(folder, entry)
            return
        written = {cut.index: cut for cut in cutting.kept(folder, manifest)}
        known = {m.medium.index: m.cut for m in entry.media if m.cut is not None and m.cut.parts}
        for cut in written.values():
            if cut.index not in known:
                self._moves.cut(entry.id, cut)
        for index, cut in known.items():
            if written.get(index) != cut:
                cutting.keep(folder, manifest, cut)
        cutting.drop(folder, (m for m in manifest.media if m.index not in {*known, *written}))

    def _take_in(self, folder: Path) -> None:
        """Judge a folder that belongs to no row."""
        if folder.parent == self._layout.incoming:
            # An empty one is a begin that was cut; anything else waits for its recorder, whose
            # listing gives it the same name again.
            with suppress(OSError):
                folder.rmdir()
                return
            self._leave(folder, "it belongs to no entry; its recorder's next listing goes on here")
            return
        try:
            manifest = folders.read_manifest(folder)
        except SpoolTooNew as error:
            self._leave(folder, str(error))
            return
        except SpoolDamaged as error:
            self._leave(self._set_aside(folder), str(error))
            return
        if folder.parent == self._layout.quarantine:
            entry = self._journal.run(
                restore.restore_quarantined, manifest, "the reason was lost with the index"
            )
        else:
            receipt = folders.read_receipt(folder)
            lacking = folders.missing_media(folder, manifest)
            purged = receipt is not None and bool(lacking)
            entry = self._journal.run(restore.restore, manifest, receipt, purged=purged)
            self._settle(entry)
        self._restored.append(entry.id)

    def _set_aside(self, folder: Path) -> Path:
        """Keep nothing half-written under sealed/."""
        if folder.parent != self._layout.sealed:
            return folder
        target = self._layout.quarantine / folder.name
        if target.exists():
            keep_aside(target)
        move_folder(folder, target)
        return target

    def _leave(self, folder: Path, reason: str) -> None:
        logger.warning(
            "a folder of the spool is left as it is",
            extra={"folder": str(folder), "reason": reason},
        )
        self._left.append(Left(folder=folder, reason=reason))


def _strangers(place: Path, held: set[EntryId]) -> Iterator[Path]:
    """Yield the folders of one place that belong to no row, in a stable order.

    Those with an odd name were put aside by us (`<entry>.kept-1`) or a person: not ours to judge.
    """
    with storage(f"cannot list {place.name}"):
        found = sorted(path for path in place.iterdir() if path.is_dir())
    yield from (path for path in found if EntryId(path.name) not in held and "." not in path.name)
