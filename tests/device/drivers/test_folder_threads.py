"""Threads of a folder's own: what hangs there stays there."""

import asyncio
import threading
from pathlib import Path

import pytest

from device.drivers import folder
from tests.fakes.folder import open_folder

pytestmark = pytest.mark.asyncio


async def test_a_mount_that_hangs_takes_nobody_elses_threads(tmp_path: Path, monkeypatch):
    """However often a dead network mount is visited, the spool still gets its thread."""
    answers = threading.Event()
    monkeypatch.setattr(folder, "_look", lambda *_: answers.wait(10))
    try:
        for _ in range(40):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.005):
                    await open_folder(tmp_path)
        async with asyncio.timeout(2):
            alive = await asyncio.to_thread(threading.active_count)
    finally:
        answers.set()

    assert alive < 40
