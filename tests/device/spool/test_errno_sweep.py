"""A disk that fails once, at every single operation of a recording's life."""

import errno
import itertools
import os

import pytest

from device.config import SpoolConfig
from device.errors import SpoolError, SpoolFull, SpoolStorageFailed
from device.model import State
from device.spool.spool import Spool
from tests.device.spool.disk import Disk, Loss
from tests.device.spool.recordings import live, recording


def fail_once(config, clock, number, at, *, upto=None):
    """Live on a disk whose operation `at` fails, trying again as an agent does.

    Returns the disk, and the errors the spool raised.
    """

    def strike(name):
        if name not in {"commit", "committed"}:  # SQLite's failures have their own sweep
            raise OSError(number, os.strerror(number))

    disk = Disk(config.path, at, strike)
    raised = []
    with disk:
        for _ in range(3):
            try:
                spool = Spool.open(config, clock)
            except SpoolError as error:
                raised.append(error)
                continue
            for _ in range(3):
                try:
                    live(spool, upto=upto)
                    break
                except SpoolError as error:
                    raised.append(error)
            spool.close()
            break
    return disk, raised


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_every_failed_operation_is_a_typed_error_and_a_second_try_ends_well(
    number, quick_folder, clock
):
    """Whatever fails, the spool says so in its own words, and nothing is lost by trying again."""
    expected = SpoolFull if number == errno.ENOSPC else SpoolStorageFailed
    for at in itertools.count(1):
        here = SpoolConfig(path=quick_folder / str(at), min_free_bytes=0)
        disk, raised = fail_once(here, clock, number, at)
        spool = Spool.open(here, clock)
        states = [entry.state for entry in spool.entries()]
        spool.close()

        assert [State.RELEASED] == states
        assert all(type(error) is expected for error in raised)
        if disk.count < at:
            break


def test_a_failed_fsync_is_never_trusted_afterwards(quick_folder, clock):
    """After a failed fsync and a second try, a power cut still finds the sealed media whole."""
    for at in itertools.count(1):
        here = SpoolConfig(path=quick_folder / str(at), min_free_bytes=0)
        disk, _ = fail_once(here, clock, errno.EIO, at, upto=State.SEALED)
        disk.stash.mkdir(exist_ok=True)
        disk.forget(Loss.CONTENT)
        spool = Spool.open(here, clock)
        problems = [checked for checked in spool.verify() if checked.problem]
        states = [entry.state for entry in spool.entries()]
        spool.close()

        assert [] == problems
        assert [State.SEALED] == states
        if disk.count < at:
            break


def test_a_full_disk_keeps_what_was_pulled(config, clock):
    """When the disk fills up in mid-pull, what is held stays and the pull goes on from there."""
    spool = Spool.open(config, clock)
    entry = spool.begin(recording())
    partial = spool.partial(entry.id, 0)
    partial.append(b"x" * 1000)
    partial.checkpoint()

    def strike(_):
        raise OSError(errno.ENOSPC, "full")

    disk = Disk(config.path, 1, strike)
    # The file is older than this disk's patches, so tell it about the inode.
    disk.synced[(config.path / "incoming" / entry.id / "audio.opus").stat().st_ino] = 1000
    with disk, pytest.raises(SpoolFull):
        partial.append(b"y" * 1000)
    partial.append(b"y" * 1000)
    kept = partial.size_bytes
    spool.close()

    assert 2000 == kept
