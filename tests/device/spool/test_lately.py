"""What was done since a moment."""

import sqlite3
from datetime import timedelta

from device.model import Attempt, Done
from device.spool.reader import read_only
from tests.device.spool.recordings import AUDIO, IMAGE, NOON, sealed


def test_what_was_sealed_counts_once_with_all_its_media(reopen):
    """Two media are one recording; what was done before the moment is not counted."""
    spool = reopen()
    entry = sealed(spool)
    at = entry.sealed_at
    spool.note_attempt(entry.id, Attempt(at=at, code="cloud-unwell", reason="HTTP 503"))
    with read_only(spool.root) as reader:
        now = reader.lately(at)
        later = reader.lately(at + timedelta(microseconds=1))

    assert (Done(recordings=1, media_bytes=len(AUDIO) + len(IMAGE)), 1) == (
        now.pulled,
        now.failures,
    )
    assert (Done(), Done(), 0) == (now.stored, later.pulled, later.failures)


def test_an_index_of_an_earlier_version_has_no_failures(reopen):
    """It is looked at before an agent made it current."""
    spool = reopen()
    spool.close()
    with sqlite3.connect(spool.root / "spool.db") as connection:
        connection.execute("DROP TABLE attempt")
        connection.execute("PRAGMA user_version = 3")
    connection.close()
    with read_only(spool.root) as reader:
        assert 0 == reader.lately(NOON).failures
