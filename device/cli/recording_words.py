"""Times, lengths and names of recordings as people read them, in the box's own zone."""

from collections.abc import Sequence
from datetime import datetime

from device.cli.views import SHORT_ID
from device.errors import EntryUnknown, UsageInvalid
from device.model import Entry, Recording

UNTRUSTED = "~ not sure: an unset clock or file date"
_MINUTE_S, _HOUR_S = 60, 3600
_MOST_NAMED = 5


def local(moment: datetime | None, *, seconds: bool = False) -> str:
    """Write a time of day in the box's own zone: `2026-03-01 12:05`."""
    if moment is None:
        return "-"
    return f"{moment.astimezone():%Y-%m-%d %H:%M{':%S' if seconds else ''}}"


def started(recording: Recording, begun_at: datetime | None) -> str:
    """Write when a recording was made; `~` before what is not sure, or when it was pulled."""
    if recording.started_at is not None and recording.times_trusted:
        return local(recording.started_at)
    known = begun_at or recording.started_at
    return f"~{local(known)}" if known is not None else "-"


def lasts(duration_ms: int | None) -> str:
    """Write a length: `4:05`, `1:02:05`; `-` where it is not known."""
    if duration_ms is None:
        return "-"
    minutes, seconds = divmod(duration_ms // 1000, _MINUTE_S)
    hours, minutes = divmod(minutes, _MINUTE_S)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def made_at(entry: Entry) -> datetime:
    """Return what a recording is ordered by: its own time if that is sure, else the pull's."""
    recording = entry.recording
    if recording.started_at is not None and recording.times_trusted:
        return recording.started_at
    return entry.begun_at


def one(found: Sequence[Entry], named: str) -> Entry:
    """Find the one recording of a name: of the entry's id or the recorder's own, or its beginning.

    Raises:
        EntryUnknown: There is none.
        UsageInvalid: There are several.
    """
    whole = [each for each in found if named in {each.id, each.recording.key.recording}]
    match whole or [each for each in found if _begins(each, named)]:
        case [entry]:
            return entry
        case []:
            raise EntryUnknown(
                f"this box knows no recording {named}", hint="fieldpost recordings ls"
            )
        case several:
            ids = ", ".join(
                f"{each.id[:SHORT_ID]} ({each.recording.key.recording})"
                for each in several[:_MOST_NAMED]
            )
            raise UsageInvalid(f"{named} may be any of {len(several)} recordings: {ids}")


def _begins(entry: Entry, named: str) -> bool:
    return entry.id.startswith(named.lower()) or entry.recording.key.recording.startswith(named)
