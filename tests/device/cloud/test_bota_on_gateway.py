"""The Bota cloud over our own gateway, as a program of its own."""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from device.cloud.bota import Bota
from device.config import CloudConfig, UploadConfig
from device.core.uploads import Cargo, Complete
from device.core.uploads.classify import Stores, begin
from device.errors import CloudError
from device.model import Entry, Evidence, State, Target
from device.progress import Silent
from device.spool.spool import Spool
from device.transport import Transport
from device.upload import upload_entry
from device.upload_slots import UploadSlots
from tests.device.cloud.conformance import CHECKS, Rig
from tests.fakes.chaos_proxy import ChaosProxy, Faults
from tests.fakes.clock import FakeClock
from tests.fakes.uploads import CHUNK_BYTES, noise, sealed_entry, spool_in

GATEWAY = (sys.executable, "-c", "import sys; from gateway.cli import main; sys.exit(main())")

ADD = (
    "import sys; from gateway.cli import main\n"
    "for name in range(int(sys.argv[2])):\n"
    "    main(['devices', 'add', f'BOX-{name}', '--data', sys.argv[1], '--json'])"
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    """Serve a gateway; its address, and a fresh device's token for every test."""
    folder = tmp_path_factory.mktemp("gateway")
    added = subprocess.run(
        (sys.executable, "-c", ADD, str(folder), str(len(CHECKS) + 1)),
        check=True,
        capture_output=True,
        text=True,
    )
    tokens = [json.loads(line)["device_token"] for line in added.stdout.splitlines()]
    serve = (*GATEWAY, "serve", "--data", str(folder), "--listen", "127.0.0.1:0")
    with subprocess.Popen(
        serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running:
        assert running.stdout is not None
        line = running.stdout.readline()
        yield line.rpartition("base_url ")[2].strip().rstrip(")"), tokens
        running.terminate()


@dataclass
class GatewayRig:
    cloud: Bota
    transport: Transport
    token: list[str]
    scratch: Path
    base_url: str
    types: tuple[str, str, str] = ("audio/opus", "image/jpeg", "image/png")
    untaken: str | None = None
    made_by_open: int = 1
    made_by_all: int = 1

    async def put(self, target: Target, content: bytes) -> Evidence:
        file = self.scratch / "medium"
        await asyncio.to_thread(file.write_bytes, content)
        cargo = Cargo(size_bytes=len(content), chunk_bytes=CHUNK_BYTES)
        protocol = begin(target, cargo, str(target.protocol))
        answer = await self.transport.send(protocol.next_request(), file, lambda _: None)
        outcome = protocol.received(answer)
        assert isinstance(outcome, Complete)
        return outcome.evidence

    async def recordings(self) -> int:
        headers = {"Authorization": f"Bearer {self.token[0]}"}
        answer = await self.transport.call("GET", f"{self.base_url}/recordings", headers, None)
        return len(json.loads(answer.body)["data"])

    def calls(self) -> int | None:
        return None

    def revoke(self) -> None:
        self.token[0] = "dtok_revoked"


@pytest_asyncio.fixture
async def rig(served: tuple[str, list[str]], tmp_path: Path) -> AsyncIterator[GatewayRig]:
    url, tokens = served
    token = [tokens.pop()]
    async with Transport() as transport:
        cloud = Bota(CloudConfig(base_url=url), transport, FakeClock(), lambda: token[0])
        yield GatewayRig(cloud, transport, token, tmp_path, url)


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[tuple[Spool, Entry]]:
    with spool_in(tmp_path / "spool", FakeClock()) as spool:
        media = (noise(5 * CHUNK_BYTES), noise(30_000, seed=2), b"", b"x")
        yield spool, sealed_entry(spool, tmp_path, *media)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.asyncio
async def test_conformance(rig: GatewayRig, check: Callable[[Rig], Awaitable[None]]) -> None:
    """The gateway is a Bota cloud to the agent."""
    await check(rig)


@pytest.mark.asyncio
async def test_a_recording_through_a_bad_line(rig: GatewayRig, sealed: tuple[Spool, Entry]) -> None:
    """Cuts both ways, in API calls and in chunks, end in one stored recording."""
    spool, entry = sealed
    clock = FakeClock()
    port = int(rig.base_url.split(":")[2].split("/")[0])
    up = (1_000, 3_000, 40_000, 500_000, 900_000)
    faults = Faults(cut_up_at=up, cut_down_at=(200, 900, 1_500, 2_500))
    async with ChaosProxy("127.0.0.1", port, faults) as proxy:
        config = CloudConfig(base_url=f"http://127.0.0.1:{proxy.port}/v1")
        cloud = Bota(config, rig.transport, clock, lambda: rig.token[0])
        state = None
        for _ in range(30):
            with contextlib.suppress(CloudError):
                stored = await upload_entry(
                    entry.id,
                    spool=spool,
                    cloud=cloud,
                    transport=rig.transport,
                    clock=clock,
                    stores=Stores(),
                    settings=UploadConfig(chunk_bytes=CHUNK_BYTES),
                    progress=Silent(),
                    slots=UploadSlots(2),
                )
                state = stored.state
                break

    assert State.STORED is state
    assert 9 == proxy.cuts
    assert 1 == await rig.recordings()
