"""What the gateway acknowledged holds, wherever it is killed and whatever a power cut takes."""

import json
import subprocess
import sys

import pytest


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("loss", "first"), [("kill", 1), ("power", 5)])
def test_no_crash_breaks_a_promise(tmp_path, loss, first):
    """Offsets, whole media, completed and deleted recordings survive; the agent gets to the end.

    Every eighth operation of two recordings' lives; the program takes 1 as stride for all of them.
    """
    program = [sys.executable, "-m", "tests.gateway.crash_life", str(tmp_path), loss, "8"]
    done = subprocess.run([*program, str(first)], capture_output=True, text=True, check=False)
    points = [json.loads(line) for line in done.stdout.splitlines()]

    assert done.returncode == 0, done.stderr[-2000:]
    assert [point for point in points if point["problem"]] == []
    assert sum(point["died"] for point in points) > 12
    assert not points[-1]["died"]


@pytest.mark.timeout(180)
def test_no_crash_before_a_bucket_breaks_a_promise(tmp_path):
    """What was completed is in the bucket, and nothing is left there that nobody awaits.

    Every sixteenth step of four recordings' lives; the program takes 1 as stride for all of them.
    """
    program = [sys.executable, "-m", "tests.gateway.crash_life_bucket", str(tmp_path), "16", "7"]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    points = [json.loads(line) for line in done.stdout.splitlines()]

    assert done.returncode == 0, done.stderr[-2000:]
    assert [point for point in points if point["problem"]] == []
    assert sum(point["died"] for point in points) > 4
    assert not points[-1]["died"]
