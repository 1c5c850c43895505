"""Recordings for programs: all that this box knows, and what a recorder itself holds."""

from collections.abc import Mapping, Sequence
from typing import Any

from device.documents.entries import entry_object
from device.documents.timeline import duration_ms, timeline_object
from device.model import Attempt, Entry, EntryId, Listing, Recording


def row_object(entry: Entry) -> dict[str, Any]:
    """Describe one recording in a line."""
    recording = entry.recording
    return {
        "id": entry.id,
        "recorder": recording.key.recorder,
        "recording": recording.key.recording,
        "generation": recording.key.generation,
        "state": entry.state,
        "started_at": recording.started_at,
        "ended_at": recording.ended_at,
        "times_trusted": recording.times_trusted,
        "begun_at": entry.begun_at,
        "duration_ms": duration_ms(recording),
        "media": len(entry.media),
        "size_bytes": entry.size_bytes,
    }


def whole_object(
    entry: Entry,
    *,
    audio_ms: int | None,
    waiting: Mapping[str, Any] | None,
    failures: Sequence[Attempt],
) -> dict[str, Any]:
    """Describe everything that is known of one recording."""
    return {
        "entry": entry_object(entry),
        "timeline": timeline_object(entry, audio_ms),
        "waiting": waiting,
        "failures": list(failures),
    }


def held_object(recorder: str, listing: Listing, known: Mapping[EntryId, Entry]) -> dict[str, Any]:
    """Describe what a recorder holds, with what this box knows beside it."""
    return {
        "recorder": recorder,
        "recordings": [_held(each, known_as(each, listing, known)) for each in listing.recordings],
        "rejected": listing.rejected,
        "complete": listing.complete,
    }


def known_as(
    recording: Recording, listing: Listing, known: Mapping[EntryId, Entry]
) -> Entry | None:
    """Find the entry of what a recorder lists; it may have been listed under an earlier key."""
    found = known.get(recording.key.entry_id())
    earlier = listing.earlier.get(recording.key)
    return found or (known.get(earlier.entry_id()) if earlier is not None else None)


def _held(recording: Recording, known: Entry | None) -> dict[str, Any]:
    return {
        "id": recording.key.recording,
        "generation": recording.key.generation,
        "entry": recording.key.entry_id(),
        "state": known.state if known is not None else None,
        "started_at": recording.started_at,
        "ended_at": recording.ended_at,
        "times_trusted": recording.times_trusted,
        "duration_ms": duration_ms(recording),
        "metadata": recording.metadata,
        "media": recording.media,
    }
