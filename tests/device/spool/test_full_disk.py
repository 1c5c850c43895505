"""A real file system that is really full."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.device.spool import full_disk

PROJECT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """What the spool did on a small tmpfs, mounted where only it can see it."""
    place = tmp_path_factory.mktemp("disk")
    namespace = ["unshare", "--user", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed: no small file system to fill")
    may = subprocess.run(
        [*namespace, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place],
        capture_output=True,
        check=False,
    )
    if may.returncode:
        pytest.skip("this kernel does not let us mount a small file system of our own")
    ran = subprocess.run(
        [*namespace, sys.executable, full_disk.__file__, place],
        cwd=PROJECT,
        env={"PYTHONPATH": str(PROJECT), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_a_pull_that_will_not_fit_is_refused_before_it_begins(report):
    """The recording waits on its recorder."""
    assert "spool-full" == report["fill"]["before"]


def test_a_disk_that_fills_up_in_mid_pull_keeps_what_it_holds(report):
    """The error is typed, and the file is as long as the spool says."""
    assert "spool-full" == report["fill"]["during"]
    assert report["fill"]["file_agrees"]


def test_an_index_that_cannot_grow_says_so(report):
    """Changes of the index are refused or kept, and never raise anything else."""
    assert report["fill"]["index"] in ([], ["spool-full"])


def test_the_pull_goes_on_when_there_is_room_again(report):
    """Nothing that was sealed is lost, and what was held is not pulled again."""
    assert report["fill"]["sealed"]
    assert [] == report["fill"]["problems"]


def test_inodes_run_out_before_bytes_do(report):
    """A disk full of small files is full, and what is stored gives way first."""
    assert {"inodes": True, "purged": True} == report["starve"]
