"""A simulated Bota recorder behind a driver, over GATT in memory."""

import asyncio
import random
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path

from device.clock import SystemClock
from device.core.bota_ble import gathering, transfer
from device.core.bota_ble.listing import parse_entries
from device.core.bota_ble.recorder import BotaRecorder
from device.core.bota_ble.shelf import CardFile, entry_of
from device.core.bota_ble.stream import Cut
from device.core.bota_ble.switches import Switches
from device.drivers import bota_read
from device.drivers.bota import BotaDriver, open_on
from device.errors import LinkLost, LinkReason, LinkUnavailable, RecorderRefused
from device.model import RecorderId, RecordingKey

SERIAL = "ABCDEF1234"
RECORDER = RecorderId(f"bota:{SERIAL}")
# Whole kibibytes: the announced size is then the true one, as the conformance suite wants it.
LONG = random.Random(40).randbytes(120 * 1024)
SHORT = random.Random(41).randbytes(5 * 1024)
LONG_ID, SHORT_ID = b"LONG", b"SHRT"
PACKETS_AT_ONCE = 8
NOWHERE = Path("/proc/nowhere")
"""A cache that cannot be written: every connection begins with nothing remembered."""


def recorder(contents: dict[bytes, bytes] | None = None, **switches) -> BotaRecorder:
    contents = {LONG_ID: LONG, SHORT_ID: SHORT} if contents is None else contents
    files = [
        CardFile(file_id=file_id, content=content, started_s=1_772_366_400 + n, duration_s=60)
        for n, (file_id, content) in enumerate(contents.items())
    ]
    return BotaRecorder(SERIAL, files, Switches(**{"hash_delay_s": 0.0, **switches}))


def key_of(source: BotaRecorder, file_id: bytes) -> RecordingKey:
    (entry,) = parse_entries(entry_of(source.files[file_id], source.switches))
    return RecordingKey(recorder=RECORDER, recording=file_id.hex(), generation=entry.generation)


def keyed(source: BotaRecorder) -> dict[RecordingKey, tuple[bytes, ...]]:
    return {key_of(source, file_id): (file.content,) for file_id, file in source.files.items()}


class MemoryGatt:
    """One connection to a simulated recorder; `run` is the recorder's radio."""

    def __init__(self, source: BotaRecorder, mtu_bytes: int = 247) -> None:
        self.source = source
        self.mtu_bytes = mtu_bytes
        self.closed = 0
        self.answered: list[tuple[str, bool]] = []
        """Of each write: its characteristic, and whether an answer was asked for."""
        self._lost: str | None = None
        self._tell: list[Callable[[], None]] = []
        self._heard: dict[str, Callable[[bytes], None]] = {}
        self._written = asyncio.Event()
        source.connect(mtu_bytes)

    @property
    def lost(self) -> str | None:
        return self._lost

    def when_lost(self, tell: Callable[[], None]) -> None:
        if self._lost is not None:
            tell()
        self._tell.append(tell)

    def offers(self, *characteristics: str) -> bool:
        return all(each in self.source.table for each in characteristics)

    def value_bytes(self, characteristic: str) -> int:
        del characteristic
        return self.mtu_bytes - 3

    async def read(self, characteristic: str) -> bytes:
        return await self._call(lambda: self.source.read(characteristic))

    async def write(self, characteristic: str, value: bytes, *, answered: bool = False) -> None:
        self.answered.append((characteristic, answered))
        await self._call(lambda: self.source.write(characteristic, value))

    async def subscribe(self, characteristic: str, notified: Callable[[bytes], None]) -> None:
        try:
            await self._call(lambda: self.source.subscribe(characteristic))
        except LinkLost as error:
            raise LinkUnavailable(str(error), reason=LinkReason.DENIED) from error
        self._heard[characteristic] = notified

    async def aclose(self) -> None:
        self.closed += 1
        self.cut("closed here")

    def cut(self, why: str = "the distance ended it") -> None:
        if self._lost is None:
            self._lost = why
            self.source.disconnect()
            self._written.set()
            for tell in self._tell:
                tell()

    def notify(self, characteristic: str, value: bytes) -> None:
        if (heard := self._heard.get(characteristic)) is not None:
            heard(value)

    async def run(self) -> None:
        """Send what the recorder has to send, until the connection ends."""
        sent = 0
        while self._lost is None:
            event = self.source.next_event()
            if event is None:
                self._written.clear()
                await self._written.wait()
            elif isinstance(event, Cut):
                self.cut()
            else:
                await SystemClock().sleep(event.after_s)
                self.notify(event.characteristic, event.value)
                sent += 1
                if sent % PACKETS_AT_ONCE == 0:
                    await asyncio.sleep(0)

    async def _call(self, do):
        if self._lost is not None:
            raise LinkLost(self._lost)
        await asyncio.sleep(0)
        try:
            answer = do()
        except RecorderRefused as error:  # links/gatt.py cannot tell a refusal from a loss either
            raise LinkLost(str(error)) from error
        self._written.set()
        return answer


@asynccontextmanager
async def driving(source: BotaRecorder, *, mtu_bytes: int = 247, cache: Path = NOWHERE, **opening):
    """Connect a driver to a recorder; both end with the block."""
    gatt = MemoryGatt(source, mtu_bytes)
    radio = asyncio.create_task(gatt.run(), name="radio")
    try:
        yield await open_on(gatt, SystemClock(), cache=cache, **{"release": "delete"} | opening)
    finally:
        await gatt.aclose()
        await radio


async def pull(driver: BotaDriver, file_id: bytes = LONG_ID, offset: int = 0) -> bytes:
    found = [r for r in (await driver.recordings()).recordings if r.key.recording == file_id.hex()]
    (recording,) = found
    chunks = [chunk async for chunk in driver.read(recording, recording.media[0], offset)]
    return b"".join(chunks)


def hasten(monkeypatch) -> None:
    """Shorten every silence that the protocol waits for."""
    monkeypatch.setattr(gathering, "QUIET_S", 0.01)
    monkeypatch.setattr(gathering, "PATIENCE_S", 0.1)
    monkeypatch.setattr(transfer, "PACKET_S", 0.1)
    monkeypatch.setattr(transfer, "HASH_S", 0.02)
    monkeypatch.setattr(transfer, "QUIET_S", 0.02)
    monkeypatch.setattr(transfer, "LOOK_S", 0.01)
    monkeypatch.setattr(transfer, "PAUSED_S", 0.1)
    monkeypatch.setattr(bota_read, "QUIET_S", 0.02)
