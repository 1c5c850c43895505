"""Rows of spool.db as model values: everything that only reads. Imports nothing heavy."""

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from device.errors import EntryUnknown, SpoolDamaged
from device.model import (
    Cut,
    Entry,
    EntryId,
    Evidence,
    Medium,
    MediumState,
    Receipt,
    Recording,
    SealedMedium,
    State,
    UploadSession,
    Wait,
)
from device.spool import schema

_ENTRY = """
    SELECT id, state, recording_json, begun_at, sealed_at, stored_at, released_at, cloud_ref_json,
           receipt_json, wait_json, quarantine_reason, purged, attempts, reread_bytes, resent_bytes
    FROM entry
"""
_MEDIUM = """
    SELECT entry, idx, file, pulled_bytes, sha256, md5, session_json, evidence_json, cut_json
    FROM medium
"""
_EARLIER_MEDIUM = _MEDIUM.replace("cut_json", "NULL")
_PART = "SELECT entry, idx, session_json, evidence_json FROM part"

_recording = msgspec.json.Decoder(Recording)
_cloud_ref = msgspec.json.Decoder(dict[str, str])
_receipt = msgspec.json.Decoder(Receipt)
_wait = msgspec.json.Decoder(Wait)
_session = msgspec.json.Decoder(UploadSession)
_evidence = msgspec.json.Decoder(Evidence)
_cut = msgspec.json.Decoder(Cut)
_CUT_SINCE = 3
_Row = tuple[Any, ...]


def entries(connection: sqlite3.Connection, states: Iterable[State] = ()) -> list[Entry]:
    """Load entries, oldest first; no state means all. Reads more than once: use a transaction."""
    wanted = [state.value for state in states or State]
    marks = ",".join("?" * len(wanted))
    found = connection.execute(f"{_ENTRY} WHERE state IN ({marks}) ORDER BY seq", wanted)
    rows = found.fetchall()
    chosen = f"entry IN (SELECT id FROM entry WHERE state IN ({marks}))"  # noqa: S608 - as above
    media, parts = _beside(connection, chosen, wanted)
    return [_entry(row, media.get(row[0], []), parts) for row in rows]


def ids(connection: sqlite3.Connection, states: Iterable[State] = ()) -> list[EntryId]:
    """List the ids of entries, oldest first; no state means all. Cheap, however many there are."""
    wanted = [state.value for state in states or State]
    marks = ",".join("?" * len(wanted))
    found = connection.execute(
        f"SELECT id FROM entry WHERE state IN ({marks}) ORDER BY seq",  # noqa: S608 - see above
        wanted,
    )
    return [EntryId(row[0]) for row in found]


def count(connection: sqlite3.Connection, state: State, among: Sequence[EntryId]) -> int:
    """Count the entries in one state among these, without loading any."""
    row = connection.execute(
        "SELECT count(*) FROM entry WHERE state = ? AND id IN (SELECT value FROM json_each(?))",
        (state.value, msgspec.json.encode(among).decode()),
    ).fetchone()
    return int(row[0])


def counts(connection: sqlite3.Connection) -> dict[str, dict[State, int]]:
    """Count the entries of each recorder by state, without loading any; recorders by name."""
    found = connection.execute(
        f"SELECT {schema.RECORDER} AS recorder, state, count(*)"  # noqa: S608 - a constant
        " FROM entry GROUP BY recorder, state ORDER BY recorder"
    )
    counted: dict[str, dict[State, int]] = {}
    for recorder, state, number in found:
        counted.setdefault(recorder, {})[State(state)] = number
    return counted


def entry(connection: sqlite3.Connection, wanted: EntryId) -> Entry:
    """Load one entry. Reads more than once: use a transaction.

    Raises:
        EntryUnknown: There is none.
    """
    row = connection.execute(f"{_ENTRY} WHERE id = ?", (wanted,)).fetchone()
    if row is None:
        raise EntryUnknown(f"there is no entry {wanted} in the spool")
    media, parts = _beside(connection, "entry = ?", (wanted,))
    return _entry(row, media.get(wanted, []), parts)


def came_from(connection: sqlite3.Connection, wanted: EntryId) -> State | None:
    """Say which state a quarantined entry was in before."""
    row = connection.execute("SELECT came_from FROM entry WHERE id = ?", (wanted,)).fetchone()
    return State(row[0]) if row and row[0] else None


def held_bytes(connection: sqlite3.Connection) -> int:
    """Sum up what the entries' media take on the disk, as of their last checkpoints."""
    held = "WHERE entry IN (SELECT id FROM entry WHERE state != ? AND NOT purged)"
    row = connection.execute(
        f"SELECT (SELECT coalesce(sum(pulled_bytes), 0) FROM medium {held})"  # noqa: S608 - fixed
        f" + (SELECT coalesce(sum(size_bytes), 0) FROM part {held})",
        (State.RELEASED.value, State.RELEASED.value),
    ).fetchone()
    return int(row[0])


def cooldowns(connection: sqlite3.Connection) -> dict[str, Wait]:
    """Load every cool-down by origin, passed ones included."""
    found = connection.execute("SELECT origin, until, reason FROM cooldown ORDER BY origin")
    return {
        origin: Wait(code="cooldown", reason=reason, until=datetime.fromisoformat(until))
        for origin, until, reason in found
    }


def _beside(
    connection: sqlite3.Connection, chosen: str, wanted: Sequence[str]
) -> tuple[dict[str, list[_Row]], dict[tuple[str, int], _Row]]:
    """Load the rows of media by entry, and those of parts by entry and index."""
    known = connection.execute("PRAGMA user_version").fetchone()[0] >= _CUT_SINCE
    media: dict[str, list[_Row]] = {}
    query = _MEDIUM if known else _EARLIER_MEDIUM
    for row in connection.execute(f"{query} WHERE {chosen} ORDER BY entry, idx", wanted):
        media.setdefault(row[0], []).append(row)
    found = connection.execute(f"{_PART} WHERE {chosen}", wanted) if known else ()
    return media, {(row[0], row[1]): row for row in found}


def _entry(row: _Row, media: list[_Row], parts: dict[tuple[str, int], _Row]) -> Entry:
    """Build an entry of its rows.

    Raises:
        SpoolDamaged: They do not say what a row of ours says.
    """
    try:
        return _built(row, media, parts)
    except (ValueError, KeyError, TypeError) as error:
        raise SpoolDamaged(f"the row of entry {row[0]} is damaged: {error}") from error


def _built(row: _Row, media: list[_Row], parts: dict[tuple[str, int], _Row]) -> Entry:
    recording = _recording.decode(row[2])
    announced = {medium.index: medium for medium in recording.media}
    return Entry(
        id=EntryId(row[0]),
        recording=recording,
        state=State(row[1]),
        media=tuple(_medium(announced[each[1]], each, parts) for each in media),
        begun_at=datetime.fromisoformat(row[3]),
        sealed_at=_time(row[4]),
        stored_at=_time(row[5]),
        released_at=_time(row[6]),
        cloud_ref=_cloud_ref.decode(row[7]) if row[7] else {},
        receipt=_receipt.decode(row[8]) if row[8] else None,
        wait=_wait.decode(row[9]) if row[9] else None,
        quarantine_reason=row[10],
        purged=bool(row[11]),
        attempts=row[12],
        reread_bytes=row[13],
        resent_bytes=row[14],
    )


def _medium(medium: Medium, row: _Row, parts: dict[tuple[str, int], _Row]) -> MediumState:
    entry, _, file, pulled_bytes, sha256, md5, session, evidence, cut_json = row
    cut = _cut.decode(cut_json) if cut_json else None
    return MediumState(
        medium=medium,
        file=file,
        pulled_bytes=pulled_bytes,
        sha256=sha256,
        md5=md5,
        session=_session.decode(session) if session else None,
        evidence=_evidence.decode(evidence) if evidence else None,
        cut=cut,
        parts=tuple(
            _part(part, parts[entry, part.index])
            for part in (cut.parts if cut is not None else ())
            if (entry, part.index) in parts
        ),
    )


def _part(part: SealedMedium, row: _Row) -> MediumState:
    _, _, session, evidence = row
    return MediumState(
        medium=Medium(
            index=part.index,
            name=part.name,
            kind=part.kind,
            content_type=part.content_type,
            size_bytes=part.size_bytes,
            sha256=part.sha256,
            captured_at=part.captured_at,
            captured_at_trusted=part.captured_at_trusted,
            t_offset_ms=part.t_offset_ms,
        ),
        file=part.file,
        pulled_bytes=part.size_bytes,
        sha256=part.sha256,
        md5=part.md5,
        session=_session.decode(session) if session else None,
        evidence=_evidence.decode(evidence) if evidence else None,
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
