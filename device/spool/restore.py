"""Rows made from what the folders say: how a lost or damaged spool.db is filled again."""

import sqlite3
from collections.abc import Iterable
from dataclasses import replace

import msgspec

from device.core import manifest as manifests
from device.model import Entry, Manifest, MediumState, Receipt, State
from device.spool import rows
from device.spool.tombstones import Tombstone

TOMBSTONES_READ = "tombstones-read"


def tombstones_pending(connection: sqlite3.Connection) -> bool:
    """Tell whether this database has not seen the tombstone logs: it is new."""
    row = connection.execute("SELECT 1 FROM once WHERE done = ?", (TOMBSTONES_READ,)).fetchone()
    return row is None


def bury(connection: sqlite3.Connection, tombstones: Iterable[Tombstone]) -> int:
    """Add a row for every released entry, once in the life of a database. Return how many."""
    count = 0
    for tombstone in tombstones:
        entry = replace(
            _entry_of(tombstone.manifest, State.RELEASED),
            begun_at=tombstone.begun_at,
            stored_at=tombstone.stored_at,
            released_at=tombstone.released_at,
            receipt=tombstone.receipt,
        )
        count += _insert(connection, entry)
    connection.execute("INSERT OR IGNORE INTO once (done) VALUES (?)", (TOMBSTONES_READ,))
    return count


def restore(
    connection: sqlite3.Connection, manifest: Manifest, receipt: Receipt | None, *, purged: bool
) -> Entry:
    """Add the row of a sealed folder, stored if its receipt lies beside the manifest."""
    entry = _entry_of(manifest, State.SEALED if receipt is None else State.STORED)
    stored_at = None if receipt is None else receipt.acknowledged_at
    _insert(connection, replace(entry, receipt=receipt, stored_at=stored_at, purged=purged))
    return rows.entry(connection, entry.id)


def restore_quarantined(connection: sqlite3.Connection, manifest: Manifest, reason: str) -> Entry:
    """Add the row of a sealed recording that lies in quarantine."""
    entry = _entry_of(manifest, State.QUARANTINED)
    _insert(connection, replace(entry, quarantine_reason=reason), came_from=State.SEALED)
    return rows.entry(connection, entry.id)


def _entry_of(manifest: Manifest, state: State) -> Entry:
    recording = manifests.recording_of(manifest)
    return Entry(
        id=manifest.key.entry_id(),
        recording=recording,
        state=state,
        media=tuple(
            MediumState(
                medium=medium,
                file=sealed.file,
                pulled_bytes=sealed.size_bytes,
                sha256=sealed.sha256,
                md5=sealed.md5,
            )
            for medium, sealed in zip(recording.media, manifest.media, strict=True)
        ),
        begun_at=manifest.sealed_at,
        sealed_at=manifest.sealed_at,
    )


def _insert(connection: sqlite3.Connection, entry: Entry, came_from: State | None = None) -> bool:
    """Add one row unless the entry has one; say if it was added."""
    added = connection.execute(
        "INSERT OR IGNORE INTO entry (id, state, came_from, recording_json, begun_at, sealed_at,"
        " stored_at, released_at, receipt_json, quarantine_reason, purged)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            entry.id,
            entry.state.value,
            came_from and came_from.value,
            msgspec.json.encode(entry.recording),
            entry.begun_at.isoformat(),
            entry.sealed_at and entry.sealed_at.isoformat(),
            entry.stored_at and entry.stored_at.isoformat(),
            entry.released_at and entry.released_at.isoformat(),
            entry.receipt and msgspec.json.encode(entry.receipt),
            entry.quarantine_reason,
            int(entry.purged),
        ),
    )
    if added.rowcount:
        connection.executemany(
            "INSERT INTO medium (entry, idx, file, pulled_bytes, sha256, md5)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [
                (entry.id, m.medium.index, m.file, m.pulled_bytes, m.sha256, m.md5)
                for m in entry.media
            ],
        )
    return bool(added.rowcount)
