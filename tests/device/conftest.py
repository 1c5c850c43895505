"""What tests of the agent's parts share."""

import pytest
import pytest_asyncio

from tests.device import dbus_mocks
from tests.device.dbus_mocks import Mocks, PrivateBus


@pytest.fixture(scope="session")
def private_bus(tmp_path_factory):
    """A bus for mocked services, one a worker; skipped where there can be none."""
    if (reason := dbus_mocks.missing()) is not None:
        pytest.skip(reason)
    bus = PrivateBus(tmp_path_factory.mktemp("bus"))
    bus.start()
    yield bus
    bus.kill()


@pytest_asyncio.fixture
async def mocks(private_bus):
    """Arranges the services on the bus; which are there is up to the test."""
    arranged = Mocks(private_bus)
    await arranged.connect()
    yield arranged
    await arranged.aclose()
