"""A whole straight line around an agent that may be killed: recorder, way, gateway, checker."""

import asyncio
import contextlib
import hashlib
import json
import random
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from device.core.bota_ble.recorder import BotaRecorder
from device.core.bota_ble.shelf import CardFile
from device.links.serial import SerialLink
from device.model import MediaKind, State
from device.simulate.bota_gatt import bota_on
from device.simulate.faults import FaultPlan
from device.simulate.firmware import Firmware
from device.simulate.holding import HeldMedium, HeldRecording, MemoryStore
from device.simulate.pty_line import PtyEnd, PtyLine
from device.spool.reader import read_only
from tests.ble import quiet
from tests.ble.air import virtual_device
from tests.demo.virtual_air import DemoAir, controller_for

REPOSITORY = Path(__file__).parents[2]
ANSWER_S = 60.0
BOTA_ADDRESS = "F0:F1:F2:F3:F4:F5"

CONFIG = """\
[cloud]
base_url = "{base_url}"
token_file = "{folder}/token"

[spool]
path = "{folder}/spool"
min_free_bytes = 0

[[recorders]]
url = "{recorder}"
driver = "{driver}"

[upload]
chunk_bytes = 262144
"""


def contents(seed: int) -> tuple[HeldRecording, ...]:
    """Two recordings: one of three chunks with an image, one small."""
    chance = random.Random(seed)
    sizes = ((600_000, 20_000), (3_000,))
    return tuple(
        HeldRecording(
            id=chance.randbytes(16),
            generation=1,
            started_at=datetime(2026, 3, 1, 9, tzinfo=UTC),
            ended_at=datetime(2026, 3, 1, 10, tzinfo=UTC),
            media=tuple(
                HeldMedium(
                    name=f"{index}",
                    kind=MediaKind.IMAGE if index else MediaKind.AUDIO,
                    content_type="image/jpeg" if index else "audio/ogg",
                    content=chance.randbytes(size),
                    captured_at=datetime(2026, 3, 1, 9, index, tzinfo=UTC),
                    t_offset_ms=index * 60_000,
                )
                for index, size in enumerate(media)
            ),
        )
        for media in sizes
    )


class Zygote:
    """Starts agents that kill themselves."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def run(self, world: "World", kill_at: int) -> dict:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {
            "config": str(world.config),
            "kill_at": kill_at,
            "hci": world.hci,
            "protocol": world.protocol,
        }
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        async with asyncio.timeout(ANSWER_S):
            return json.loads(await self._process.stdout.readline())


@contextlib.asynccontextmanager
async def zygote() -> AsyncIterator[Zygote]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.crash.zygote"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
    )
    try:
        yield Zygote(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


@dataclass
class Gateway:
    """A real gateway process and an API key for it."""

    base_url: str
    key: str
    data: Path

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[aiohttp.ClientSession]:
        headers = {"Authorization": f"Bearer {self.key}"}
        timeout = aiohttp.ClientTimeout(total=20)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            yield session

    async def enrol(self, serial: str) -> tuple[str, str]:
        """Return a new device's id and token."""
        async with self.session() as session:
            body = {"serial_number": serial}
            async with session.post(f"{self.base_url}/devices", json=body) as answer:
                device = (await answer.json())["id"]
            url = f"{self.base_url}/devices/{device}/bind"
            async with session.post(url, json={"end_user_id": "eu_1"}) as answer:
                return device, (await answer.json())["device_token"]

    async def recordings(self, device: str) -> list[dict]:
        async with self.session() as session:
            url = f"{self.base_url}/recordings?limit=100&device_id={device}"
            async with session.get(url) as answer:
                return (await answer.json())["data"]

    async def digest(self, recording: str, medium: str) -> str:
        async with self.session() as session:
            url = f"{self.base_url}/recordings/{recording}/download-url"
            async with session.post(url, json={"media_id": medium}) as answer:
                download = (await answer.json())["download_url"]
            async with session.get(download) as answer:
                return hashlib.sha256(await answer.read()).hexdigest()


@contextlib.asynccontextmanager
async def gateway(data: Path) -> AsyncIterator[Gateway]:
    command = Path(sys.executable).parent / "fieldpost-gateway"
    keys = await asyncio.create_subprocess_exec(
        *(command, "keys", "add", "--data", str(data), "--json"), stdout=asyncio.subprocess.PIPE
    )
    told, _ = await keys.communicate()
    process = await asyncio.create_subprocess_exec(
        *(command, "serve", "--data", str(data), "--listen", "127.0.0.1:0", "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(ANSWER_S):
            ready = json.loads(await process.stdout.readline())
        yield Gateway(f"{ready['url']}/v1", json.loads(told)["api_key"], data)
    finally:
        process.terminate()
        await process.wait()


@dataclass
class World:
    """One device's line, and what ought to be at its end."""

    folder: Path
    config: Path
    gateway: Gateway
    device: str
    held: tuple[HeldRecording, ...]
    left: Callable[[], int]
    """How many recordings the recorder still holds."""
    hci: str = ""
    """Bumble's name of the agent's Bluetooth adapter, if it needs one."""
    protocol: str = ""
    """Which upload protocol the agent speaks to the gateway's URLs; empty: the announced one."""
    stored_when_released: list[bool] = field(default_factory=list)

    def digests(self) -> set[str]:
        return {medium.sha256 for recording in self.held for medium in recording.media}

    def states(self) -> list[State]:
        with read_only(self.folder / "spool") as reader:
            return [entry.state for entry in reader.entries()]

    def has_receipt(self, name: str) -> bool:
        """Whether the spool already knows the receipt of a recording."""
        with read_only(self.folder / "spool") as reader:
            return any(
                entry.recording.key.recording == name and entry.receipt is not None
                for entry in reader.entries()
            )


async def box(folder: Path, gateway: Gateway, seed: int, recorder: str, driver: str) -> World:
    """Enrol and configure one box; what its recorder holds is the caller's to say."""
    await asyncio.to_thread(folder.mkdir)
    device, token = await gateway.enrol(f"BOX-{folder.name}")
    (folder / "token").touch(mode=0o600)
    (folder / "token").write_text(token)
    config = folder / "fieldpost.toml"
    config.write_text(
        CONFIG.format(base_url=gateway.base_url, folder=folder, recorder=recorder, driver=driver)
    )
    return World(folder, config, gateway, device, contents(seed), lambda: 0)


@contextlib.asynccontextmanager
async def in_a_folder(
    folder: Path, gateway: Gateway, seed: int, protocol: str = ""
) -> AsyncIterator[World]:
    """The recorder is a folder on the same disk."""
    made = await box(folder, gateway, seed, f"folder://{folder}/recordings", "folder")
    made.protocol = protocol
    recordings = folder / "recordings"
    for number, recording in enumerate(made.held):
        sealed = recordings / f"recording {number}"
        sealed.mkdir(parents=True)
        for medium in recording.media:
            name = f"{medium.name}.{'jpg' if medium.kind is MediaKind.IMAGE else 'opus'}"
            (sealed / name).write_bytes(medium.content)
        (sealed / "recording.json").write_text("{}")
    made.left = lambda: len(list(recordings.iterdir()))
    yield made


@contextlib.asynccontextmanager
async def on_a_line(folder: Path, gateway: Gateway, seed: int) -> AsyncIterator[World]:
    """The recorder hangs on a pty and speaks the native protocol."""
    made = await box(folder, gateway, seed, f"serial://{folder}/port", "native")
    store = MemoryStore(
        made.held, lambda gone: made.stored_when_released.append(made.has_receipt(gone.id.hex()))
    )
    made.left = lambda: len(store.held)
    near = PtyEnd(folder / "near")
    with contextlib.closing(near):
        async with await SerialLink.open(f"serial://{near.port}") as inside:
            firmware = Firmware(inside, store, serial=f"CRASH{seed}", seed=seed)
            line = PtyLine(
                near.master, folder / "port", baud=0, plan=FaultPlan(), rebooted=firmware.reboot
            )
            with contextlib.closing(line):
                running = [asyncio.create_task(w) for w in (firmware.run(), line.run())]
                try:
                    yield made
                finally:
                    for task in running:
                        task.cancel()
                    await asyncio.gather(*running, return_exceptions=True)


class _Bota(BotaRecorder):
    """Tells when it deletes."""

    def __init__(self, serial: str, files: list[CardFile], released: Callable[[str], None]) -> None:
        self._released = released
        super().__init__(serial, files)

    def _confirm(self, file_id: bytes) -> None:
        before = set(self.files)
        super()._confirm(file_id)
        for gone in before - set(self.files):
            self._released(gone.hex())


@contextlib.asynccontextmanager
async def on_the_air(folder: Path, gateway: Gateway, seed: int) -> AsyncIterator[World]:
    """The recorder is a Bota on a virtual radio, whose host goes with the agent."""
    quiet.install()
    made = await box(folder, gateway, seed, f"ble://{BOTA_ADDRESS}", "bota")
    made.held = tuple(
        replace(recording, id=recording.id[:4], media=recording.media[:1])
        for recording in made.held
    )
    files = [
        CardFile(
            file_id=recording.id,
            content=recording.media[0].content,
            started_s=int(recording.started_at.timestamp()) + number,
            duration_s=60,
        )
        for number, recording in enumerate(made.held)
    ]
    recorder = _Bota(
        f"CRASH{seed}", files, lambda gone: made.stored_when_released.append(made.has_receipt(gone))
    )
    made.left = lambda: len(recorder.files)
    air = DemoAir()
    air.pace = None  # the steps count, not their time
    device = virtual_device(air, "bota", BOTA_ADDRESS)
    async with controller_for("agent", air) as made.hci, bota_on(device, recorder):
        yield made


async def check(world: World) -> list[str]:
    """Say every way in which the end differs from what it must be: I1 to I4 of the design."""
    broken = await _check_store(world)
    if left := world.left():
        broken.append(f"liveness: the recorder still holds {left} recordings")
    if not all(world.stored_when_released):
        broken.append("I1: released before the receipt was on disk")
    if set(await asyncio.to_thread(world.states)) != {State.RELEASED}:
        broken.append("I3: an entry did not come to its end")
    return broken


async def _check_store(world: World) -> list[str]:
    found = await world.gateway.recordings(world.device)
    by_digest: dict[str, int] = {}
    broken = [f"I1: {r['id']} is {r['status']}" for r in found if r["status"] != "uploaded"]
    for recording in found:
        for medium in recording["media"]:
            digest = await world.gateway.digest(recording["id"], medium["id"])
            by_digest[digest] = by_digest.get(digest, 0) + 1
    if len(found) != len(world.held):
        broken.append(f"I2: {len(found)} recordings in the cloud, {len(world.held)} were made")
    broken += [
        f"I1/I2: medium {digest[:12]} is not in the store exactly once"
        for digest in world.digests()
        if by_digest.pop(digest, 0) != 1
    ]
    if by_digest:
        broken.append(f"I4: the store holds {len(by_digest)} objects that no recorder made")
    return broken
