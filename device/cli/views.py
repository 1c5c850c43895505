"""Spool entries as the JSON documents and tables show them; no secret leaves through here."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from device.cli.tables import table
from device.cli.words import relative, size
from device.model import Entry, MediumState, State

SHORT_ID = 12
"""Characters of an id in tables; commands take any unique beginning."""


def entry_object(entry: Entry) -> dict[str, Any]:
    """Describe an entry for programs."""
    recording = entry.recording
    return {
        "id": entry.id,
        "state": entry.state,
        "recorder": recording.key.recorder,
        "recording": recording.key.recording,
        "generation": recording.key.generation,
        "started_at": recording.started_at,
        "ended_at": recording.ended_at,
        "metadata": recording.metadata,
        "size_bytes": entry.size_bytes,
        "begun_at": entry.begun_at,
        "sealed_at": entry.sealed_at,
        "stored_at": entry.stored_at,
        "released_at": entry.released_at,
        "wait": entry.wait,
        "quarantine_reason": entry.quarantine_reason,
        "receipt": entry.receipt,
        "attempts": entry.attempts,
        "reread_bytes": entry.reread_bytes,
        "resent_bytes": entry.resent_bytes,
        "purged": entry.purged,
        "media": [_medium_object(entry, each) for each in entry.media],
    }


def is_uploaded(entry: Entry, each: MediumState) -> bool:
    """Say whether the cloud has a medium: a tombstone keeps the receipt alone."""
    if each.parts:
        return all(part.evidence is not None for part in each.parts)
    return entry.receipt is not None or each.evidence is not None


def ways(entry: Entry) -> list[str]:
    """Say of each medium that a link could not carry how it is sent, and why."""
    return [each.cut.reason for each in entry.media if each.cut is not None]


def _medium_object(entry: Entry, each: MediumState) -> dict[str, Any]:
    return {
        "name": each.medium.name,
        "type": each.medium.kind,
        "content_type": each.medium.content_type,
        "size_bytes": each.medium.size_bytes,
        "pulled_bytes": each.pulled_bytes,
        "sha256": each.sha256,
        "captured_at": each.medium.captured_at,
        "uploaded": is_uploaded(entry, each),
        "way": each.cut and each.cut.reason,
        "parts": [
            {
                "name": part.medium.name,
                "size_bytes": part.medium.size_bytes,
                "sha256": part.sha256,
                "captured_at": part.medium.captured_at,
                "offset_ms": part.medium.t_offset_ms,
                "uploaded": is_uploaded(entry, part),
            }
            for part in each.parts
        ],
    }


def entry_table(entries: Iterable[Entry], now: datetime, width: int | None) -> str:
    """List entries: one row each."""
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
    return table(heads, rows, right={"MEDIA", "SIZE"}, width=width)


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
