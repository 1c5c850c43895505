"""Probing recorders: a simulated one on a pty, folders, and what an agent holds."""

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager

import pytest

from device.clock import SystemClock
from device.config import RecorderConfig
from device.links.serial import SerialLink
from device.probe import ble, folder, serial
from device.verdict import Verdict
from tests.fakes.scene import config_of, probe_of

pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def recorder(tmp_path):
    """A simulated recorder in a process of its own; yields its URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "device.cli.main", "simulate", "recorder",
        "--link", str(tmp_path / "usb-AM-07"), "--recordings", "1", "--baud", "3000000",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        limit=1 << 20, env={**os.environ},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(15):
            yield json.loads(await process.stdout.readline())["url"]
    finally:
        process.kill()
        await process.communicate()


async def gone(kind, url, tmp_path, **more):
    config = config_of("https://x.example/v1", tmp_path, **more.pop("config", {}))
    return {s.name: s async for s in kind.steps(probe_of(url, config, clock=SystemClock(), **more))}


async def test_a_recorder_that_answers_is_measured(tmp_path):
    """Who it is, how long a question takes, how fast a read is."""
    async with recorder(tmp_path) as url:
        steps = await gone(serial, url, tmp_path)

    assert ["port", "permission", "holder", "open", "hello", "round-trip", "read"] == list(steps)
    assert {Verdict.OK} == {step.finding.verdict for step in steps.values()}
    assert "SIM00000" == steps["hello"].facts["serial"]
    assert steps["read"].facts["read_bytes"] > 0


async def test_a_port_that_another_program_holds_is_told_with_its_name(tmp_path):
    """Whoever stands there can end it."""
    async with recorder(tmp_path) as url, await SerialLink.open(url):
        steps = await gone(serial, url, tmp_path)

    assert "in use" in steps["open"].finding.sentence


async def test_a_port_that_is_not_there_ends_the_way(tmp_path):
    """Nothing is opened."""
    steps = await gone(serial, f"serial://{tmp_path}/none", tmp_path)

    assert ["port"] == list(steps)
    assert Verdict.FAILED is steps["port"].finding.verdict


@pytest.mark.parametrize("kind", [serial, ble])
async def test_what_the_agent_holds_is_not_disturbed(tmp_path, kind):
    """It is told how to look at it through the agent."""
    port = tmp_path / "port"
    port.touch()
    url = f"serial://{port}" if kind is serial else "ble://C0:FF:EE:00:00:01"
    status = {"agent": {"running": True}, "configured": [url]}
    steps = await gone(kind, url, tmp_path, status=status)
    last = list(steps.values())[-1]

    assert Verdict.SKIPPED is last.finding.verdict
    assert "systemctl stop fieldpost" in last.finding.sentence


async def test_a_folder_tells_room_and_what_is_unfinished(tmp_path):
    """Files by their convention still being written are passed over, and counted."""
    held = tmp_path / "held"
    held.mkdir()
    (held / "a.opus").write_bytes(b"x")
    (held / "b.opus.part").write_bytes(b"x")
    os.utime(held / "a.opus", (0, 0))
    steps = await gone(folder, f"folder://{held}", tmp_path)

    assert ["folder", "readable", "writable", "space", "half-written"] == list(steps)
    assert {"unfinished": 1, "fresh": 1, "empty": 0} == steps["half-written"].facts
    assert 2 == steps["readable"].facts["files"]


async def test_a_folder_that_is_kept_need_not_be_writable(tmp_path):
    """With release = keep nothing is changed in it."""
    url = f"folder://{tmp_path}"
    recorders = (RecorderConfig(url=url, release="keep"),)
    steps = await gone(folder, url, tmp_path, config={"recorders": recorders})

    assert Verdict.SKIPPED is steps["writable"].finding.verdict


async def test_an_empty_file_is_a_warning(tmp_path):
    """A recorder that died leaves such."""
    held = tmp_path / "held"
    held.mkdir()
    (held / "a.opus").touch()
    steps = await gone(folder, f"folder://{held}", tmp_path)

    assert Verdict.WARNING is steps["half-written"].finding.verdict
