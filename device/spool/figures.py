"""Rows about the device's life: what was sent on which network, small facts, failed attempts."""

import sqlite3
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from device.model import Attempt, EntryId, Kept, Spent
from device.spool import schema

FIRST_VERSION = 4
"""An index of an earlier Fieldpost has no such tables until an agent opens it."""

MOST_ATTEMPTS = 20
"""Of each entry: the last ones."""
DAYS = 400
"""A ledger is kept a year and a month."""


def spent(connection: sqlite3.Connection, day: date) -> tuple[Spent, ...]:
    """Load what left on one day, by network."""
    if schema.check_version(connection) < FIRST_VERSION:
        return ()
    found = connection.execute(
        "SELECT kind, costs, sent_bytes FROM spent WHERE day = ? ORDER BY kind, costs",
        (day.isoformat(),),
    )
    return tuple(
        Spent(kind=kind, costs=bool(costs), sent_bytes=sent_bytes)
        for kind, costs, sent_bytes in found
    )


def paid(connection: sqlite3.Connection) -> dict[date, int]:
    """Sum up, for each day, what left over networks that cost."""
    if schema.check_version(connection) < FIRST_VERSION:
        return {}
    found = connection.execute("SELECT day, SUM(sent_bytes) FROM spent WHERE costs GROUP BY day")
    return {date.fromisoformat(day): sent_bytes for day, sent_bytes in found}


def spend(connection: sqlite3.Connection, day: date, more: Spent) -> None:
    """Add to the ledger; what is older than it is kept goes."""
    connection.execute(
        "INSERT INTO spent (day, kind, costs, sent_bytes) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (day, kind, costs) "
        "DO UPDATE SET sent_bytes = sent_bytes + excluded.sent_bytes",
        (day.isoformat(), more.kind, more.costs, more.sent_bytes),
    )
    if day - date.min > timedelta(days=DAYS):
        oldest = (day - timedelta(days=DAYS)).isoformat()
        connection.execute("DELETE FROM spent WHERE day < ?", (oldest,))


def kept(connection: sqlite3.Connection, name: str) -> Kept | None:
    """Load a small fact; one that cannot be read is none."""
    if schema.check_version(connection) < FIRST_VERSION:
        return None
    row = connection.execute("SELECT at, value_json FROM kept WHERE name = ?", (name,)).fetchone()
    if row is None:
        return None
    try:
        return Kept(at=datetime.fromisoformat(row[0]), value=msgspec.json.decode(row[1]))
    except (msgspec.DecodeError, ValueError):
        return None


def keep(connection: sqlite3.Connection, name: str, at: datetime, value: Any) -> None:
    """Replace a small fact; None takes it away."""
    if value is None:
        connection.execute("DELETE FROM kept WHERE name = ?", (name,))
        return
    connection.execute(
        "INSERT OR REPLACE INTO kept (name, at, value_json) VALUES (?, ?, ?)",
        (name, at.isoformat(), msgspec.json.encode(value)),
    )


def attempts(connection: sqlite3.Connection, entry: EntryId) -> tuple[Attempt, ...]:
    """Load the last failures of an entry, oldest first."""
    if schema.check_version(connection) < FIRST_VERSION:
        return ()
    found = connection.execute(
        "SELECT at, code, reason FROM attempt WHERE entry = ? ORDER BY seq", (entry,)
    )
    return tuple(
        Attempt(at=datetime.fromisoformat(at), code=code, reason=reason)
        for at, code, reason in found
    )


def note_attempt(connection: sqlite3.Connection, entry: EntryId, attempt: Attempt) -> None:
    """Add a failure; the oldest of an entry make room."""
    connection.execute(
        "INSERT INTO attempt (entry, at, code, reason) VALUES (?, ?, ?, ?)",
        (entry, attempt.at.isoformat(), attempt.code, attempt.reason),
    )
    connection.execute(
        "DELETE FROM attempt WHERE entry = ? AND seq NOT IN "
        "(SELECT seq FROM attempt WHERE entry = ? ORDER BY seq DESC LIMIT ?)",
        (entry, entry, MOST_ATTEMPTS),
    )
