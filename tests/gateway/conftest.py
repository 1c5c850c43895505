import pytest
import pytest_asyncio

from tests.fakes.clock import FakeClock
from tests.gateway.serving import serving


@pytest.fixture
def clock():
    return FakeClock()


@pytest_asyncio.fixture
async def api(tmp_path, clock):
    """A gateway called by a device."""
    async with serving(tmp_path / "data", clock) as api:
        _, api.token = await api.device()
        yield api
