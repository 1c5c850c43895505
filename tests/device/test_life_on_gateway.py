"""The life of a box at our own gateway, as a program of its own: enrolled by a code, told what to
do, with another token in the end."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from device import agent, enrolment, heartbeat, parts
from device.agreed import Agreed
from device.bell import Bell
from device.cloud.bota import Bota
from device.config import CloudConfig, Config, HeartbeatConfig, RecorderConfig, SpoolConfig
from device.core.orders import Outcome
from device.core.policy import Send
from device.daytime import Daytime
from device.errors import TokenRefused
from device.heartbeat import Busy, Heartbeat
from device.orders import Orders
from device.progress import Silent
from device.signals import Signals
from device.simulate.recorder import SimulateOptions, simulate
from device.slots import SlottedToken, exchange
from device.spool.spool import Spool
from device.surroundings import NetworkKind, NetworkState, PowerState
from device.token import token_source
from device.transport import Transport
from tests.fakes.clock import FakeClock
from tests.fakes.surroundings import FakeSurroundings
from tests.fakes.uploads import spool_in

pytestmark = pytest.mark.asyncio
GATEWAY = (sys.executable, "-c", "import sys; from gateway.cli import main; sys.exit(main())")
STOP = {"type": "stop_recording"}
SETUP = (
    "import sys; from gateway.cli import main\n"
    "more = ['--data', sys.argv[1], '--json']\n"
    "main(['devices', 'add', 'BOX-1', *more])\n"
    "main(['keys', 'add', '--name', 'operator', *more])\n"
    "main(['devices', 'code', 'BOX-1', *more])"
)


@dataclass
class Served:
    url: str
    device: str
    key: str
    code: str

    async def ask(self, method: str, path: str, body: object | None = None) -> dict[str, Any]:
        """Ask as the operator does."""
        async with Transport() as transport:
            headers = {"Authorization": f"Bearer {self.key}"}
            answer = await transport.call(method, f"{self.url}{path}", headers, body)

        assert answer.status < 300, answer.body
        document: dict[str, Any] = json.loads(answer.body)
        return document


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Serve a gateway that has one device, an operator's key, and a code for the device."""
    folder = tmp_path / "gateway"
    ready = subprocess.run(
        (sys.executable, "-c", SETUP, str(folder)), check=True, capture_output=True, text=True
    )
    device, key, code = (json.loads(line) for line in ready.stdout.splitlines())
    serve = (*GATEWAY, "serve", "--data", str(folder), "--listen", "127.0.0.1:0")
    with subprocess.Popen(
        serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running:
        assert running.stdout is not None
        line = running.stdout.readline()
        url = line.rpartition("base_url ")[2].strip().rstrip(")")
        try:
            yield Served(url, device["device_id"], key["api_key"], code["code"])
        finally:
            running.terminate()


@dataclass
class Box:
    config: Config
    heartbeat: Heartbeat
    cloud: Bota
    tokens: SlottedToken

    async def enrol(self, code: str) -> bool:
        token = await enrolment.redeem(self.config, code)
        return (await enrolment.keep(self.config, token)).checked


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with spool_in(tmp_path / "spool", FakeClock()) as opened:
        yield opened


@pytest_asyncio.fixture
async def box(served: Served, spool: Spool, tmp_path: Path) -> AsyncIterator[Box]:
    clock = FakeClock()
    config = Config(
        cloud=CloudConfig(base_url=served.url, token_file=tmp_path / "token"),
        spool=SpoolConfig(path=spool.root, min_free_bytes=0),
    )
    around = FakeSurroundings(
        network=NetworkState(kind=NetworkKind.CELLULAR, signal_dbm=-99),
        power=PowerState(battery_percent=77, charging=True),
    )
    async with Transport() as transport:
        tokens = SlottedToken(token_source(config.cloud, {}), spool.root)
        cloud = Bota(config.cloud, transport, clock, tokens)
        daytime = Daytime(clock)
        transport.heard = daytime.heard
        orders = Orders(
            spool=spool,
            cloud=cloud,
            daytime=daytime,
            upload=_nothing,
            record=_unheard,
            forget=None,
        )
        heartbeat = Heartbeat(
            every_s=None,
            limits=config.spool,
            spool=spool,
            cloud=cloud,
            clock=clock,
            surroundings=around,
            permission=_Allowed(),
            agreed=Agreed(config, spool, Bell()),
            daytime=daytime,
            orders=orders,
            renew=_unasked,
            busy=Busy,
        )
        yield Box(config, heartbeat, cloud, tokens)


class _Allowed:
    def told(self) -> Send:
        return Send()


async def _nothing() -> None:
    pass


async def _unheard(*_: object) -> Outcome:
    raise AssertionError


async def _unasked() -> bool:
    return False


async def test_a_life(served: Served, box: Box) -> None:
    """Every report, order, setting and token goes all the way, both ways."""
    assert await box.enrol(served.code)

    me = f"/devices/{served.device}"
    order = await served.ask("POST", f"{me}/commands", {"type": "trigger_upload"})
    refused = await served.ask("POST", f"{me}/commands", {"type": "factory_reset"})
    await served.ask("PATCH", f"{me}/settings", {"upload": {"allow_roaming": True}})
    assert await box.heartbeat.beat()
    assert not await box.heartbeat.beat()

    seen = await served.ask("GET", me)
    assert (77, -99) == (seen["battery_percent"], seen["signal_strength_dbm"])
    done = await served.ask("GET", f"{me}/commands/{order['id']}")
    assert ("executed", {"pending_recordings": 0}) == (done["status"], done["result"])
    failed = await served.ask("GET", f"{me}/commands/{refused['id']}")
    assert "failed" == failed["status"]
    assert "allow_factory_reset is false" in failed["error"]
    assert box.heartbeat.agreed.merged.send.allow_roaming

    before = await asyncio.to_thread(box.tokens)
    assert await exchange(box.cloud, box.tokens)
    await box.heartbeat.beat()
    after = await asyncio.to_thread(box.tokens)
    assert before != after
    assert not await asyncio.to_thread(lambda: box.tokens.pending)
    with pytest.raises(TokenRefused):
        await enrolment.keep(box.config, before)
    with pytest.raises(TokenRefused):
        await enrolment.redeem(box.config, served.code)


async def test_a_recording_as_the_operator_orders_it(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gateway, heartbeat, agent, recorder on a serial line, and the recording all the way back."""
    monkeypatch.setattr(parts, "open_surroundings", lambda _: FakeSurroundings())
    monkeypatch.setattr(heartbeat, "LEAST_S", 0.0)
    source = tmp_path / "recordings" / "morning"
    source.mkdir(parents=True)
    (source / "audio.opus").write_bytes(b"sound" * 1000)
    commands = f"/devices/{served.device}/commands"
    start = {"type": "start_recording", "params": {"max_duration_sec": 600}}
    ordered = [await served.ask("POST", commands, each) for each in (start, STOP)]
    said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        options = SimulateOptions(source=source.parent, baud=0)
        recorder = group.create_task(simulate(options, said.put_nowait))
        config = Config(
            cloud=CloudConfig(base_url=served.url, token_file=tmp_path / "token"),
            recorders=(RecorderConfig(url=(await said.get())["url"]),),
            spool=SpoolConfig(path=tmp_path / "spool", min_free_bytes=0),
            heartbeat=HeartbeatConfig(every_s=1),
        )
        await enrolment.keep(config, await enrolment.redeem(config, served.code))
        running = group.create_task(
            agent.run(config, reread=lambda: config, progress=Silent(), signals=Signals())
        )
        heard: dict[str, set[str]] = {}
        while len(heard.get("released", ())) < 2:
            each = await said.get()
            heard.setdefault(each["event"], set()).add(each["id"])
        outcomes = [await _outcome(served, f"{commands}/{each['id']}") for each in ordered]
        running.cancel()
        await asyncio.wait({running})
        recorder.cancel()

    assert ["executed", "executed"] == [each["status"] for each in outcomes]
    (made,) = {each["result"]["recording_id"] for each in outcomes}
    assert {made} == heard["recording"] == heard["recorded"]
    assert made in heard["released"]
    recordings = await served.ask("GET", "/recordings")
    assert 2 == len(recordings["data"])


async def _outcome(served: Served, path: str) -> dict[str, Any]:
    """Ask until the device has told."""
    while (command := await served.ask("GET", path))["status"] in ("pending", "delivered"):
        pass
    return command
