"""The machine that the units are tried in leaves this computer as it was."""

from pathlib import Path

import pytest

from tests.systemd.machine import Impossible, booted


@pytest.mark.timeout(60)
def test_nothing_of_a_machine_is_left():
    """Neither its processes nor its mounts."""
    mounts = Path("/proc/self/mountinfo").read_text()
    try:
        with booted(binds={}) as machine:
            first = Path(f"/proc/{machine._leader}")
            there = first.exists()
    except Impossible as why:
        pytest.skip(str(why))

    assert (True, False) == (there, first.exists())
    assert mounts == Path("/proc/self/mountinfo").read_text()
