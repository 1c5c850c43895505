"""The spool: recordings on our own disk, from the first byte pulled to the tombstone."""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Self
from zlib import crc32

from device.clock import Clock
from device.config import SpoolConfig
from device.core import manifest as manifests
from device.errors import (
    EntryUnknown,
    IllegalMove,
    SpoolDamaged,
    Uncuttable,
)
from device.model import (
    Cut,
    Entry,
    EntryId,
    Evidence,
    LastSeen,
    Manifest,
    MediumState,
    Receipt,
    Recording,
    RecordingKey,
    State,
    Unreached,
    UploadSession,
    Wait,
)
from device.spool import changes, checks, cutting, last_seen, rows
from device.spool.checks import Checked
from device.spool.durable import storage
from device.spool.ingest import copy_in
from device.spool.open_media import OpenMedia, finished
from device.spool.opening import Opened, open_spool
from device.spool.partial import Partial
from device.spool.reader import SpoolReader
from device.spool.room import make_room

logger = logging.getLogger(__name__)

TURNS = 16
"""Entries share so many turns: work on one entry waits for its own, and seldom for another's."""

NO_LIMIT_BYTES = 1 << 63
"""Where a recorder tells no exact size, only the disk and the driver bound a medium."""

MAX_COOLDOWN = timedelta(hours=24)


class Spool:
    """One spool, held by its lock from `open` to `close`.

    Every method blocks on the disk and is called through `asyncio.to_thread`; every method may be
    called from any thread at any time. Changes to the index are durable when a method returns.
    Errors are `SpoolError`: `SpoolFull` and `SpoolStorageFailed` may come from any method that
    writes, `EntryUnknown` from any that takes an entry.
    """

    def __init__(self, config: SpoolConfig, clock: Clock, opened: Opened) -> None:
        """Use `Spool.open`."""
        self._config = config
        self._clock = clock
        self._layout = opened.layout
        self._lock = opened.lock
        self._journal = opened.journal
        self._moves = opened.moves
        self._reader = SpoolReader(opened.layout.root)
        self._open_media = OpenMedia()
        self._turns = tuple(threading.RLock() for _ in range(TURNS))
        self.left = opened.recovered.left

    @classmethod
    def open(cls, config: SpoolConfig, clock: Clock) -> Self:
        """Take the lock, bring the index up to date, and recover from however the last run ended.

        Folders are created as needed (0700). A damaged index is kept aside and rebuilt. `left`
        then tells which folders belong to nothing.

        Raises:
            SpoolLocked: Another process holds it.
            SpoolTooNew: A newer Fieldpost wrote it; nothing is touched.
            SpoolFull: No space even for the index.
            SpoolStorageFailed: The disk cannot be used.
        """
        return cls(config, clock, open_spool(config, clock))

    @property
    def root(self) -> Path:
        """The spool's folder."""
        return self._layout.root

    def close(self) -> None:
        """Make open partials durable, drain the journal, give the lock up. Idempotent.

        A cancelled task leaves its thread behind: a move that one is in the middle of ends first,
        and none begins afterwards, so that whoever opens the spool next is alone with it.
        """
        self._open_media.close_all()
        self._reader.close()
        with self._moves.at_rest():
            self._journal.close()
            self._lock.release()

    def entries(self, *states: State) -> list[Entry]:
        """List entries, oldest first; no state means all."""
        return self._reader.entries(*states)

    def ids(self, *states: State) -> list[EntryId]:
        """List the ids of entries, oldest first; no state means all.

        What was released stays listed for ever: loading it all would grow with the years.
        """
        return self._reader.ids(*states)

    def unreleased(self, entries: Sequence[EntryId]) -> int:
        """Count which of these are not released; what the spool does not know is not."""
        return len(entries) - self._reader.count(State.RELEASED, entries)

    def entry(self, entry: EntryId) -> Entry:
        """Look up one entry.

        Raises:
            EntryUnknown: There is none.
        """
        return self._reader.entry(entry)

    def known(self, key: RecordingKey) -> Entry | None:
        """Look up the entry of a recording; released ones are remembered for ever."""
        try:
            return self._reader.entry(key.entry_id())
        except EntryUnknown:
            return None

    def media_path(self, entry: EntryId, index: int) -> Path:
        """Say where lies what is sent of a sealed entry under an index: a medium, or a part.

        The path is good until the entry is purged or released.

        Raises:
            IllegalMove: The entry is not sealed or stored, its media are purged, or it has no such.
        """
        held = self.entry(entry)
        if held.state not in {State.SEALED, State.STORED} or held.purged:
            raise IllegalMove(f"entry {entry} is {held.state}; its media are not in the spool")
        return self._layout.sealed / entry / _sent(held, index).file

    def manifest(self, entry: EntryId) -> Manifest:
        """Say what a cloud is told of an entry that is, or was, sealed: its media, or their parts.

        Raises:
            SpoolDamaged: It was never sealed.
        """
        return manifests.outgoing(self.entry(entry))

    def room_for(self, more_bytes: int) -> None:
        """Make sure that a pull of so many bytes fits, by bytes and by inodes.

        Media of stored entries go first, oldest first, if their receipt is on the disk. Unsent ones
        never do.

        Raises:
            SpoolFull: It does not fit.
        """
        make_room(
            self._config,
            more_bytes,
            held_bytes=lambda: self._journal.run(rows.held_bytes),
            evictable=lambda: [e for e in self.entries(State.STORED) if not e.purged],
            purge=self._moves.purge,
        )

    def begin(self, recording: Recording) -> Entry:
        """Add an entry for a recording. Idempotent by its key.

        If it is being pulled and its announcement changed, the media that changed start over at 0,
        and so do those that no digest binds to their old content.
        """
        with self._turn_of(recording.key.entry_id()):
            before = self.known(recording.key)
            entry = self._journal.run(changes.begin, recording, self._clock.now())
            if before is not None and before.recording.media != entry.recording.media:
                self._restart_media(before, entry)
        return entry

    def partial(self, entry: EntryId, index: int) -> Partial:
        """Open the file of a medium to append to, at its kept length, its prefix hashed anew.

        An earlier one of the same medium is closed: two writers would interleave.

        Raises:
            IllegalMove: The entry is not being pulled, or has no such medium.
        """
        # Not under the lock of all: hashing gigabytes anew takes minutes on a small board.
        with self._turn_of(entry):
            self._open_media.close(entry, index)
            held = self.entry(entry)
            self._journal.run(changes.require, entry, State.PULLING)
            medium = _medium(held, index)
            partial = Partial(
                self._layout.incoming / entry / medium.file,
                limit_bytes=(
                    medium.medium.size_bytes if medium.medium.size_exact else NO_LIMIT_BYTES
                ),
                recorded_bytes=medium.pulled_bytes,
                record=lambda size: self._journal.run(changes.note_pulled, entry, index, size),
                clock=self._clock,
            )
            self._open_media.add(entry, index, partial)
            return partial

    def finish_medium(self, entry: EntryId, index: int, partial: Partial) -> None:
        """Check a medium against its announcement, make it durable, and close its file.

        What was announced without an exact size has it from now on.

        Raises:
            DigestMismatch: Size or digest is not what was announced; the file stays open.
        """
        whole = finished(_medium(self.entry(entry), index), partial)
        partial.flush()
        self._journal.run(changes.finish_medium, entry, whole)
        self._open_media.finish(entry, index, partial)

    def seal(self, entry: EntryId) -> Entry:
        """Seal an entry whose media are all finished. Idempotent.

        Raises:
            IllegalMove: A medium is not finished, or the entry is in quarantine.
            SpoolDamaged: The disk lost a finished medium; it is to be pulled again.
        """
        self._open_media.close_entry(entry)
        return self._moves.seal(entry)

    def ingest(self, recording: Recording, files: Sequence[Path]) -> Entry:
        """Copy local files in, one per medium in order, and seal. Idempotent by the key.

        Raises:
            UsageInvalid: A file cannot be read.
            DigestMismatch: A file is not what the recording announces.
            SpoolFull: They do not fit.
        """
        return copy_in(self, recording, files)

    def quarantine(self, entry: EntryId, reason: str) -> Entry:
        """Put an unsent entry out of the way of the others, bytes and all. Idempotent.

        Raises:
            IllegalMove: It is stored or released already.
        """
        self._open_media.close_entry(entry)
        return self._moves.quarantine(entry, reason)

    def quarantine_damaged(self, entry: EntryId, reason: str) -> Entry:
        """Quarantine a sealed entry whose bytes are in doubt; a requeue pulls what is bad anew.

        Raises:
            IllegalMove: It is stored or released already.
        """
        held = self.entry(entry)
        damaged = checks.damaged_media(self._layout, held) if held.state is State.SEALED else {}
        if damaged:
            return self._moves.lose_media(held, damaged)
        return self.quarantine(entry, reason)

    def requeue(self, entry: EntryId) -> Entry:
        """Put an entry back to where it came from; its attempts and its wait are cleared.

        Of one that was set aside while it went up, what was sent is forgotten: all is sent anew,
        but for media that an API has acknowledged each by itself.

        Raises:
            IllegalMove: It is released.
        """
        return self._moves.requeue(entry)

    def cut(
        self,
        entry: EntryId,
        index: int,
        *,
        reason: str,
        part_bytes: int | None = None,
        part_s: float | None = None,
    ) -> Entry:
        """Cut a sealed medium into parts that go up in its place, or keep why it goes up whole.

        Where no cut would surely be right, the reason is kept and the entry goes up as it is.
        Nothing of the medium may be in the cloud yet. What is cut stays so.

        Raises:
            SpoolFull: The parts do not fit beside the medium.
            SpoolDamaged: The medium is not what was sealed.
            IllegalMove: The entry is not sealed, or has no such medium that is unsent.
        """
        with self._turn_of(entry), storage(f"cannot cut {entry} into parts"):
            held = self.entry(entry)
            whole = _medium(held, index)
            self._journal.run(changes.require, entry, State.SEALED)
            if whole.parts:
                return held
            cut = Cut(
                index=index,
                sha256=whole.sha256 or "",
                reason=reason,
                part_bytes=part_bytes,
                part_s=part_s,
            )
            self.room_for(whole.pulled_bytes + whole.pulled_bytes // 8)
            try:
                cut = cutting.make(self._layout.sealed / entry, manifests.of_entry(held), cut)
            except Uncuttable as why:
                said = f"{whole.medium.kind} is sent whole: {why}; {reason}"
            else:
                said = f"{whole.medium.kind} is sent in {len(cut.parts)} parts: {reason}"
            return self._moves.cut(entry, replace(cut, reason=said))

    def make_parts(self, entry: EntryId) -> None:
        """Make parts of a sealed entry again whose files are missing.

        Raises:
            SpoolDamaged: They are not what they were, so the medium is not either.
        """
        with self._turn_of(entry), storage(f"cannot cut {entry} into parts"):
            held = self.entry(entry)
            folder = self._layout.sealed / entry
            for cut in cutting.lacking(folder, held):
                self.room_for(sum(part.size_bytes for part in cut.parts))
                try:
                    again = cutting.make(folder, manifests.of_entry(held), cut)
                except Uncuttable as why:
                    raise SpoolDamaged(f"medium {cut.index} cannot be cut again: {why}") from why
                if again != cut:
                    raise SpoolDamaged(f"the parts of medium {cut.index} are not what they were")

    def save_cloud_ref(self, entry: EntryId, ref: Mapping[str, str]) -> None:
        """Keep the cloud's own names for a recording."""
        self._journal.run(changes.save_cloud_ref, entry, dict(ref))

    def save_session(self, entry: EntryId, index: int, session: UploadSession | None) -> None:
        """Keep, replace or drop what a medium needs to go on after a restart."""
        self._journal.run(changes.save_session, entry, index, session)

    def save_evidence(self, entry: EntryId, index: int, evidence: Evidence | None) -> None:
        """Keep or drop what the object store said when the last byte was in."""
        self._journal.run(changes.save_evidence, entry, index, evidence)

    def save_wait(self, entry: EntryId, wait: Wait | None, *, attempts: int) -> None:
        """Keep why an entry waits, and how often it failed in a row."""
        self._journal.run(changes.save_wait, entry, wait, attempts)

    def count_sent(self, entry: EntryId, sent_bytes: int, resent_bytes: int) -> None:
        """Add to the ledger of today (UTC), and the part that went twice to the entry."""
        day = self._clock.now().date()
        self._journal.run(changes.count_sent, entry, day, sent_bytes, resent_bytes)

    def count_reread(self, entry: EntryId, reread_bytes: int) -> None:
        """Add to the bytes that were read from the recorder more than once."""
        self._journal.run(changes.count_reread, entry, reread_bytes)

    def sent_bytes(self, day: date) -> int:
        """Look up how many bytes left on one UTC day, retransmissions included."""
        return self._reader.sent_bytes(day)

    def save_cooldown(self, origin: str, until: datetime | None, reason: str) -> None:
        """Keep until when an origin is left alone; None ends it."""
        self._journal.run(changes.save_cooldown, origin, until, reason)

    def cooldown(self, origin: str) -> Wait | None:
        """Look up whether an origin is left alone now.

        Never for more than 24 hours from now, and that is saved: a clock that stepped back must not
        park uploads, nor move the end on with every look.
        """
        wait = self._reader.cooldowns().get(origin)
        if wait is None or wait.until is None:
            return None
        now = self._clock.now()
        if wait.until <= now:
            return None
        if wait.until > now + MAX_COOLDOWN:
            wait = Wait(code=wait.code, reason=wait.reason, until=now + MAX_COOLDOWN)
            self.save_cooldown(origin, wait.until, wait.reason)
        return wait

    def save_last_seen(self, seen: LastSeen) -> None:
        """Keep the last that was heard of a recorder, in place of what was kept before."""
        self._journal.run(last_seen.save, seen)

    def save_unreached(self, unreached: Unreached) -> None:
        """Keep why visits to a URL fail, in place of what was kept before."""
        self._journal.run(last_seen.save_unreached, unreached)

    def save_reached(self, url: str) -> None:
        """Keep that visits to a URL do not fail any more."""
        self._journal.run(last_seen.save_reached, url)

    def unreached(self, url: str) -> Unreached | None:
        """Look up why visits to a URL fail; None: they do not, or it was not visited."""
        return next((each for each in self._reader.unreached() if each.url == url), None)

    def store(self, entry: EntryId, receipt: Receipt) -> Entry:
        """SEALED → STORED; the receipt is on the disk, twice, when this returns. Idempotent.

        Raises:
            IllegalMove: The entry is not sealed.
        """
        return self._moves.store(entry, receipt)

    def release(self, entry: EntryId) -> Entry:
        """STORED → RELEASED, after the driver read it back as gone. Idempotent.

        Tombstone and row come first, the media go last.

        Raises:
            IllegalMove: There is no receipt.
        """
        return self._moves.release(entry)

    def verify(self) -> Iterator[Checked]:
        """Re-hash every sealed medium from the disk, oldest entry first; the agent may go on."""
        for held in self.entries(State.SEALED, State.STORED):
            checked = list(checks.check(self._layout, held))
            with suppress(EntryUnknown):
                now = self.entry(held.id)
                # Released or purged meanwhile: what is missing is meant to be.
                if (now.state, now.purged) == (held.state, held.purged):
                    yield from checked

    def _turn_of(self, entry: EntryId) -> AbstractContextManager[bool]:
        return self._turns[crc32(entry.encode()) % TURNS]

    def _restart_media(self, before: Entry, after: Entry) -> None:
        """Delete the files of media that start over, after the row said so."""
        self._open_media.close_entry(before.id)
        kept = {medium.file for medium in after.media if medium.pulled_bytes}
        folder = self._layout.incoming / before.id
        with storage("cannot restart a changed recording"):
            for medium in before.media:
                if medium.file not in kept:
                    (folder / medium.file).unlink(missing_ok=True)


def _sent(entry: Entry, index: int) -> MediumState:
    for each in entry.outgoing:
        if each.medium.index == index:
            return each
    return _medium(entry, index)


def _medium(entry: Entry, index: int) -> MediumState:
    for medium in entry.media:
        if medium.medium.index == index:
            return medium
    raise IllegalMove(f"entry {entry.id} has no medium {index}")
