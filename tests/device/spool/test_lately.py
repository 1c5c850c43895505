"""What was done since a moment."""

import sqlite3
from datetime import timedelta

from device.model import Attempt, Done
from device.spool.reader import read_only
from tests.device.spool.recordings import AUDIO, IMAGE, NOON, receipt, recording, sealed


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


def test_each_step_has_its_own_figure(reopen, clock):
    """What was released was pulled and stored as well; what is older counts where it moved."""
    spool = reopen()
    stays, goes = sealed(spool), sealed(spool, recording("cd" * 16))
    clock.advance(60)
    spool.store(goes.id, receipt())
    clock.advance(60)
    spool.release(goes.id)
    steps = [stays.sealed_at + timedelta(seconds=passed) for passed in (0, 60, 120, 121)]
    with read_only(spool.root) as reader:
        seen = [reader.lately(since) for since in steps]

    assert [(2, 1, 1), (0, 1, 1), (0, 0, 1), (0, 0, 0)] == [
        (each.pulled.recordings, each.stored.recordings, each.released.recordings) for each in seen
    ]


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
