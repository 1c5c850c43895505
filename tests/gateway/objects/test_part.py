"""A half-received object across crashes and power cuts."""

import errno
import hashlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import StorageFailed, StorageFull
from gateway.objects.disk import Folders
from gateway.objects.part import FilePart, read_mark

CONTENT = bytes(range(256)) * 20


@pytest.fixture
def opened(tmp_path):
    parts = []
    (tmp_path / "parts").mkdir()
    (tmp_path / "objects").mkdir()

    def make(**more):
        sealed = tmp_path / "objects" / "rec" / "med"
        part = FilePart(tmp_path / "parts" / "med", sealed, Folders(), **more)
        parts.append(part)
        return part

    yield make
    for part in parts:
        part.close()


def digest(content):
    return hashlib.sha256(content).hexdigest()


def test_synced_bytes_survive_and_are_rehashed(opened):
    """What was synced is there when the part is opened again, under the right digest."""
    part = opened()
    part.write([CONTENT[:100], CONTENT[100:150]])
    part.sync()
    part.close()
    again = opened()

    assert again.held_bytes == 150
    assert again.sha256() == digest(CONTENT[:150])


def test_an_unsynced_tail_is_not_trusted(opened, tmp_path):
    """After a power cut the file may be longer than what was written: that tail is cut off."""
    part = opened()
    part.write([CONTENT[:100]])
    part.sync()
    part.write([b"\0" * 50])
    part.close()
    again = opened()

    assert again.held_bytes == 100
    assert (tmp_path / "parts" / "med").stat().st_size == 100


def test_a_lost_tail_is_noticed(opened, tmp_path):
    """A file shorter than its mark counts as long as it is."""
    part = opened()
    part.write([CONTENT[:100]])
    part.sync()
    part.close()
    os.truncate(tmp_path / "parts" / "med", 60)

    assert opened().held_bytes == 60


@given(st.binary(max_size=40))
def test_a_damaged_mark_is_nothing(content):
    """A mark that makes no sense vouches for nothing, and never fails."""

    class Mark:
        def read_bytes(self):
            return content

    mark = read_mark(Mark())

    assert mark == 0 or content == b"%020d\n" % mark


def test_long_writes_are_checkpointed(opened, monkeypatch):
    """Inside one long PUT the mark follows every so many bytes."""
    monkeypatch.setattr("gateway.objects.part._CHECKPOINT_BYTES", 1000)
    part = opened()
    part.write([CONTENT[:1500]])
    part.write([CONTENT[1500:1600]])
    part.close()

    assert opened().held_bytes == 1500


def test_slow_writes_are_checkpointed(opened):
    """On a slow line the mark follows every few seconds."""
    now = [0.0]
    part = opened(monotonic=lambda: now[0])
    part.write([b"a"])
    now[0] = 11.0
    part.write([b"b"])
    part.close()

    assert opened().held_bytes == 2


def test_a_short_write_goes_on(opened, monkeypatch):
    """A kernel that takes less than offered is offered the rest."""
    original = os.pwritev

    def short(fd, views, offset):
        return original(fd, [bytes(views[0])[:7]], offset)

    monkeypatch.setattr(os, "pwritev", short)
    part = opened()
    part.write([CONTENT[:100], CONTENT[100:120]])
    part.sync()

    assert part.held_bytes == 120
    assert part.sha256() == digest(CONTENT[:120])


def test_a_restart_begins_at_zero(opened):
    """A restarted part forgets its bytes, also for those who open it later."""
    part = opened()
    part.write([CONTENT])
    part.sync()
    part.restart()
    part.write([b"new"])
    part.sync()
    part.close()
    again = opened()

    assert (again.held_bytes, again.sha256()) == (3, digest(b"new"))


def test_sealing_moves_the_bytes(opened, tmp_path):
    """A sealed part is the object, and nothing stays behind."""
    part = opened()
    part.write([CONTENT])
    part.sync()
    stored = part.seal()

    assert (tmp_path / "objects" / "rec" / "med").read_bytes() == CONTENT
    assert (stored.size_bytes, stored.sha256) == (len(CONTENT), digest(CONTENT))
    assert list((tmp_path / "parts").iterdir()) == []


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_no_failing_fsync_seals(opened, tmp_path, monkeypatch, nth):
    """Whichever fsync of a seal fails, no object is left that might not be on disk."""
    original, calls = os.fsync, []

    def failing(fd):
        calls.append(fd)
        if len(calls) == nth:
            raise OSError(errno.EIO, "Input/output error")
        original(fd)

    part = opened()
    part.write([CONTENT])
    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(StorageFailed):
        part.seal()

    assert not (tmp_path / "objects" / "rec" / "med").exists()
    assert opened().held_bytes == 0


def test_a_mark_longer_than_its_part_vouches_for_nothing_to_come(opened, tmp_path):
    """A mark that outlived its part does not make later, unsynced bytes durable."""
    (tmp_path / "parts" / "med.mark").write_bytes(b"%020d\n" % 100)
    part = opened()
    part.write([b"\0" * 50])
    part.close()

    assert opened().held_bytes == 0


@pytest.mark.parametrize("seals", [False, True])
def test_what_a_full_disk_lost_is_never_acknowledged(opened, monkeypatch, seals):
    """A sync that found no room is reported once by the kernel: the next one proves nothing."""
    part = opened()
    part.write([CONTENT[:100]])
    part.sync()
    part.write([CONTENT[100:300]])
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", _failing(errno.ENOSPC))
        patch.setattr(os, "fsync", _failing(errno.ENOSPC))
        with pytest.raises(StorageFull):
            part.seal() if seals else part.sync()

    assert part.sync() == 100
    assert part.sha256() == digest(CONTENT[:100])


def test_a_mark_is_named_before_it_counts(opened, monkeypatch):
    """A mark whose first write found no room is made durable by name later on."""
    synced = []
    original = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(fd) or original(fd))
    part = opened()
    part.write([CONTENT[:100]])
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", _failing(errno.ENOSPC))
        with pytest.raises(StorageFull):
            part.sync()
    part.sync()

    assert len(synced) == 1


def test_a_read_only_disk_is_a_storage_failure(opened, monkeypatch):
    """A disk that fails and then turns read-only is told as such, not as a fault of ours."""
    part = opened()
    part.write([CONTENT])
    monkeypatch.setattr(os, "fdatasync", _failing(errno.EIO))
    monkeypatch.setattr(os, "unlink", _failing(errno.EROFS))
    monkeypatch.setattr("pathlib.Path.unlink", _failing(errno.EROFS))
    with pytest.raises(StorageFailed):
        part.sync()


def _failing(number):
    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    return fail
