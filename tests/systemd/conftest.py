"""What the tests of units get: a booted machine, once for each worker, or a reason to skip."""

import shutil
from collections.abc import Iterator

import pytest

from tests.systemd import box as boxes
from tests.systemd.machine import Impossible, Machine, booted


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    """A machine with the units installed."""
    if shutil.which(f"/usr/bin/{boxes.PYTHON}") is None:
        # What is installed here is for this Python, which may itself be where no unit may look.
        pytest.skip(f"the system has no {boxes.PYTHON}, which these tests run in")
    try:
        with booted(binds=boxes.BINDS) as up:
            boxes.install(up)
            yield up
    except Impossible as why:
        pytest.skip(str(why))


@pytest.fixture
def box(machine: Machine) -> boxes.Box:
    """A box as good as new."""
    return boxes.Box(machine)
