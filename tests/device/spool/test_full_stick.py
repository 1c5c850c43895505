"""A stick that is really full: whatever the kernel does then, what is on it is whole."""

import json
import shutil
import subprocess
import sys

import pytest

from tests.device.spool import full_stick


def test_a_full_stick_holds_what_is_whole_and_is_completed_on_a_larger_one(tmp_path):
    """Refused by the kernel's figure, then in the middle of a file; then there is room."""
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed: no small file system to fill")
    (tmp_path / "stick").mkdir()
    command = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-m"]
    done = subprocess.run(
        [*command, full_stick.__name__, tmp_path / "stick", tmp_path / "spool"],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip("this kernel does not let us mount a small file system of our own")

    assert json.loads(done.stdout or "{}") == {
        "asked": "export-full",
        "written": "export-full",
        "half": 0,
        "sums": True,
        "larger": "there already there already written",
        "all": 3,
    }, done.stderr
