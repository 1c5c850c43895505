"""Changes to spool.db, each a job for the journal. State changes go through core/lifecycle."""

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Never

import msgspec

from device.core import lifecycle
from device.core.anew import acknowledged, anew, in_vain_bytes
from device.errors import IllegalMove
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
from device.spool import rows
from device.spool.layout import media_files


def begin(connection: sqlite3.Connection, recording: Recording, now: datetime) -> Entry:
    """Add an entry, or bring a pulling one up to its recorder's latest announcement.

    A medium whose announcement changed, or that nothing binds to its old content, starts at 0.
    """
    entry_id = recording.key.entry_id()
    if _state(connection, entry_id) is None:
        connection.execute(
            "INSERT INTO entry (id, state, recording_json, begun_at) VALUES (?, ?, ?, ?)",
            (entry_id, State.PULLING.value, msgspec.json.encode(recording), now.isoformat()),
        )
        _add_media(connection, entry_id, recording)
        return rows.entry(connection, entry_id)
    held = rows.entry(connection, entry_id)
    recording = _with_true_sizes(recording, held)
    if held.state is not State.PULLING or held.recording == recording:
        return held
    if held.recording.media != recording.media:
        _replace_media(connection, held, recording)
    _update(connection, entry_id, recording_json=msgspec.json.encode(recording))
    return rows.entry(connection, entry_id)


def note_pulled(
    connection: sqlite3.Connection, entry: EntryId, index: int, pulled_bytes: int
) -> None:
    """Record how much of a medium is durable; a later append makes its digests unknown again."""
    _update_medium(connection, entry, index, pulled_bytes=pulled_bytes, sha256=None, md5=None)


def finish_medium(connection: sqlite3.Connection, entry: EntryId, finished: MediumState) -> None:
    """Record that a medium is whole, durable and digest-checked; its size is the true one now."""
    require(connection, entry, State.PULLING)
    recording = rows.entry(connection, entry).recording
    media = tuple(
        finished.medium if medium.index == finished.medium.index else medium
        for medium in recording.media
    )
    if media != recording.media:
        encoded = msgspec.json.encode(replace(recording, media=media))
        _update(connection, entry, recording_json=encoded)
    _update_medium(
        connection,
        entry,
        finished.medium.index,
        pulled_bytes=finished.pulled_bytes,
        sha256=finished.sha256,
        md5=finished.md5,
    )


def seal(
    connection: sqlite3.Connection,
    entry: EntryId,
    sealed_at: datetime,
    media: tuple[SealedMedium, ...],
) -> Entry:
    """PULLING → SEALED, with what the manifest says of the media."""
    _move(connection, entry, State.SEALED, sealed_at=sealed_at.isoformat(), wait_json=None)
    for medium in media:
        _update_medium(
            connection,
            entry,
            medium.index,
            file=medium.file,
            pulled_bytes=medium.size_bytes,
            sha256=medium.sha256,
            md5=medium.md5,
        )
    for held in rows.entry(connection, entry).media:
        if held.cut is not None and held.cut.sha256 != held.sha256:
            _forget_cut(connection, entry, held.cut)
    return rows.entry(connection, entry)


def store(connection: sqlite3.Connection, entry: EntryId, receipt: Receipt, now: datetime) -> Entry:
    """SEALED → STORED."""
    _move(
        connection,
        entry,
        State.STORED,
        stored_at=now.isoformat(),
        receipt_json=msgspec.json.encode(receipt),
        wait_json=None,
        attempts=0,
    )
    # An upload URL is a bearer secret, and of no use any more; nor are parts.
    connection.execute("UPDATE medium SET session_json = NULL WHERE entry = ?", (entry,))
    connection.execute("DELETE FROM part WHERE entry = ?", (entry,))
    return rows.entry(connection, entry)


def release(connection: sqlite3.Connection, entry: EntryId, released_at: datetime) -> Entry:
    """STORED → RELEASED; the row stays as a tombstone."""
    _move(connection, entry, State.RELEASED, released_at=released_at.isoformat(), wait_json=None)
    return rows.entry(connection, entry)


def quarantine(
    connection: sqlite3.Connection, entry: EntryId, reason: str, came_from: State | None = None
) -> Entry:
    """Any unsent state → QUARANTINED; `came_from` is where a requeue leads, else where it was."""
    before = require(connection, entry)
    _move(
        connection,
        entry,
        State.QUARANTINED,
        quarantine_reason=reason,
        came_from=(came_from or before).value,
        wait_json=None,
    )
    return rows.entry(connection, entry)


def requeue(connection: sqlite3.Connection, entry: EntryId) -> Entry:
    """QUARANTINED → where it came from; anything else unreleased just stops waiting.

    What was on its way up is sent anew: the store or the cloud may have lost what it had taken.
    """
    state = require(connection, entry)
    if state is State.RELEASED:
        raise IllegalMove(f"entry {entry} is released; there is nothing left to do")
    if state is State.QUARANTINED:
        back = rows.came_from(connection, entry) or State.PULLING
        _move(connection, entry, back, quarantine_reason=None, came_from=None)
        if back is State.PULLING:
            _update(connection, entry, sealed_at=None)
        else:
            _forget_upload(connection, rows.entry(connection, entry))
    _update(connection, entry, wait_json=None, attempts=0)
    return rows.entry(connection, entry)


def _forget_upload(connection: sqlite3.Connection, held: Entry) -> None:
    """Drop sessions, evidence and the cloud's names, and count what left in vain."""
    alone = acknowledged(held.cloud_ref)
    resent_bytes = 0
    for sent in held.outgoing:
        if sent.medium.index not in alone:
            resent_bytes += in_vain_bytes(sent)
            _update_outgoing(
                connection, held.id, sent.medium.index, session_json=None, evidence_json=None
            )
    _update(
        connection,
        held.id,
        cloud_ref_json=msgspec.json.encode(anew(held.cloud_ref)),
        resent_bytes=held.resent_bytes + resent_bytes,
    )


def purge(connection: sqlite3.Connection, entry: EntryId) -> None:
    """Record that the media of a stored entry make room."""
    require(connection, entry, State.STORED)
    _update(connection, entry, purged=1)


def forget_medium(connection: sqlite3.Connection, entry: EntryId, index: int) -> None:
    """Let a medium start over: its bytes are lost from our disk."""
    _update_medium(
        connection, entry, index, pulled_bytes=0, sha256=None, md5=None, session_json=None
    )


def save_cloud_ref(connection: sqlite3.Connection, entry: EntryId, ref: Mapping[str, str]) -> None:
    """Keep the cloud's own names for a recording."""
    _update(connection, entry, cloud_ref_json=msgspec.json.encode(ref))


def save_session(
    connection: sqlite3.Connection, entry: EntryId, index: int, session: UploadSession | None
) -> None:
    """Keep, replace or drop what a medium needs to go on after a restart."""
    encoded = None if session is None else msgspec.json.encode(session)
    _update_outgoing(connection, entry, index, session_json=encoded)


def save_sessions(
    connection: sqlite3.Connection, entry: EntryId, sessions: Mapping[int, UploadSession | None]
) -> None:
    """Do the same for several media."""
    for index, session in sessions.items():
        save_session(connection, entry, index, session)


def save_landed(
    connection: sqlite3.Connection,
    entry: EntryId,
    index: int,
    evidence: Evidence,
    resent_bytes: int,
) -> None:
    """Keep the evidence of a medium, and what went in vain before it."""
    save_evidence(connection, entry, index, evidence)
    if resent_bytes:
        count_resent(connection, entry, resent_bytes)


def save_evidence(
    connection: sqlite3.Connection, entry: EntryId, index: int, evidence: Evidence | None
) -> None:
    """Keep or drop what the object store said when the last byte was in."""
    encoded = None if evidence is None else msgspec.json.encode(evidence)
    _update_outgoing(connection, entry, index, evidence_json=encoded)


def save_cut(connection: sqlite3.Connection, entry: EntryId, cut: Cut) -> Entry:
    """Let the parts of a sealed medium go up in its place, or keep why it goes up whole.

    Its own session is dropped: never both the whole and its parts. Idempotent.
    """
    require(connection, entry, State.SEALED)
    held = rows.entry(connection, entry)
    state = next((m for m in held.media if m.medium.index == cut.index), None)
    if state is None or state.sha256 != cut.sha256 or state.evidence is not None:
        raise IllegalMove(f"entry {entry} has no such medium {cut.index} to be cut")
    _update_medium(connection, entry, cut.index, cut_json=msgspec.json.encode(cut))
    if cut.parts:
        _update_medium(connection, entry, cut.index, session_json=None)
    connection.executemany(
        "INSERT OR IGNORE INTO part (entry, idx, size_bytes) VALUES (?, ?, ?)",
        [(entry, part.index, part.size_bytes) for part in cut.parts],
    )
    return rows.entry(connection, entry)


def _forget_cut(connection: sqlite3.Connection, entry: EntryId, cut: Cut) -> None:
    """Drop how a medium was cut that was pulled again, and is another one now."""
    _update_medium(connection, entry, cut.index, cut_json=None)
    connection.executemany(
        "DELETE FROM part WHERE entry = ? AND idx = ?", [(entry, p.index) for p in cut.parts]
    )


def save_wait(
    connection: sqlite3.Connection, entry: EntryId, wait: Wait | None, attempts: int
) -> None:
    """Keep why an entry waits."""
    encoded = None if wait is None else msgspec.json.encode(wait)
    _update(connection, entry, wait_json=encoded, attempts=attempts)


def count_resent(connection: sqlite3.Connection, entry: EntryId, resent_bytes: int) -> None:
    """Add to the bytes of an entry that were sent in vain."""
    require(connection, entry)
    connection.execute(
        "UPDATE entry SET resent_bytes = resent_bytes + ? WHERE id = ?", (resent_bytes, entry)
    )


def count_reread(connection: sqlite3.Connection, entry: EntryId, reread_bytes: int) -> None:
    """Add to the bytes that were read from the recorder more than once."""
    require(connection, entry)
    connection.execute(
        "UPDATE entry SET reread_bytes = reread_bytes + ? WHERE id = ?", (reread_bytes, entry)
    )


def save_cooldown(
    connection: sqlite3.Connection, origin: str, until: datetime | None, reason: str
) -> None:
    """Keep until when an origin is left alone; None ends it."""
    connection.execute("DELETE FROM cooldown WHERE origin = ?", (origin,))
    if until is not None:
        connection.execute(
            "INSERT INTO cooldown (origin, until, reason) VALUES (?, ?, ?)",
            (origin, until.isoformat(), reason),
        )


def require(connection: sqlite3.Connection, entry: EntryId, *wanted: State) -> State:
    """Give the state of an entry if it is one of those (none: any).

    Raises:
        EntryUnknown: There is no such entry.
        IllegalMove: It is in another state.
    """
    state = _state(connection, entry)
    if state is None:
        state = rows.entry(connection, entry).state  # raises
    if wanted and state not in wanted:
        raise IllegalMove(f"entry {entry} is {state}, not {' or '.join(wanted)}")
    return state


def _move(connection: sqlite3.Connection, entry: EntryId, wanted: State, **columns: Any) -> None:
    state = lifecycle.move(require(connection, entry), wanted)
    _update(connection, entry, state=state.value, **columns)


def _state(connection: sqlite3.Connection, entry: EntryId) -> State | None:
    row = connection.execute("SELECT state FROM entry WHERE id = ?", (entry,)).fetchone()
    return State(row[0]) if row else None


def _update(connection: sqlite3.Connection, entry: EntryId, **columns: Any) -> None:
    """Set columns named in this file; an unknown entry is an error."""
    settings = ", ".join(f"{column} = ?" for column in columns)
    found = connection.execute(
        f"UPDATE entry SET {settings} WHERE id = ?",  # noqa: S608 - names from this file
        (*columns.values(), entry),
    )
    if not found.rowcount:
        rows.entry(connection, entry)  # raises


def _update_medium(
    connection: sqlite3.Connection, entry: EntryId, index: int, **columns: Any
) -> None:
    """Set columns named in this file; an unknown entry or medium is an error."""
    settings = ", ".join(f"{column} = ?" for column in columns)
    found = connection.execute(
        f"UPDATE medium SET {settings} WHERE entry = ? AND idx = ?",  # noqa: S608 - as above
        (*columns.values(), entry, index),
    )
    if not found.rowcount:
        _no_medium(connection, entry, index)


def _no_medium(connection: sqlite3.Connection, entry: EntryId, index: int) -> Never:
    rows.entry(connection, entry)  # raises where there is no such entry
    raise IllegalMove(f"entry {entry} has no medium {index}")


def _update_outgoing(
    connection: sqlite3.Connection, entry: EntryId, index: int, **columns: Any
) -> None:
    """Set columns of what is sent under an index: a part where the medium was cut."""
    settings = ", ".join(f"{column} = ?" for column in columns)
    values = (*columns.values(), entry, index)
    # Most are not cut: one statement then, for each lets other threads in.
    found = connection.execute(
        f"UPDATE medium SET {settings} WHERE entry = ? AND idx = ? "  # noqa: S608 - as above
        "AND NOT EXISTS (SELECT 1 FROM part WHERE entry = medium.entry AND idx = medium.idx)",
        values,
    )
    if found.rowcount:
        return
    found = connection.execute(
        f"UPDATE part SET {settings} WHERE entry = ? AND idx = ?",  # noqa: S608 - as above
        values,
    )
    if not found.rowcount:
        _no_medium(connection, entry, index)


def _add_media(connection: sqlite3.Connection, entry: EntryId, recording: Recording) -> None:
    connection.executemany(
        "INSERT INTO medium (entry, idx, file) VALUES (?, ?, ?)",
        [(entry, index, file) for index, file in media_files(recording.media).items()],
    )


def _with_true_sizes(recording: Recording, held: Entry) -> Recording:
    """Give media of no exact size the size they turned out to have, where they are whole."""
    whole = {state.medium.index: state.medium for state in held.media if state.sha256}

    def settled(medium: Medium) -> Medium:
        known = whole.get(medium.index)
        if medium.size_exact or known is None:
            return medium
        return replace(medium, size_bytes=known.size_bytes, size_exact=True)

    return replace(recording, media=tuple(settled(medium) for medium in recording.media))


def _replace_media(connection: sqlite3.Connection, held: Entry, recording: Recording) -> None:
    """Start over with the new announcement, keeping what a digest proves to be unchanged."""
    kept = {
        (state.medium.sha256, state.medium.size_bytes, state.medium.index, state.file): state
        for state in held.media
    }
    connection.execute("DELETE FROM medium WHERE entry = ?", (held.id,))
    connection.execute("DELETE FROM part WHERE entry = ?", (held.id,))
    _add_media(connection, held.id, recording)
    files = media_files(recording.media)
    for medium in recording.media:
        key = (medium.sha256, medium.size_bytes, medium.index, files[medium.index])
        if medium.sha256 is not None and (state := kept.get(key)) is not None:
            _update_medium(
                connection,
                held.id,
                medium.index,
                pulled_bytes=state.pulled_bytes,
                sha256=state.sha256,
                md5=state.md5,
            )
