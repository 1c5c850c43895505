"""What was done since a moment: recordings pulled, stored and released, and failed attempts."""

import sqlite3
from datetime import datetime

from device.model import Done, Lately
from device.spool import figures, schema

_STEPS = """
    SELECT sealed_at >= :since, stored_at >= :since, released_at >= :since,
           (SELECT sum(json_extract(medium.value, '$.size_bytes'))
            FROM json_each(CAST(recording_json AS TEXT), '$.media') AS medium)
    FROM entry WHERE sealed_at >= :since OR stored_at >= :since OR released_at >= :since
"""
"""One pass over years of recordings; only what is recent is looked into."""


def lately(connection: sqlite3.Connection, since: datetime) -> Lately:
    """Count what happened from a moment on; recordings by their announced sizes."""
    found = connection.execute(_STEPS, {"since": since.isoformat()}).fetchall()
    pulled, stored, released = (
        Done(recordings=len(sizes), media_bytes=sum(sizes))
        for sizes in ([row[3] or 0 for row in found if row[step]] for step in range(3))
    )
    failures = 0
    if schema.check_version(connection) >= figures.FIRST_VERSION:
        failures = connection.execute(
            "SELECT count(*) FROM attempt WHERE at >= ?", (since.isoformat(),)
        ).fetchone()[0]
    return Lately(since=since, pulled=pulled, stored=stored, released=released, failures=failures)
