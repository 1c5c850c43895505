"""The agent as a process, and its cloud: heartbeats, orders, another token, a reset."""

import asyncio
import json

import pytest

from device.bell import Bell
from device.slots import FILE
from tests.device.cli.daemon import Place
from tests.fakes.bota_api import TOKEN, BotaDouble

pytestmark = pytest.mark.timeout(60)
DEADLINE_S = 20.0


class Listening(BotaDouble):
    """Rings when a heartbeat, or how an order ended, has come in."""

    def __init__(self) -> None:
        super().__init__(chunked=True)
        self.rung = Bell()

    async def _heartbeat(self, request):
        answer = await super()._heartbeat(request)
        self.rung.ring()
        return answer

    async def _result(self, request):
        answer = await super()._result(request)
        self.rung.ring()
        return answer

    async def until(self, is_so) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not is_so():
                await self.rung.after(self.rung.count)


def test_the_first_heartbeat_and_an_order(tmp_path):
    """It comes at start; what its answer orders is done, and how it went is told."""

    async def work():
        async with Listening() as bota:
            bota.says.append({"commands": [{"id": "cmd_1", "type": "trigger_upload"}]})
            async with Place(tmp_path, bota).agent():
                await bota.until(lambda: "cmd_1" in bota.results)
            return bota.heartbeats[0], bota.results

    report, results = asyncio.run(work())

    assert ("idle", 0) == (report["device_state"], report["pending_recordings"])
    assert report["storage_total_mb"] > 0
    assert {"cmd_1": {"status": "executed", "result": {"pending_recordings": 0}}} == results


def test_the_token_is_exchanged_when_the_gateway_asks(tmp_path):
    """Killed as soon as the next one is stored, the next run proves it; the token file stays."""

    async def work():
        async with Listening() as bota:
            bota.says.append({"rotate_token": True})
            place = Place(tmp_path, bota)
            async with place.agent() as agent:
                await agent.said("The next device token is stored")
            async with place.agent() as agent:
                await agent.said("The next device token has worked")
            return place, bota.tokens, bota.requests

    place, tokens, requests = asyncio.run(work())

    assert (TOKEN, {"dtok_next_1"}) == (place.token.read_text(), tokens)
    assert "dtok_next_1" == json.loads((place.spool / FILE).read_text())["current"]
    assert {200} == {status for _, status in requests}


def test_a_reset_forgets_the_token(tmp_path):
    """Where the operator allows it: what is in the token file is used no more."""

    async def work():
        async with Listening() as bota:
            bota.says.append({"commands": [{"id": "cmd_1", "type": "factory_reset"}]})
            place = Place(tmp_path, bota)
            place.configure("[device]\nallow_factory_reset = true\n")
            async with place.agent() as agent:
                await agent.said("This box was reset by its cloud")
            rotated = await place.fieldpost("enrol", "--rotate")
            return place, bota.results["cmd_1"], rotated

    place, result, rotated = asyncio.run(work())

    assert {"status": "executed", "result": {"forgotten": ["token", "settings"]}} == result
    assert json.loads((place.spool / FILE).read_text())["forgotten"]
    assert 77 == rotated.code
    assert "reset by its cloud" in rotated.err
