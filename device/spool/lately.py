"""What was done since a moment: recordings pulled, stored and released, and failed attempts."""

import sqlite3
from datetime import datetime

from device.model import Done, Lately
from device.spool import figures, schema

_DONE = """
    SELECT count(DISTINCT entry.id), coalesce(sum(json_extract(medium.value, '$.size_bytes')), 0)
    FROM entry, json_each(CAST(recording_json AS TEXT), '$.media') AS medium
    WHERE entry.{column} >= ?
"""


def lately(connection: sqlite3.Connection, since: datetime) -> Lately:
    """Count what happened from a moment on; recordings by their announced sizes."""
    pulled, stored, released = (
        _done(connection, column, since) for column in ("sealed_at", "stored_at", "released_at")
    )
    failures = 0
    if schema.check_version(connection) >= figures.FIRST_VERSION:
        found = connection.execute(
            "SELECT count(*) FROM attempt WHERE at >= ?", (since.isoformat(),)
        )
        failures = int(found.fetchone()[0])
    return Lately(since=since, pulled=pulled, stored=stored, released=released, failures=failures)


def _done(connection: sqlite3.Connection, column: str, since: datetime) -> Done:
    recordings, media_bytes = connection.execute(
        _DONE.format(column=column), (since.isoformat(),)
    ).fetchone()
    return Done(recordings=int(recordings), media_bytes=int(media_bytes))
