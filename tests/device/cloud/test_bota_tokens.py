"""The Bota cloud while one token takes the other's place, and what it says of a box."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from device.cloud.bota import Bota
from device.config import CloudConfig
from device.errors import CloudRejected, CloudThrottled, NotTheCloud, TokenRefused
from device.slots import SlottedToken
from device.transport import Transport
from tests.fakes.bota_api import HTML, TOKEN, BotaDouble, Fault
from tests.fakes.clock import FakeClock
from tests.fakes.uploads import manifest_of

pytestmark = pytest.mark.asyncio
REPORT = {"device_state": "idle", "flags": 0}
MANIFEST = manifest_of(b"audio")


@dataclass
class Box:
    """A box with slots, at our gateway (whose old token lives on for a while) or at Bota."""

    bota: BotaDouble
    cloud: Bota
    tokens: SlottedToken

    async def renew(self) -> str:
        fresh = await self.cloud.next_token()

        assert fresh is not None
        await asyncio.to_thread(self.tokens.store, fresh)
        return fresh

    async def state(self) -> tuple[str, bool]:
        return await asyncio.to_thread(lambda: (self.tokens(), self.tokens.pending))


@pytest_asyncio.fixture(params=["gateway", "bota"])
async def box(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Box]:
    async with (
        BotaDouble(chunked=request.param == "gateway") as bota,
        Transport() as transport,
    ):
        tokens = SlottedToken(lambda: TOKEN, tmp_path)
        config = CloudConfig(base_url=bota.base_url)
        yield Box(bota, Bota(config, transport, FakeClock(), tokens), tokens)


async def test_any_call_proves_the_next_token(box: Box) -> None:
    """The first call with it that succeeds, a recording's too, is what the old one waited for."""
    fresh = await box.renew()
    before = await box.state()
    await box.cloud.open(MANIFEST, {})

    assert (fresh, True) == before
    assert (fresh, False) == await box.state()
    assert {fresh} == box.bota.tokens


async def test_a_next_token_that_nobody_knows(box: Box) -> None:
    """The call is made once more by the old one, which then stays."""
    await asyncio.to_thread(box.tokens.store, "dtok_unheard_of")
    await box.cloud.heartbeat(REPORT)

    assert (TOKEN, False) == await box.state()
    assert [("heartbeat", 401), ("heartbeat", 200)] == box.bota.requests


async def test_both_refused(box: Box) -> None:
    """Two tokens are tried, then it is for a person; neither is thrown away."""
    await asyncio.to_thread(box.tokens.store, "dtok_unheard_of")
    box.bota.tokens.clear()

    with pytest.raises(TokenRefused):
        await box.cloud.heartbeat(REPORT)
    assert [("heartbeat", 401), ("heartbeat", 401)] == box.bota.requests
    assert ("dtok_unheard_of", True) == await box.state()


async def test_what_is_answered_is_handed_on(box: Box) -> None:
    """Every field, as it came: who reads it knows what it means."""
    box.bota.says.append({"commands": [{"id": "cmd_1"}], "later": 7})

    answer = {"status": "ok", "commands": [{"id": "cmd_1"}], "later": 7}
    assert answer == await box.cloud.heartbeat(REPORT)
    assert [REPORT] == box.bota.heartbeats


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (HTML, NotTheCloud),
        (Fault(status=200, body=b"[]"), NotTheCloud),
        (Fault(status=429, headers={"Retry-After": "30"}), CloudThrottled),
        (Fault(status=403), TokenRefused),
    ],
)
async def test_no_answer(box: Box, fault: Fault, error: type[Exception]) -> None:
    """What a portal, a limit or a refusal is named as for every other call."""
    box.bota.faults["heartbeat"].append(fault)

    with pytest.raises(error):
        await box.cloud.heartbeat(REPORT)


async def test_a_token_that_is_none(box: Box) -> None:
    """A portal's 200 does not take the place of a token."""
    for body in (b'{"device_token": "sk_live_1"}', b"{}", b'{"device_token": "dtok_a b"}'):
        box.bota.faults["refresh"].append(Fault(status=200, body=body))

        with pytest.raises(NotTheCloud):
            await box.cloud.next_token()


async def test_how_an_order_ended_is_told(tmp_path: Path) -> None:
    """To our gateway; it says no for good to what is no result."""
    async with BotaDouble(chunked=True) as bota, Transport() as transport:
        cloud = Bota(CloudConfig(base_url=bota.base_url), transport, FakeClock(), lambda: TOKEN)
        await cloud.answer_order("cmd_1", {"status": "executed", "result": {"n": 1}})

        assert {"cmd_1": {"status": "executed", "result": {"n": 1}}} == bota.results
        with pytest.raises(CloudRejected):
            await cloud.answer_order("cmd_1", {"status": "dreamt of"})


async def test_an_api_key_speaks_for_its_device(tmp_path: Path) -> None:
    """By the id that is configured; without one it stands for no box, and it has no successor."""
    async with BotaDouble() as bota, Transport() as transport:

        def cloud(**of: str) -> Bota:
            config = CloudConfig(base_url=bota.base_url, **of)
            return Bota(config, transport, FakeClock(), lambda: "sk_live_1")

        assert await cloud().heartbeat(REPORT) is None
        assert await cloud().next_token() is None
        await cloud().answer_order("cmd_1", {})
        assert [] == bota.requests
        with pytest.raises(NotTheCloud, match="404"):  # the double has no such device
            await cloud(device_id="dev/1").heartbeat(REPORT)
