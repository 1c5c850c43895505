"""Counting years of recordings: by an index, which no spool needs to be opened."""

import sqlite3
from contextlib import closing

import pytest

from device.model import State
from device.spool import rows, schema
from device.spool.reader import read_only
from tests.device.spool.recordings import recording, sealed, stored


def test_recordings_are_counted_by_recorder_and_state(spool):
    """Each counts once."""
    recorder = stored(spool).recording.key.recorder
    sealed(spool, recording("rec_2"))
    with read_only(spool.root) as reader:
        counted = reader.counts()

    assert {recorder: {State.STORED: 1, State.SEALED: 1}} == counted


def test_counting_reads_no_recording(spool):
    """A box that has released a hundred thousand answers `status` at once all the same."""
    asked: list[str] = []
    with closing(schema.connect_to_read(spool.root / "spool.db")) as connection:
        connection.set_trace_callback(asked.append)
        rows.counts(connection)
        connection.set_trace_callback(None)
        plan = connection.execute(f"EXPLAIN QUERY PLAN {asked[0]}").fetchall()

    assert "INDEX entry_recorder" in plan[0][3]


def test_a_damaged_row_is_counted_and_can_be_changed(spool):
    """Whoever reads it finds it out; the others are carried meanwhile."""
    sealed(spool)
    with closing(sqlite3.connect(spool.root / "spool.db")) as connection:
        connection.execute("UPDATE entry SET recording_json = ?", (b"{",))
        connection.commit()
        counted = rows.counts(connection)

    assert {"?": {State.SEALED: 1}} == counted


def test_a_full_disk_keeps_no_spool_shut(reopen):
    """Without room for its index a spool only counts more slowly."""
    spool = reopen()
    spool.close()
    database = spool.root / "spool.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DROP INDEX entry_recorder")
        connection.execute("VACUUM")
    opened = sqlite3.connect

    def full(*args, **how):
        connection = opened(*args, **how)
        connection.execute("PRAGMA max_page_count = 1")  # no less than there are
        return connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", full)
        schema.connect(database).close()
    with closing(sqlite3.connect(database)) as connection:
        made = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'entry_recorder'")

        assert None is made.fetchone()
