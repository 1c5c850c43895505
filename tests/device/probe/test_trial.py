"""A trial is taken back however it ends."""

import asyncio

import pytest

from device.errors import CloudUnreachable, FieldpostError
from device.probe.trial import Trial
from device.transport import Transport
from tests.fakes.clock import FakeClock
from tests.fakes.scene import config_of
from tests.gateway.serving import serving

pytestmark = pytest.mark.asyncio


class Bad(Transport):
    """Its uploads end as they are told."""

    ending: BaseException = CloudUnreachable("cut")

    async def send(self, *_):
        raise self.ending


@pytest.mark.parametrize("ending", [CloudUnreachable("cut"), asyncio.CancelledError()])
async def test_what_was_created_does_not_stay(tmp_path, ending):
    """Neither after a cut nor after Ctrl-C; and the first trouble is the one that is told."""
    async with serving(tmp_path / "data", FakeClock()) as api, Bad() as transport:
        _, api.token = await api.device()
        transport.ending = ending
        cloud = config_of(f"{api.url}/v1", tmp_path).cloud
        with pytest.raises(type(ending)):
            await Trial(cloud, api.token, transport, FakeClock()).run(1024)
        listed = await api.call("GET", "/v1/recordings")

    assert [] == listed.json["data"]


async def test_a_gateway_of_before_gets_none(tmp_path):
    """One that lets no device delete would keep it for ever."""
    async with serving(tmp_path / "data", FakeClock()) as api, Transport() as transport:
        cloud = config_of(f"{api.url}/v1", tmp_path).cloud
        # A token it does not know is refused before it is said whether devices may.
        offered = await Trial(cloud, "dtok_unknown", transport, FakeClock()).offered()

    assert not offered


async def test_a_store_that_refuses_is_told_in_its_words(tmp_path, monkeypatch):
    """The trial is for finding that out."""
    from device.core.uploads import Refused  # noqa: PLC0415 - here alone

    async with serving(tmp_path / "data", FakeClock()) as api, Transport() as transport:
        _, api.token = await api.device()
        cloud = config_of(f"{api.url}/v1", tmp_path).cloud
        monkeypatch.setattr(
            "device.core.uploads.chunked_put.ChunkedPut.received",
            lambda _self, _answer: Refused("the bucket is full"),
        )
        with pytest.raises(FieldpostError, match="the bucket is full"):
            await Trial(cloud, api.token, transport, FakeClock()).run(1024)
