"""Rows about recorders: the last heard of each, and which cannot be reached. Nothing heavy."""

import sqlite3
from datetime import datetime

import msgspec

from device.model import LastSeen, RecorderInfo, Unreached
from device.spool import schema

FIRST_VERSION = 2
"""An index of an earlier Fieldpost has no such tables until an agent opens it."""

MOST_RECORDERS = 64
"""A recorder that calls itself otherwise each time must not make the table grow."""

_info = msgspec.json.Decoder(RecorderInfo)


def last_seen(connection: sqlite3.Connection) -> list[LastSeen]:
    """Load the last that was heard of each recorder, by name; a row that cannot be read is none."""
    if schema.check_version(connection) < FIRST_VERSION:
        return []
    found = connection.execute("SELECT url, seen_at, info_json FROM last_seen ORDER BY recorder")
    return [each for row in found if (each := _last_seen(*row)) is not None]


def unreached(connection: sqlite3.Connection) -> list[Unreached]:
    """Load which URLs visits fail at, and why."""
    if schema.check_version(connection) < FIRST_VERSION:
        return []
    found = connection.execute("SELECT url, since, problem, hint FROM unreached ORDER BY url")
    return [each for row in found if (each := _unreached(*row)) is not None]


def save(connection: sqlite3.Connection, seen: LastSeen) -> None:
    """Replace what is kept of a recorder; those not heard of for longest make room."""
    connection.execute(
        "INSERT OR REPLACE INTO last_seen (recorder, url, seen_at, info_json) VALUES (?, ?, ?, ?)",
        (
            seen.info.recorder,
            seen.url,
            seen.seen_at.isoformat(),
            msgspec.json.encode(seen.info),
        ),
    )
    connection.execute(
        "DELETE FROM last_seen WHERE recorder NOT IN "
        "(SELECT recorder FROM last_seen ORDER BY recorder = ? DESC, seen_at DESC LIMIT ?)",
        (seen.info.recorder, MOST_RECORDERS),
    )


def save_unreached(connection: sqlite3.Connection, why: Unreached) -> None:
    """Replace what is kept of why a URL fails."""
    connection.execute(
        "INSERT OR REPLACE INTO unreached (url, since, problem, hint) VALUES (?, ?, ?, ?)",
        (why.url, why.since.isoformat(), why.problem, why.hint),
    )


def save_reached(connection: sqlite3.Connection, url: str) -> None:
    """Drop what is kept of why a URL fails."""
    connection.execute("DELETE FROM unreached WHERE url = ?", (url,))


def _last_seen(url: str, seen_at: str, info: bytes) -> LastSeen | None:
    try:
        return LastSeen(info=_info.decode(info), url=url, seen_at=datetime.fromisoformat(seen_at))
    except ValueError:  # it is told anew at the next visit; `status` must not stop at it
        return None


def _unreached(url: str, since: str, problem: str, hint: str | None) -> Unreached | None:
    try:
        return Unreached(url=url, since=datetime.fromisoformat(since), problem=problem, hint=hint)
    except ValueError:  # as above
        return None
