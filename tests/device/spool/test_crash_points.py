"""A power cut at every single operation of a recording's life."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.device.spool import crash_life
from tests.device.spool.disk import Loss

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def quick_folder():
    """A folder in memory where there is one: the sweep's own disk decides what is durable."""
    memory = Path("/dev/shm")  # noqa: S108 - a fresh folder inside, not a fixed name
    folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.timeout(90)
@pytest.mark.parametrize("loss", Loss)
def test_no_crash_point_loses_or_invents_anything(loss, quick_folder):
    """Killed at any operation, with any loss, the next start finds what was announced, whole."""
    folder = quick_folder / "life"
    folder.mkdir()
    swept = subprocess.run(
        [sys.executable, crash_life.__file__, folder, loss],
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
