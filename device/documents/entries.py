"""Spool entries for programs; no secret leaves through here."""

from typing import Any

from device.documents.timeline import offset_ms
from device.model import Entry, MediumState


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
        "times_trusted": recording.times_trusted,
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


def is_sent_anew(before: Entry, now: Entry) -> bool:
    """Say whether a requeue forgot what was on its way up."""
    was = [(each.session, each.evidence) for each in before.outgoing]
    return any(map(any, was)) and was != [(each.session, each.evidence) for each in now.outgoing]


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
        "captured_at_trusted": each.medium.captured_at_trusted,
        "offset_ms": offset_ms(entry.recording, each.medium),
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
