"""What is quarantined, as people and programs see it: why, since when, and what to do."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from device.cli.tables import spilling
from device.cli.views import SHORT_ID
from device.documents.entries import entry_object
from device.errors import FieldpostError
from device.model import Attempt, Entry
from device.words import relative, size


def as_object(entry: Entry, attempts: Sequence[Attempt]) -> dict[str, Any]:
    """Describe one for programs."""
    return {
        **entry_object(entry),
        "todo": list(todo(entry, attempts)),
        "failed_attempts": list(attempts),
    }


def todo(entry: Entry, attempts: Sequence[Attempt]) -> Iterator[str]:
    """Say what to do about one: what its last failure asks for, then how it goes on."""
    if attempts and (hint := _hints().get(attempts[-1].code)):
        yield hint
    yield f"once the cause is gone: fieldpost spool requeue {entry.id[:SHORT_ID]}"
    yield f"to take it elsewhere: fieldpost spool export {entry.id[:SHORT_ID]} -o FOLDER"


def listing(
    found: Sequence[tuple[Entry, Sequence[Attempt]]], now: datetime, width: int | None
) -> Iterator[str]:
    """List them: one row each, the reason below it where it is too long."""
    rows = [
        (
            entry.id[:SHORT_ID],
            relative(entry.begun_at, now),
            size(entry.size_bytes),
            entry.recording.key.recorder,
            entry.quarantine_reason or "no reason was kept",
        )
        for entry, _ in found
    ]
    hints = [
        [hint] if attempts and (hint := _hints().get(attempts[-1].code)) else []
        for _, attempts in found
    ]
    heads = ("ENTRY", "BEGUN", "SIZE", "RECORDER", "WHY")
    yield from spilling(heads, rows, hints, right={"SIZE"}, width=width)


def _hints() -> dict[str, str]:
    """Collect what each kind of error says that helps, by its code."""
    found = {}
    kinds = [FieldpostError]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if kind.hint:
            found[kind.code] = kind.hint
    return found
