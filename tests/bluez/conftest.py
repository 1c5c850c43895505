"""What tests on a real BlueZ get. They run only in the machine of `make test-bluez`."""

import os
from pathlib import Path

import pytest
import pytest_asyncio

from tests.ble import quiet
from tests.bluez.computer import Computer, Daemon

VERDICT = os.environ.get("FIELDPOST_BLUEZ")
"""Where guest.sh reads how the tests ended; unset outside of the machine."""

collect_ignore_glob = [] if VERDICT else ["test_*.py"]


def pytest_sessionfinish(exitstatus):
    """Tell it before the interpreter ends, which a bus that bleak never closes may crash."""
    if VERDICT:
        Path(VERDICT).write_text(f"{int(exitstatus)}\n")


@pytest.fixture(autouse=True)
def _no_lost_descriptors():
    """Let bleak keep its connection to the system bus: one for each loop, as long as that lives."""


@pytest.fixture(scope="session")
def daemon():
    """BlueZ's bluetoothd, running."""
    quiet.install()
    bluetoothd = Daemon()
    bluetoothd.start()
    yield bluetoothd
    bluetoothd.stop()


@pytest_asyncio.fixture
async def computer(daemon):
    """A computer whose Bluetooth adapter is plugged in and switched on; all is taken away after."""
    here = Computer(daemon)
    try:
        await here.plug_in()
        yield here
    finally:
        await here.aclose()
