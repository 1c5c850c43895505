"""A power cut at every single operation of a recording's life."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.device.spool import crash_life, cut_life
from tests.device.spool.disk import Loss

PROJECT = Path(__file__).parents[3]


@pytest.mark.timeout(90)
@pytest.mark.parametrize("loss", Loss)
@pytest.mark.parametrize("life", [crash_life, cut_life], ids=["life", "cut"])
def test_no_crash_point_loses_or_invents_anything(life, loss, quick_folder):
    """Killed at any operation, with any loss, the next start finds what was announced, whole.

    The same while a medium is cut into parts: all of them go up in its place, or none.
    """
    folder = quick_folder / "life"
    folder.mkdir()
    swept = subprocess.run(
        [sys.executable, life.__file__, folder, loss],
        cwd=PROJECT,
        env={"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=80,
    )
    points = [json.loads(line) for line in swept.stdout.splitlines()]

    assert [point for point in points if point["problem"]] == []
    assert len(points) > 100
    assert points[-1]["ended"]
