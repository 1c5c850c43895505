"""A recording's timeline as a picture of letters: its audio as a bar, a mark for each image."""

from collections.abc import Iterator, Mapping
from typing import Any

from device.cli.recording_words import lasts
from device.words import count

_NAME_COLUMNS = 8
_MANY = "*"
_TEN = 10


def lines(timeline: Mapping[str, Any], columns: int) -> Iterator[str]:
    """Draw it.

    Args:
        timeline: See `documents.timeline`.
        columns: No line is longer.
    """
    marks = [each for each in timeline["marks"] if each["offset_ms"] is not None]
    known_ms = timeline["duration_ms"]
    end_ms = max([known_ms or 0, *(each["offset_ms"] for each in marks)])
    room = columns - _NAME_COLUMNS
    if not end_ms or room < _TEN:
        return
    end = lasts(end_ms)
    yield f"{'':{_NAME_COLUMNS}}0:00{end:>{room - 4}}"
    if known_ms:
        filled = max(1, room * known_ms // end_ms)
        yield f"{'audio':{_NAME_COLUMNS}}{'=' * filled}"
    if marks:
        row = [" "] * room
        for each in marks:
            at = min(room - 1, room * each["offset_ms"] // end_ms)
            row[at] = str(each["medium"] % _TEN) if row[at] == " " else _MANY
        name = "images" if all(each["type"] == "image" for each in marks) else "media"
        yield f"{name:{_NAME_COLUMNS}}{''.join(row).rstrip()}"
    if lost := len(timeline["marks"]) - len(marks):
        yield f"{'':{_NAME_COLUMNS}}{count(lost, 'medium', 'media')} at no known offset"
