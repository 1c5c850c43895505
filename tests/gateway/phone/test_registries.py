"""For whom recordings are relayed: decided once, whatever phone comes afterwards."""

import asyncio

import pytest
import pytest_asyncio

from device.config import CloudConfig, SpoolConfig
from device.core.http_answer import ApiAnswer
from device.errors import CloudRejected, CloudUnwell
from device.model import RecorderInfo, RecordingKey
from device.spool.spool import Spool
from gateway.errors import InvalidRequest, Unavailable
from gateway.phone.behalf import Named
from gateway.phone.registries import OwnRegistry, UpstreamRegistry
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.asyncio

RECORDER = "native:FP0001"
FIRST = RecordingKey(recorder=RECORDER, recording="r1", generation=1)
LATER = RecordingKey(recorder=RECORDER, recording="r2", generation=1)


class Upstream:
    """An API that knows one device, and takes every heartbeat."""

    async def call(self, method, url, headers, body, **more):
        del method, url, headers, body, more
        return ApiAnswer(status=201, body=b'{"id":"dev_up"}')


class Own:
    async def heard(self, info, end_user_id):
        del info, end_user_id
        return "dev_own"


@pytest_asyncio.fixture
async def spool(tmp_path):
    spool = await asyncio.to_thread(Spool.open, SpoolConfig(path=tmp_path), FakeClock())
    yield spool
    await asyncio.to_thread(spool.close)


def registry(spool):
    config = CloudConfig(api="bota", base_url="https://api.example/v1")
    return UpstreamRegistry(
        config, Upstream(), FakeClock(), lambda: "sk_test", own=Own(), spool=spool
    )


def info():
    return RecorderInfo(recorder=RECORDER, driver="native")


async def test_a_repeated_create_names_the_same_user(spool):
    """The answer to the first may be lost: another body under its key would be refused for good."""
    first = await registry(spool).named(FIRST)
    await registry(spool).heard(info(), "eu_2")
    again = await registry(spool).named(FIRST)
    other = await registry(spool).named(LATER)

    assert Named(device_id="dev_up") == first == again
    assert Named(device_id="dev_up", end_user_id="eu_2") == other


async def test_nothing_is_kept_of_what_is_settled(spool):
    """What is created for good needs no note, and there may be thousands."""
    mine = registry(spool)
    await mine.named(FIRST)
    await mine.heard(info(), "eu_2")
    await mine.settled(FIRST)

    assert Named(device_id="dev_up", end_user_id="eu_2") == await mine.named(FIRST)


@pytest.mark.parametrize(
    ("error", "told"), [(InvalidRequest, CloudRejected), (Unavailable, CloudUnwell)]
)
async def test_a_number_that_cannot_be_kept_is_its_recorders_fault(error, told):
    """A database that is away holds up everybody; a recorder's odd number only itself."""

    class Desk:
        async def register(self, wanted):
            raise error("no")

    mine = OwnRegistry(Desk(), None, FakeClock())
    with pytest.raises(told):
        await mine.named(FIRST)
