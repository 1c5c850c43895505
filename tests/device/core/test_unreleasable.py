"""What a recorder may delete: what is stored, and nothing else."""

from dataclasses import replace

import pytest

from device.core.lifecycle import unreleasable
from device.model import State
from tests.device.core.test_exported import entry


@pytest.mark.parametrize("state", State)
def test_only_what_is_stored_may_go(state):
    """Every other state has a reason."""
    told = unreleasable(replace(entry(), state=state, quarantine_reason="x"))

    assert (told is None) == (state is State.STORED)
