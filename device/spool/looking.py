"""Looking into an open spool: its entries, and where their media lie."""

from collections.abc import Sequence
from pathlib import Path

from device.core import manifest as manifests
from device.errors import EntryUnknown, IllegalMove
from device.model import Entry, EntryId, Manifest, MediumState, RecordingKey, State
from device.spool.holding import Holding, medium_of


class Looking(Holding):
    """See `Spool`: what only reads."""

    @property
    def root(self) -> Path:
        """The spool's folder."""
        return self._layout.root

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
        return self.path_of(self.entry(entry), index)

    def path_of(self, held: Entry, index: int) -> Path:
        """Say the same of an entry that was looked up; does no file work.

        Raises:
            IllegalMove: See `media_path`.
        """
        if held.state not in {State.SEALED, State.STORED} or held.purged:
            raise IllegalMove(f"entry {held.id} is {held.state}; its media are not in the spool")
        return self._layout.sealed / held.id / _sent(held, index).file

    def manifest(self, entry: EntryId) -> Manifest:
        """Say what a cloud is told of an entry that is, or was, sealed: its media, or their parts.

        Raises:
            SpoolDamaged: It was never sealed.
        """
        return manifests.outgoing(self.entry(entry))


def _sent(entry: Entry, index: int) -> MediumState:
    if index < len(entry.media):
        # Nearly always it is where its index says: a thousand pictures are not looked through.
        own = entry.media[index]
        if own.medium.index == index and not own.parts:
            return own
    for each in entry.outgoing:
        if each.medium.index == index:
            return each
    return medium_of(entry, index)
