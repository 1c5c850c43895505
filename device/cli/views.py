"""Spool entries as tables show them; no secret leaves through here."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from device.cli.tables import spilling
from device.model import Entry, State
from device.words import relative, size

SHORT_ID = 12
"""Characters of an id in tables; commands take any unique beginning."""


def entry_table(entries: Iterable[Entry], now: datetime, width: int | None) -> str:
    """List entries: one row each; why one does not move goes below it where it is too long."""
    rows = [
        (
            entry.id[:SHORT_ID],
            entry.state,
            str(len(entry.media)),
            size(entry.size_bytes),
            relative(entry.begun_at, now),
            entry.recording.key.recorder,
            why(entry, now) or "",
        )
        for entry in entries
    ]
    heads = ("ENTRY", "STATE", "MEDIA", "SIZE", "BEGUN", "RECORDER", "WHY")
    return "\n".join(spilling(heads, rows, right={"MEDIA", "SIZE"}, width=width))


def why(entry: Entry, now: datetime) -> str | None:
    """Say why an entry does not move, and when it is tried next."""
    if entry.state is State.QUARANTINED:
        return entry.quarantine_reason or "quarantined"
    if entry.wait is None:
        return None
    if entry.wait.until is None:
        return entry.wait.reason
    return f"{entry.wait.reason}; next try {relative(entry.wait.until, now)}"


def matching(entries: Sequence[Entry], prefix: str) -> list[Entry]:
    """Find entries by the beginning of their id."""
    return [entry for entry in entries if entry.id.startswith(prefix.lower())]
