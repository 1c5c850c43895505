"""Rows of spool.db as model values: everything that only reads. Imports nothing heavy."""

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from device.errors import EntryUnknown, SpoolDamaged
from device.model import (
    Entry,
    EntryId,
    Evidence,
    MediumState,
    Receipt,
    Recording,
    State,
    UploadSession,
    Wait,
)

_ENTRY = """
    SELECT id, state, recording_json, begun_at, sealed_at, stored_at, released_at, cloud_ref_json,
           receipt_json, wait_json, quarantine_reason, purged, attempts, reread_bytes, resent_bytes
    FROM entry
"""
_MEDIUM = """
    SELECT entry, idx, file, pulled_bytes, sha256, md5, session_json, evidence_json FROM medium
"""

_recording = msgspec.json.Decoder(Recording)
_cloud_ref = msgspec.json.Decoder(dict[str, str])
_receipt = msgspec.json.Decoder(Receipt)
_wait = msgspec.json.Decoder(Wait)
_session = msgspec.json.Decoder(UploadSession)
_evidence = msgspec.json.Decoder(Evidence)


def entries(connection: sqlite3.Connection, states: Iterable[State] = ()) -> list[Entry]:
    """Load entries, oldest first; no state means all. Reads more than once: use a transaction."""
    wanted = [state.value for state in states or State]
    marks = ",".join("?" * len(wanted))
    found = connection.execute(f"{_ENTRY} WHERE state IN ({marks}) ORDER BY seq", wanted)
    rows = found.fetchall()
    media: dict[str, list[tuple[Any, ...]]] = {}
    chosen = f"SELECT id FROM entry WHERE state IN ({marks})"  # noqa: S608 - question marks only
    for row in connection.execute(
        f"{_MEDIUM} WHERE entry IN ({chosen}) ORDER BY entry, idx", wanted
    ):
        media.setdefault(row[0], []).append(row)
    return [_entry(row, media.get(row[0], [])) for row in rows]


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


def entry(connection: sqlite3.Connection, wanted: EntryId) -> Entry:
    """Load one entry. Reads more than once: use a transaction.

    Raises:
        EntryUnknown: There is none.
    """
    row = connection.execute(f"{_ENTRY} WHERE id = ?", (wanted,)).fetchone()
    if row is None:
        raise EntryUnknown(f"there is no entry {wanted} in the spool")
    media = connection.execute(f"{_MEDIUM} WHERE entry = ? ORDER BY idx", (wanted,))
    return _entry(row, media.fetchall())


def came_from(connection: sqlite3.Connection, wanted: EntryId) -> State | None:
    """Say which state a quarantined entry was in before."""
    row = connection.execute("SELECT came_from FROM entry WHERE id = ?", (wanted,)).fetchone()
    return State(row[0]) if row and row[0] else None


def held_bytes(connection: sqlite3.Connection) -> int:
    """Sum up what the entries' media take on the disk, as of their last checkpoints."""
    row = connection.execute(
        "SELECT coalesce(sum(pulled_bytes), 0) FROM medium WHERE entry IN "
        "(SELECT id FROM entry WHERE state != ? AND NOT purged)",
        (State.RELEASED.value,),
    ).fetchone()
    return int(row[0])


def sent_bytes(connection: sqlite3.Connection, day: date) -> int:
    """Look up how many bytes left on one UTC day, retransmissions included."""
    row = connection.execute(
        "SELECT sent_bytes FROM ledger WHERE day = ?", (day.isoformat(),)
    ).fetchone()
    return int(row[0]) if row else 0


def cooldowns(connection: sqlite3.Connection) -> dict[str, Wait]:
    """Load every cool-down by origin, passed ones included."""
    found = connection.execute("SELECT origin, until, reason FROM cooldown ORDER BY origin")
    return {
        origin: Wait(code="cooldown", reason=reason, until=datetime.fromisoformat(until))
        for origin, until, reason in found
    }


def _entry(row: tuple[Any, ...], media: list[tuple[Any, ...]]) -> Entry:
    """Build an entry of its rows.

    Raises:
        SpoolDamaged: They do not say what a row of ours says.
    """
    try:
        return _built(row, media)
    except (ValueError, KeyError, TypeError) as error:
        raise SpoolDamaged(f"the row of entry {row[0]} is damaged: {error}") from error


def _built(row: tuple[Any, ...], media: list[tuple[Any, ...]]) -> Entry:
    recording = _recording.decode(row[2])
    announced = {medium.index: medium for medium in recording.media}
    return Entry(
        id=EntryId(row[0]),
        recording=recording,
        state=State(row[1]),
        media=tuple(
            MediumState(
                medium=announced[idx],
                file=file,
                pulled_bytes=pulled_bytes,
                sha256=sha256,
                md5=md5,
                session=_session.decode(session) if session else None,
                evidence=_evidence.decode(evidence) if evidence else None,
            )
            for _, idx, file, pulled_bytes, sha256, md5, session, evidence in media
        ),
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


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
