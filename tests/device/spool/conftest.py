"""What the spool's tests share."""

import shutil
import tempfile
from pathlib import Path

import pytest

from device.config import SpoolConfig
from device.spool.spool import Spool
from tests.fakes.clock import FakeClock


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def config(tmp_path):
    return SpoolConfig(path=tmp_path / "spool", min_free_bytes=0)


@pytest.fixture
def spool(config, clock):
    opened = Spool.open(config, clock)
    yield opened
    opened.close()


@pytest.fixture
def reopen(config, clock):
    """Open again, closing what this opened before: a restart of the agent."""
    opened = []

    def again() -> Spool:
        while opened:
            opened.pop().close()
        opened.append(Spool.open(config, clock))
        return opened[-1]

    yield again
    for spool in opened:
        spool.close()


@pytest.fixture
def quick_folder():
    """A folder in memory where there is one: a sweep's own disk decides what is durable."""
    memory = Path("/dev/shm")  # noqa: S108 - a fresh folder inside, not a fixed name
    folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
