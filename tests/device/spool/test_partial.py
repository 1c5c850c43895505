"""The append-only file of one medium: what counts, and when."""

import hashlib
import os

import pytest

from device.errors import ProtocolViolation, SpoolStorageFailed
from device.spool.partial import Partial
from tests.device.spool.recordings import sha256
from tests.fakes.clock import FakeClock

MIB = 1 << 20


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "incoming").mkdir()
    return tmp_path / "incoming" / "entry"


@pytest.fixture
def open_partial(folder):
    opened = []

    def again(recorded_bytes=0, clock=None, limit_bytes=100 * MIB):
        partial = Partial(
            folder / "audio.opus",
            limit_bytes=limit_bytes,
            recorded_bytes=recorded_bytes,
            record=recorded.append,
            clock=clock or FakeClock(),
        )
        opened.append(partial)
        return partial

    recorded: list[int] = []
    again.recorded = recorded
    yield again
    for partial in opened:
        partial.drop()


def test_a_checkpoint_waits_for_a_mebibyte_and_five_seconds(open_partial):
    """Whichever comes later, so that neither a fast nor a slow line wears the card out."""
    clock = FakeClock()
    partial = open_partial(clock=clock)
    partial.append(bytes(2 * MIB))
    after_bytes = list(open_partial.recorded)
    clock.advance(5)
    partial.append(b"x")
    after_both = list(open_partial.recorded)
    clock.advance(5)
    partial.append(b"x")

    assert [] == after_bytes
    assert [2 * MIB + 1] == after_both == open_partial.recorded


def test_bytes_beyond_the_checkpoint_are_kept_but_not_vouched_for(open_partial):
    """After a crash the longer file is kept; a caller without block hashes goes back."""
    partial = open_partial()
    partial.append(b"durable")
    partial.checkpoint()
    partial.append(b" and more")
    partial.drop()
    again = open_partial(recorded_bytes=7)
    held = again.size_bytes
    again.truncate(again.durable_bytes)

    assert 16 == held
    assert 7 == again.size_bytes == again.durable_bytes
    assert sha256(b"durable") == again.sha256()


def test_after_a_clean_close_everything_counts(open_partial):
    """Closing is a checkpoint."""
    partial = open_partial()
    partial.append(b"all of it")
    partial.close()
    partial.close()

    assert [9] == open_partial.recorded
    assert 9 == open_partial(recorded_bytes=9).durable_bytes


def test_a_file_that_lost_bytes_does_not_lend_its_promise_to_new_ones(open_partial, folder):
    """When the disk lost what was durable, the index is corrected before anything is written."""
    folder.mkdir()
    (folder / "audio.opus").write_bytes(b"abc")
    partial = open_partial(recorded_bytes=10)

    assert [3] == open_partial.recorded
    assert 3 == partial.durable_bytes


def test_truncating_below_the_checkpoint_tells_the_index_first(open_partial):
    """Bytes that come in place of the old ones are not durable yet."""
    partial = open_partial()
    partial.append(b"0123456789")
    partial.checkpoint()
    partial.truncate(4)
    partial.append(b"x")

    assert [10, 4] == open_partial.recorded
    assert 4 == partial.durable_bytes
    assert sha256(b"0123x") == partial.sha256()


def test_the_prefix_is_hashed_anew_from_the_disk(open_partial):
    """Digests of a resumed medium cover what the file holds now."""
    partial = open_partial()
    partial.append(b"first ")
    partial.close()
    again = open_partial(recorded_bytes=6)
    again.append(b"second")

    assert sha256(b"first second") == again.sha256()
    assert hashlib.md5(b"first second", usedforsecurity=False).hexdigest() == again.md5()


def test_more_bytes_than_announced_are_refused(open_partial):
    """A recorder that never stops does not fill the disk."""
    partial = open_partial(limit_bytes=10)
    partial.append(b"0123456789")
    with pytest.raises(ProtocolViolation):
        partial.append(b"x")

    assert 10 == partial.size_bytes


def test_a_failed_fsync_starts_the_medium_over_in_a_new_file(open_partial, folder, monkeypatch):
    """The old inode is never synced again: its file is deleted and the index says 0."""
    partial = open_partial()
    partial.append(b"abc")
    inode = (folder / "audio.opus").stat().st_ino
    kept_open = os.open(folder / "audio.opus", os.O_RDONLY)  # so that the inode is not used again
    synced = []

    def fail(file):
        synced.append(os.fstat(file).st_ino)
        raise OSError(5, "I/O error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        with pytest.raises(SpoolStorageFailed):
            partial.checkpoint()
    partial.close()
    again = open_partial()
    again.append(b"abc")
    again.checkpoint()
    fresh = (folder / "audio.opus").stat().st_ino
    os.close(kept_open)

    assert [inode] == synced
    assert inode != fresh
    assert [0, 3] == open_partial.recorded


def test_a_truncation_beyond_the_end_is_a_mistake(open_partial):
    """Only a prefix can be kept."""
    partial = open_partial()
    partial.append(b"abc")

    with pytest.raises(ValueError, match="cannot keep 4 of 3"):
        partial.truncate(4)
