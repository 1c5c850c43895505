"""Board: how the recordings of recorders that phones have brought stand, for whoever shows it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Any, Literal

from device.bell import Bell
from device.model import Entry, EntryId, Listing, RecorderId, Recording, State
from device.words import printable
from gateway.core.tunnel import Row
from gateway.phone import words

SHOWN = 50

_State = Literal["waiting", "pulling", "sending", "stored", "released", "problem"]
_MOVING: Mapping[_State, int] = {
    "pulling": 0,
    "sending": 1,
    "problem": 2,
    "stored": 3,
    "waiting": 4,
    "released": 5,
}
"""What is shown first."""

_OF: Mapping[State, _State] = {
    State.PULLING: "waiting",
    State.SEALED: "sending",
    State.STORED: "stored",
    State.RELEASED: "released",
    State.QUARANTINED: "problem",
}


@dataclass(slots=True)
class _Line:
    label: str
    size_bytes: int
    state: _State = "waiting"
    message: str = ""
    done: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Shelf:
    """The recordings of one recorder. `changed` rings when what is shown is another."""

    changed: Bell = field(default_factory=Bell)
    lines: dict[str, _Line] = field(default_factory=dict)

    def listed(self, listing: Listing) -> None:
        """Take what the recorder lists."""
        for recording in listing.recordings:
            self.lines.setdefault(recording.key.entry_id(), _line(recording))
        for each in listing.rejected:
            if each.failed:
                line = self.lines.setdefault(each.recording, _Line(printable(each.recording), 0))
                line.state, line.message = "problem", printable(each.reason)
        self.changed.ring()

    def moved(self, entry: Entry) -> None:
        """Take the state of an entry."""
        line = self.lines.setdefault(entry.id, _line(entry.recording))
        line.size_bytes = entry.size_bytes
        state = _OF[entry.state]
        if line.state != state:
            line.done.clear()
        if entry.state is State.PULLING:
            line.done = {at: m.pulled_bytes for at, m in enumerate(entry.media) if m.pulled_bytes}
        line.state, line.message = state, ""
        if entry.quarantine_reason and entry.state is State.QUARANTINED:
            line.message = f"It is put aside: {printable(entry.quarantine_reason)}"
        elif entry.wait is not None and entry.state is not State.RELEASED:
            line.message = printable(entry.wait.reason)
            if entry.state is not State.SEALED:  # what goes up goes on by itself
                line.state = "problem"
        self.changed.ring()

    def moving(self, entry: EntryId, index: int, done_bytes: int, *, state: _State) -> None:
        """Take progress of one medium."""
        line = self.lines.get(entry)
        if line is None:
            return
        if line.state != state:
            line.done.clear()
        line.state, line.message = state, ""
        line.done[index] = done_bytes
        self.changed.ring()

    def any(self, *states: _State) -> bool:
        """Say whether a recording is in one of these states."""
        return any(line.state in states for line in self.lines.values())

    def rows(self) -> tuple[list[Row], int]:
        """Say what to show, what moves first, and how many are left out."""
        # Not all in order, four times a second: a recorder may list tens of thousands.
        first = nsmallest(SHOWN, self.lines.items(), key=lambda item: _MOVING[item[1].state])
        rows = [
            Row(
                id=name,
                label=line.label,
                state=line.state,
                done_bytes=_done(line),
                size_bytes=line.size_bytes or None,
                message=line.message,
            )
            for name, line in first
        ]
        return rows, len(self.lines) - len(rows)

    def advice(self) -> str:
        """Say what the person who holds the phone is to do now."""
        if self.any("waiting", "pulling"):
            return words.STAY
        if self.any("sending"):
            return words.STORING
        if self.any("stored"):
            return words.TELLING
        if self.any("problem"):
            return words.HELP
        return words.DONE if self.lines else words.NOTHING


class Board:
    """See `Progress`. Keeps the shelves of recorders that somebody watches, and no others."""

    def __init__(self) -> None:
        self._shelves: dict[RecorderId, Shelf] = {}
        self._watching: dict[RecorderId, int] = {}
        self._of: dict[EntryId, RecorderId] = {}

    def watch(self, recorder: RecorderId, entries: Iterable[Entry]) -> Shelf:
        """Begin to keep a recorder's recordings; `entries` are those that are not released."""
        self._watching[recorder] = self._watching.get(recorder, 0) + 1
        shelf = self._shelves.setdefault(recorder, Shelf())
        for entry in entries:
            self._of[entry.id] = recorder
            shelf.moved(entry)
        return shelf

    def listed(self, recorder: RecorderId, listing: Listing, known: Iterable[Entry]) -> None:
        """Take what a recorder lists, and what the spool knows of that."""
        shelf = self._shelves.get(recorder)
        if shelf is not None:
            self._of.update((each.key.entry_id(), recorder) for each in listing.recordings)
            shelf.listed(listing)
            for entry in known:
                shelf.moved(entry)

    def leave(self, recorder: RecorderId) -> None:
        """Forget what nobody watches any more."""
        self._watching[recorder] -= 1
        if self._watching[recorder]:
            return
        del self._watching[recorder]
        del self._shelves[recorder]
        self._of = {entry: of for entry, of in self._of.items() if of != recorder}

    def pulling(self, entry: EntryId, index: int, done_bytes: int, total_bytes: int) -> None:
        """See `Progress.pulling`."""
        del total_bytes
        if shelf := self._shelf(entry):
            shelf.moving(entry, index, done_bytes, state="pulling")

    def uploading(self, entry: EntryId, index: int, done_bytes: int, total_bytes: int) -> None:
        """See `Progress.uploading`."""
        del total_bytes
        if shelf := self._shelf(entry):
            shelf.moving(entry, index, done_bytes, state="sending")

    def moved(self, entry: Entry) -> None:
        """See `Progress.moved`."""
        if shelf := self._shelves.get(entry.recording.key.recorder):
            self._of[entry.id] = entry.recording.key.recorder
            shelf.moved(entry)

    def note(self, sentence: str) -> None:
        """See `Progress.note`: what a phone shows is said by its visit."""

    def _shelf(self, entry: EntryId) -> Shelf | None:
        recorder = self._of.get(entry)
        return self._shelves.get(recorder) if recorder is not None else None


def _line(recording: Recording) -> _Line:
    began = recording.started_at
    label = f"{began:%Y-%m-%d %H:%M} UTC" if began is not None else ""
    sizes = sum(medium.size_bytes for medium in recording.media)
    return _Line(label or printable(recording.key.recording[:12]), sizes)


def _done(line: _Line) -> int | None:
    match line.state:
        case "pulling" | "sending" | "waiting" | "problem":
            return sum(line.done.values())
        case _:
            return line.size_bytes or None


def document(rows: list[Row]) -> list[dict[str, Any]]:
    """Write rows for the database."""
    return [
        {
            "id": row.id,
            "label": row.label,
            "state": row.state,
            "done_bytes": row.done_bytes,
            "size_bytes": row.size_bytes,
            "message": row.message,
        }
        for row in rows
    ]
