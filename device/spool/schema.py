"""The tables of spool.db, and how an older file becomes a current one."""

import sqlite3
from contextlib import suppress
from pathlib import Path

from device.errors import SpoolDamaged, SpoolError, SpoolFull, SpoolStorageFailed, SpoolTooNew

MIGRATIONS = (
    # 1: first release. Columns that end in _json hold model values as msgspec writes them.
    """
    CREATE TABLE entry (
        seq            INTEGER PRIMARY KEY,
        id             TEXT NOT NULL UNIQUE,
        state          TEXT NOT NULL,
        came_from      TEXT,
        recording_json BLOB NOT NULL,
        begun_at       TEXT NOT NULL,
        sealed_at      TEXT,
        stored_at      TEXT,
        released_at    TEXT,
        cloud_ref_json BLOB,
        receipt_json   BLOB,
        wait_json      BLOB,
        quarantine_reason TEXT,
        purged         INTEGER NOT NULL DEFAULT 0,
        attempts       INTEGER NOT NULL DEFAULT 0,
        reread_bytes   INTEGER NOT NULL DEFAULT 0,
        resent_bytes   INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX entry_state ON entry (state);
    CREATE TABLE medium (
        entry         TEXT NOT NULL REFERENCES entry (id) ON DELETE CASCADE,
        idx           INTEGER NOT NULL,
        file          TEXT NOT NULL,
        pulled_bytes  INTEGER NOT NULL DEFAULT 0,
        sha256        TEXT,
        md5           TEXT,
        session_json  BLOB,
        evidence_json BLOB,
        PRIMARY KEY (entry, idx)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE ledger (
        day        TEXT PRIMARY KEY,
        sent_bytes INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE cooldown (
        origin TEXT PRIMARY KEY,
        until  TEXT NOT NULL,
        reason TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE once (
        done TEXT PRIMARY KEY
    ) STRICT, WITHOUT ROWID;
    """,
    # 2: how recorders fare. Nothing here is needed to carry a recording: a lost row is told anew.
    """
    CREATE TABLE last_seen (
        recorder  TEXT PRIMARY KEY,
        url       TEXT NOT NULL,
        seen_at   TEXT NOT NULL,
        info_json BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE unreached (
        url     TEXT PRIMARY KEY,
        since   TEXT NOT NULL,
        problem TEXT NOT NULL,
        hint    TEXT
    ) STRICT, WITHOUT ROWID;
    """,
    # 3: media that are sent in parts. How they are cut stands in the folder too (cuts.py); a part's
    # idx is among those of what is sent, where the first part has that of its medium.
    """
    ALTER TABLE medium ADD COLUMN cut_json BLOB;
    CREATE TABLE part (
        entry         TEXT NOT NULL REFERENCES entry (id) ON DELETE CASCADE,
        idx           INTEGER NOT NULL,
        size_bytes    INTEGER NOT NULL,
        session_json  BLOB,
        evidence_json BLOB,
        PRIMARY KEY (entry, idx)
    ) STRICT, WITHOUT ROWID;
    """,
    # 4: the life of the device. `spent` is by the day of the box's own zone and by network, `kept`
    # holds small facts by name (settings of the gateway), `received_order` what the cloud asked to
    # be done, `attempt` the last failures of each entry.
    """
    CREATE TABLE spent (
        day        TEXT NOT NULL,
        kind       TEXT NOT NULL,
        costs      INTEGER NOT NULL,
        sent_bytes INTEGER NOT NULL,
        PRIMARY KEY (day, kind, costs)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO spent SELECT day, 'unknown', 1, sent_bytes FROM ledger;
    DROP TABLE ledger;
    CREATE TABLE kept (
        name       TEXT PRIMARY KEY,
        at         TEXT NOT NULL,
        value_json BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE received_order (
        seq         INTEGER PRIMARY KEY,
        id          TEXT NOT NULL UNIQUE,
        type        TEXT NOT NULL,
        params_json BLOB NOT NULL,
        state       TEXT NOT NULL,
        received_at TEXT NOT NULL,
        expires_at  TEXT,
        result_json BLOB,
        reported    INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE attempt (
        seq    INTEGER PRIMARY KEY,
        entry  TEXT NOT NULL REFERENCES entry (id) ON DELETE CASCADE,
        at     TEXT NOT NULL,
        code   TEXT NOT NULL,
        reason TEXT NOT NULL
    ) STRICT;
    CREATE INDEX attempt_entry ON attempt (entry);
    """,
)
"""Statement batches; `PRAGMA user_version` is how many of them a file has seen. Append only."""

VERSION = len(MIGRATIONS)

RECORDER = (
    "CASE WHEN json_valid(CAST(recording_json AS TEXT))"
    " THEN json_extract(CAST(recording_json AS TEXT), '$.key.recorder') ELSE '?' END"
)
"""Whose an entry is. Who reads a damaged row finds it out, not who counts or changes it."""
_BY_RECORDER = f"CREATE INDEX IF NOT EXISTS entry_recorder ON entry ({RECORDER}, state)"
"""Lets `status` count years of recordings without reading them. It holds nothing of its own, so it
is no part of a version: an earlier Fieldpost keeps it current, and a reader does without.
"""

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
_PRIMARY = 0xFF
_REBUILD = "start the agent, or: fieldpost spool rebuild --yes; both restore it from manifests"


def failure(error: sqlite3.Error) -> SpoolError:
    """Turn SQLite's error into ours, by its result code."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY
    if code == sqlite3.SQLITE_FULL:
        return SpoolFull(f"the spool's index cannot grow: {error}")
    if code in _DAMAGE:
        return SpoolDamaged(f"the spool's index is damaged: {error}", hint=_REBUILD)
    return SpoolStorageFailed(f"the spool's index cannot be used: {error}")


def connect(path: Path) -> sqlite3.Connection:
    """Open for writing by one thread, made current; every commit is durable when it returns.

    Raises:
        SpoolTooNew: A newer Fieldpost wrote it; the file is untouched.
        SpoolDamaged: It is no database, or a broken one.
        SpoolFull: No space for it.
        SpoolStorageFailed: The disk does not let us.
    """
    try:
        _refuse_newer(path)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise failure(error) from error
    try:
        # WAL with NORMAL may lose the last commits in a power cut: a receipt, for instance.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        findings = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if findings != "ok":
            raise SpoolDamaged(f"the spool's index is damaged: {findings}", hint=_REBUILD)
        _migrate(connection)
        # Only slower without it: a full disk must not keep a spool shut.
        with suppress(sqlite3.OperationalError):
            connection.execute(_BY_RECORDER)
    except sqlite3.Error as error:
        connection.close()
        raise failure(error) from error
    except SpoolError:
        connection.close()
        raise
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open an existing file to read from any thread, one at a time.

    Without a log beside it no agent has it open, and SQLite would create files to read it: it is
    then opened as immutable, so that looking leaves no trace.

    Raises:
        SpoolTooNew: A newer Fieldpost wrote it.
        SpoolDamaged: It is no database, or a broken one.
        SpoolStorageFailed: The disk does not let us.
    """
    mode = "mode=ro" if is_live(path) else "mode=ro&immutable=1"
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?{mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            check_version(connection)
        except (sqlite3.Error, SpoolTooNew):
            connection.close()
            raise
    except sqlite3.Error as error:
        raise failure(error) from error
    return connection


def is_live(path: Path) -> bool:
    """Tell whether a log lies beside a database: somebody has it open, or died while he had."""
    return path.with_name(path.name + "-wal").exists()


def check_version(connection: sqlite3.Connection) -> int:
    """Give the schema version of an open file.

    Raises:
        SpoolTooNew: It is later than ours.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise SpoolTooNew(f"the spool's index has schema version {version}, known is {VERSION}")
    return version


def _refuse_newer(path: Path) -> None:
    """Look at the version through a reader, which cannot change the file."""
    if path.exists() and path.stat().st_size:
        connect_to_read(path).close()


def _migrate(connection: sqlite3.Connection) -> None:
    """Apply what is missing, each step with its version in one transaction."""
    for number in range(check_version(connection), VERSION):
        # executescript would commit by itself; a crash must leave all of a step or nothing.
        connection.execute("BEGIN IMMEDIATE")
        for statement in MIGRATIONS[number].split(";"):
            if statement.strip():
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number + 1}")
        connection.execute("COMMIT")
