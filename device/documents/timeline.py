"""A recording along its time: how long it is, and where in it each medium belongs."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from device.core.ogg.length import ENDS_BYTES, length_ms
from device.model import Entry, MediaKind, Medium, Recording, State
from device.spool.layout import Layout

_MS = timedelta(milliseconds=1)


def timeline_object(entry: Entry, audio_ms: int | None) -> dict[str, Any]:
    """Describe it.

    Args:
        entry: The recording.
        audio_ms: How long its audio lasts by the audio itself, None where nobody has looked.
    """
    told_ms = duration_ms(entry.recording)
    return {
        "duration_ms": told_ms if told_ms is not None else audio_ms,
        "duration_from": "recorder" if told_ms is not None else "audio" if audio_ms else None,
        "marks": [
            {
                "medium": each.medium.index,
                "type": each.medium.kind,
                "offset_ms": offset_ms(entry.recording, each.medium),
            }
            for each in entry.media
            if each.medium.kind is not MediaKind.AUDIO
        ],
    }


def duration_ms(recording: Recording) -> int | None:
    """Return how long a recording lasts by what its recorder says."""
    if recording.started_at is None or recording.ended_at is None:
        return None
    return max(0, (recording.ended_at - recording.started_at) // _MS)


def offset_ms(recording: Recording, medium: Medium) -> int | None:
    """Return where in a recording a medium belongs; None where nobody can tell."""
    if medium.t_offset_ms is not None:
        return medium.t_offset_ms
    if medium.captured_at is None or recording.started_at is None:
        return None
    passed_ms = (medium.captured_at - recording.started_at) // _MS
    return passed_ms if passed_ms >= 0 else None


def audio_ms(root: Path, entry: Entry) -> int | None:
    """Look into the audio of an entry for its length; None where it is not on this disk."""
    if entry.purged or entry.state in {State.PULLING, State.RELEASED}:
        return None
    folder = Layout(root).folder(entry.state, entry.id)
    total_ms = 0
    for each in entry.media:
        if each.medium.kind is MediaKind.AUDIO:
            try:
                found_ms = length_ms(*_ends(folder / each.file))
            except OSError:
                found_ms = None
            if found_ms is None:
                return None
            total_ms += found_ms
    return total_ms or None


def _ends(path: Path) -> tuple[bytes, bytes]:
    """Read the first and the last bytes of a file."""
    with path.open("rb") as file:
        head = file.read(ENDS_BYTES)
        file.seek(max(0, path.stat().st_size - ENDS_BYTES))
        return head, file.read(ENDS_BYTES)
