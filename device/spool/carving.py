"""Parts in the place of a sealed medium that the link cannot carry whole."""

from dataclasses import replace

from device.core import manifest as manifests
from device.core.medium_name import called
from device.errors import SpoolDamaged, Uncuttable
from device.model import Cut, Entry, EntryId, State
from device.spool import changes, cutting
from device.spool.durable import storage
from device.spool.holding import medium_of
from device.spool.pulling import Pulling


class Carving(Pulling):
    """See `Spool`: how media become parts."""

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
            whole = medium_of(held, index)
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
                named = called(medium_of(held, cut.index).medium)
                self.room_for(sum(part.size_bytes for part in cut.parts))
                try:
                    again = cutting.make(folder, manifests.of_entry(held), cut)
                except Uncuttable as why:
                    raise SpoolDamaged(f"{named} cannot be cut again: {why}") from why
                if again != cut:
                    raise SpoolDamaged(f"the parts of {named} are not what they were")
