"""Starts after a cut at one known place; the sweep of test_crash_points.py finds the unknown."""

import errno
import fcntl
import os
import sqlite3
from pathlib import Path

import pytest

from device.errors import SpoolFull, SpoolStorageFailed
from device.model import State
from device.spool import durable, room, rows
from device.spool.spool import Spool
from device.spool.tombstones import encode_receipt
from tests.device.spool.recordings import AUDIO, IMAGE, pull, receipt, recording, sealed, stored

ENTRY = recording().key.entry_id()


def set_row(config, **columns):
    """Put the index back to where it stood before the cut."""
    connection = sqlite3.connect(config.path / "spool.db")
    for column, value in columns.items():
        connection.execute(f"UPDATE entry SET {column} = ?", (value,))  # noqa: S608 - a test's own
    connection.commit()
    connection.close()


@pytest.fixture
def after(reopen):
    """Do something, close, and give back the way to start again."""

    def done(work):
        spool = reopen()
        work(spool)
        spool.close()
        return reopen

    return done


def test_a_seal_cut_before_its_row_is_completed(after, config):
    """The folder is sealed, the row still pulls: the row follows."""
    restart = after(sealed)
    set_row(config, state="pulling", sealed_at=None)
    spool = restart()

    assert State.SEALED is spool.entry(ENTRY).state
    assert AUDIO == spool.media_path(ENTRY, 0).read_bytes()


def test_a_sealed_folder_that_is_not_whole_goes_back_to_pulling(after, config):
    """Nothing half-written stays under sealed/."""
    restart = after(sealed)
    set_row(config, state="pulling", sealed_at=None)
    (config.path / "sealed" / ENTRY / "0001.jpg").unlink()
    spool = restart()

    assert State.PULLING is spool.entry(ENTRY).state
    assert (config.path / "incoming" / ENTRY / "audio.opus").exists()
    assert not (config.path / "sealed" / ENTRY).exists()


def test_a_sealed_row_whose_folder_still_lies_under_incoming_gets_it(after, config):
    """The disk lost the rename, not the bytes."""
    restart = after(sealed)
    (config.path / "sealed" / ENTRY).rename(config.path / "incoming" / ENTRY)
    spool = restart()

    assert State.SEALED is spool.entry(ENTRY).state
    assert AUDIO == spool.media_path(ENTRY, 0).read_bytes()


def test_a_store_cut_before_its_row_is_completed(after, config):
    """A receipt on the disk is the cloud's word, whatever the row says."""
    restart = after(sealed)
    (config.path / "sealed" / ENTRY / "receipt.cbor").write_bytes(encode_receipt(receipt()))
    entry = restart().entry(ENTRY)

    assert (State.STORED, receipt()) == (entry.state, entry.receipt)


def test_a_release_cut_before_its_media_went_is_completed(after, config):
    """The row says released: what is left of the folder goes."""

    def release_and_leave(spool):
        stored(spool)
        kept = config.path / "kept"
        (config.path / "sealed" / ENTRY).rename(kept)
        spool.release(ENTRY)
        kept.rename(config.path / "sealed" / ENTRY)

    restart = after(release_and_leave)
    spool = restart()

    assert State.RELEASED is spool.entry(ENTRY).state
    assert [] == list((config.path / "sealed").iterdir())


def test_a_purge_cut_before_its_media_went_is_completed(after, config):
    """The row says purged: the media go, the receipt stays."""
    restart = after(stored)
    set_row(config, purged=1)
    restart()

    assert ["manifest.cbor", "receipt.cbor"] == sorted(
        path.name for path in (config.path / "sealed" / ENTRY).iterdir()
    )


def test_a_stored_entry_without_any_folder_is_still_stored(after, config):
    """Its media are in the cloud."""
    restart = after(stored)
    for file in (config.path / "sealed" / ENTRY).iterdir():
        file.unlink()
    (config.path / "sealed" / ENTRY).rmdir()
    spool = restart()

    assert (State.STORED, True) == ((held := spool.entry(ENTRY)).state, held.purged)
    assert State.RELEASED is spool.release(ENTRY).state


@pytest.mark.parametrize("state", ["quarantined", "pulling"])
def test_a_quarantine_or_requeue_cut_before_its_folder_moved_is_completed(state, after, config):
    """The folder follows the row, in either direction."""

    def half_pulled(spool):
        entry = spool.begin(recording())
        spool.partial(entry.id, 0).append(b"x" * 1000)
        if state == "pulling":
            spool.quarantine(entry.id, "why not")

    restart = after(half_pulled)
    set_row(config, state=state, came_from="pulling")
    spool = restart()
    place = "quarantine" if state == "quarantined" else "incoming"

    assert state == spool.entry(ENTRY).state
    assert (config.path / place / ENTRY / "audio.opus").exists()


def test_an_empty_folder_of_a_begin_that_was_cut_goes(after, config):
    """Nothing is in it, so nothing is lost and nobody needs to look."""
    restart = after(lambda _: None)
    (config.path / "incoming" / ENTRY).mkdir()
    spool = restart()

    assert () == spool.left
    assert not (config.path / "incoming" / ENTRY).exists()


def test_one_unreadable_folder_does_not_stop_the_others(after, config, monkeypatch):
    """A failing disk costs the entry it hits; the agent starts and names it."""

    def two(spool):
        sealed(spool, recording("01" * 16))
        pull(spool, recording("02" * 16))

    restart = after(two)
    bad = recording("01" * 16).key.entry_id()
    real = Path.read_bytes

    def fail(path):
        if bad in str(path):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", fail)
    spool = restart()

    assert [bad] == [left.folder.name for left in spool.left]
    assert "Input/output error" in spool.left[0].reason
    assert State.SEALED is spool.seal(recording("02" * 16).key.entry_id()).state


def test_a_full_disk_and_a_read_only_one_have_names():
    """The class says whether to wait for room or to look at the disk."""
    full = durable.failure(OSError(errno.ENOSPC, "x"), "cannot write")
    fixed = durable.failure(OSError(errno.EROFS, "x"), "cannot write")

    assert isinstance(full, SpoolFull)
    assert isinstance(fixed, SpoolStorageFailed)
    assert "read-only" in fixed.hint


@pytest.mark.parametrize(
    ("free_bytes", "inodes", "expected"),
    [
        (1000, (1000, 500), None),
        (999, (1000, 500), "has 999 bytes free"),
        (1000, (1000, 63), "63 inodes"),
        (1000, (0, 0), None),
    ],
)
def test_room_is_counted_in_bytes_and_inodes(free_bytes, inodes, expected, config, monkeypatch):
    """File systems that count no inodes report 0 of 0, and never run out of them."""

    class Disk:
        f_bavail = free_bytes
        f_frsize = 1
        f_files, f_favail = inodes

    monkeypatch.setattr(os, "statvfs", lambda _: Disk)
    shortage = room.shortage(config, 0, 1000)

    assert shortage is None if expected is None else expected in shortage


def test_a_spool_that_cannot_be_locked_says_why(config, clock, monkeypatch):
    """A file system without locks is an error of storage, not another agent."""

    def fail(*_):
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", fail)

    with pytest.raises(SpoolStorageFailed):
        Spool.open(config, clock)


def test_what_only_lacks_its_seal_is_sealed_by_the_start(reopen, config):
    """Whole and checked, cut before the seal: it goes up though its recorder never comes back."""
    spool = reopen()
    entry = spool.begin(recording())
    for index, content in enumerate((AUDIO, IMAGE)):
        partial = spool.partial(entry.id, index)
        partial.append(content)
        spool.finish_medium(entry.id, index, partial)
    spool.close()
    spool = reopen()

    assert State.SEALED is spool.entry(ENTRY).state
    assert [AUDIO, IMAGE] == [spool.media_path(ENTRY, i).read_bytes() for i in (0, 1)]


def test_a_start_does_not_load_what_was_released(after, monkeypatch):
    """Released rows stay for ever; a start whose memory grew with them would end the agent."""
    restart = after(lambda spool: spool.release(stored(spool).id))
    loaded = []
    built = rows._built
    monkeypatch.setattr(rows, "_built", lambda row, media: loaded.append(row) or built(row, media))
    spool = restart()

    assert loaded == []
    assert [ENTRY] == spool.ids(State.RELEASED)
    assert [] == spool.ids(State.SEALED)
