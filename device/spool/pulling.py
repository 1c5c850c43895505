"""Bringing a recording into the spool: room, rows and open files, until it is sealed."""

from collections.abc import Sequence
from pathlib import Path

from device.model import Entry, EntryId, Recording, State
from device.spool import changes, rows
from device.spool.durable import storage
from device.spool.holding import medium_of
from device.spool.ingest import copy_in
from device.spool.looking import Looking
from device.spool.open_media import finished
from device.spool.partial import Partial
from device.spool.room import make_room

NO_LIMIT_BYTES = 1 << 63
"""Where a recorder tells no exact size, only the disk and the driver bound a medium."""


class Pulling(Looking):
    """See `Spool`: what a pull does."""

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
            medium = medium_of(held, index)
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
        whole = finished(medium_of(self.entry(entry), index), partial)
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

    def count_reread(self, entry: EntryId, reread_bytes: int) -> None:
        """Add to the bytes that were read from the recorder more than once."""
        self._journal.run(changes.count_reread, entry, reread_bytes)

    def _restart_media(self, before: Entry, after: Entry) -> None:
        """Delete the files of media that start over, after the row said so."""
        self._open_media.close_entry(before.id)
        kept = {medium.file for medium in after.media if medium.pulled_bytes}
        folder = self._layout.incoming / before.id
        with storage("cannot restart a changed recording"):
            for medium in before.media:
                if medium.file not in kept:
                    (folder / medium.file).unlink(missing_ok=True)
