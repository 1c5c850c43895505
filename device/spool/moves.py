"""Every step that touches both an entry's folder and its row, in the order a power cut forgives."""

import logging
import threading
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path

from device.clock import Clock
from device.core import manifest as manifests
from device.errors import IllegalMove, SpoolDamaged
from device.model import Cut, Entry, EntryId, Receipt, State
from device.spool import changes, cutting, folders, rows
from device.spool.durable import (
    keep_aside,
    make_folder,
    move_folder,
    remove_folder,
    storage,
    write_file,
)
from device.spool.journal import Journal
from device.spool.layout import MANIFEST, RECEIPT, Layout
from device.spool.tombstones import Tombstone, TombstoneLog, encode_receipt

logger = logging.getLogger(__name__)


class Moves:
    """Moves entries through their life.

    - seal: manifest, folder, row. A sealed folder is always whole; the row follows it.
    - store: receipt file, row. A row that says *stored* always has its receipt.
    - release: tombstone, row, then media. Nothing is deleted before the row says so.
    - quarantine, requeue: row, then folder. The folder follows the row.
    - purge: row, then media.
    - cut: parts, their record, row. Parts and record go after the row says *stored*.

    Thread-safe: one move at a time.
    """

    def __init__(self, layout: Layout, journal: Journal, clock: Clock) -> None:
        self._layout = layout
        self._journal = journal
        self._clock = clock
        self._lock = threading.RLock()
        self._tombstones = TombstoneLog(layout.tombstones)

    def at_rest(self) -> AbstractContextManager[bool]:
        """Wait for the move under way, and hold off all others for the length of a block."""
        return self._lock

    def seal(self, entry: EntryId) -> Entry:
        """PULLING → SEALED; see `Spool.seal`."""
        with self._lock, storage(f"cannot seal {entry}"):
            held = self._journal.run(rows.entry, entry)
            if held.state in {State.SEALED, State.STORED, State.RELEASED}:
                return held
            self._journal.run(changes.require, entry, State.PULLING)
            if any(medium.sha256 is None for medium in held.media):
                raise IllegalMove(f"entry {entry} has media that are not finished")
            source, target = self._layout.incoming / entry, self._layout.sealed / entry
            if not (target / MANIFEST).exists() or source.exists():
                manifest = manifests.of_entry(replace(held, sealed_at=self._clock.now()))
                make_folder(source)
                if problems := folders.missing_media(source, manifest):
                    self._forget(entry, tuple(problems))
                    raise SpoolDamaged(f"cannot seal {entry}: {'; '.join(problems.values())}")
                write_file(source / MANIFEST, manifests.encode(manifest))
                self._clear(target)
                move_folder(source, target)
            return self._adopt(entry, target)

    def store(self, entry: EntryId, receipt: Receipt) -> Entry:
        """SEALED → STORED; see `Spool.store`."""
        with self._lock, storage(f"cannot keep the receipt of {entry}"):
            held = self._journal.run(rows.entry, entry)
            if held.state is State.STORED:
                return held
            self._journal.run(changes.require, entry, State.SEALED)
            write_file(self._layout.sealed / entry / RECEIPT, encode_receipt(receipt))
            stored = self._journal.run(changes.store, entry, receipt, self._clock.now())
            cutting.drop_all(self._layout.sealed / entry, stored)
            return stored

    def release(self, entry: EntryId) -> Entry:
        """STORED → RELEASED; see `Spool.release`."""
        with self._lock, storage(f"cannot release {entry}"):
            held = self._journal.run(rows.entry, entry)
            folder = self._layout.sealed / entry
            if held.state is not State.RELEASED:
                self._journal.run(changes.require, entry, State.STORED)
                now = self._clock.now()
                if held.receipt is None or held.stored_at is None:
                    raise IllegalMove(f"entry {entry} has no receipt")
                self._tombstones.append(
                    Tombstone(
                        manifest=manifests.of_entry(held),
                        receipt=held.receipt,
                        begun_at=held.begun_at,
                        stored_at=held.stored_at,
                        released_at=now,
                    )
                )
                held = self._journal.run(changes.release, entry, now)
        # The row is the truth from here on: what cannot be deleted now goes at the next start.
        try:
            remove_folder(folder)
        except OSError:
            logger.warning("cannot delete the media of a released entry", extra={"entry": entry})
        return held

    def quarantine(self, entry: EntryId, reason: str, came_from: State | None = None) -> Entry:
        """PULLING or SEALED → QUARANTINED; see `Spool.quarantine`."""
        with self._lock, storage(f"cannot quarantine {entry}"):
            held = self._journal.run(rows.entry, entry)
            if held.state is not State.QUARANTINED:
                held = self._journal.run(changes.quarantine, entry, reason, came_from)
            self.place(held)
            return held

    def requeue(self, entry: EntryId) -> Entry:
        """QUARANTINED → where it came from; see `Spool.requeue`."""
        with self._lock, storage(f"cannot requeue {entry}"):
            held = self._journal.run(changes.requeue, entry)
            self.place(held)
            if held.state is State.PULLING:
                self._forget_lost(held)
            if held.state is State.SEALED:
                # Made again alike by the next attempt: bytes of theirs may have been in doubt.
                cutting.drop(self._layout.sealed / entry, manifests.of_entry(held).media)
            return self._journal.run(rows.entry, entry)

    def cut(self, entry: EntryId, cut: Cut) -> Entry:
        """Let parts that are on the disk go up in the place of a medium; see `Spool.cut`."""
        with self._lock, storage(f"cannot keep how {entry} is cut"):
            held = self._journal.run(rows.entry, entry)
            self._journal.run(changes.require, entry, State.SEALED)
            if cut.parts:
                cutting.keep(self._layout.sealed / entry, manifests.of_entry(held), cut)
            return self._journal.run(changes.save_cut, entry, cut)

    def purge(self, entry: Entry) -> bool:
        """Delete the media of a stored entry, if its receipt is on the disk; say if it was done."""
        with self._lock, storage(f"cannot purge {entry.id}"):
            folder = self._layout.sealed / entry.id
            if entry.receipt is None or folders.read_receipt(folder) != entry.receipt:
                return False
            self._journal.run(changes.purge, entry.id)
            self.drop_media(entry)
            return True

    def drop_media(self, entry: Entry) -> None:
        """Delete the media files of an entry whose row says that they are purged."""
        for medium in entry.media:
            (self._layout.sealed / entry.id / medium.file).unlink(missing_ok=True)

    def place(self, entry: Entry) -> None:
        """Bring an entry's folder to where its row says it lies."""
        wanted = self._layout.folder(entry.state, entry.id)
        found = folders.find(self._layout, entry.id)
        if found is None or found == wanted:
            return
        self._clear(wanted)
        move_folder(found, wanted)

    def adopt(self, entry: EntryId) -> Entry:
        """Let the row follow a folder that is already sealed and whole.

        Raises:
            SpoolDamaged: It is not.
        """
        with self._lock:
            folder = self._layout.sealed / entry
            if problems := folders.missing_media(folder, folders.read_manifest(folder)):
                raise SpoolDamaged("; ".join(problems.values()))
            return self._adopt(entry, folder)

    def lose_media(self, entry: Entry, problems: dict[int, str]) -> Entry:
        """Quarantine a sealed entry whose media are lost; a requeue pulls those again."""
        with self._lock:
            self._forget(entry.id, tuple(problems))
            return self.quarantine(
                entry.id, f"damaged on our disk: {'; '.join(problems.values())}", State.PULLING
            )

    def _adopt(self, entry: EntryId, folder: Path) -> Entry:
        manifest = folders.read_manifest(folder)
        return self._journal.run(changes.seal, entry, manifest.sealed_at, manifest.media)

    def _forget(self, entry: EntryId, indexes: tuple[int, ...]) -> None:
        for index in indexes:
            self._journal.run(changes.forget_medium, entry, index)

    def _forget_lost(self, entry: Entry) -> None:
        """Start media over whose files did not survive their time in quarantine."""
        folder = self._layout.incoming / entry.id
        for medium in entry.media:
            if medium.sha256 is None:
                continue
            size_bytes = -1
            with suppress(FileNotFoundError):
                size_bytes = (folder / medium.file).stat().st_size
            if size_bytes != medium.pulled_bytes:
                self._journal.run(changes.forget_medium, entry.id, medium.medium.index)

    def _clear(self, target: Path) -> None:
        """Make way for a folder: what lies there already belongs to no row, and is kept."""
        if target.exists():
            aside = keep_aside(target)
            logger.warning(
                "something lay where an entry belongs; it is kept", extra={"kept": str(aside)}
            )
