"""Recorders in memory, each a GATT that a phone of the tests can connect: native and Bota."""

import asyncio
import hashlib
import random
from collections.abc import Callable
from contextlib import asynccontextmanager

from device.core.link.fragments import Fragmenter, Reassembler
from device.core.link.gatt_service import FROM_RECORDER, TO_RECORDER
from device.errors import LinkLost
from device.links.memory import MemoryLink
from tests.device.drivers import bota_rig, native_rig

AUDIO = random.Random(50).randbytes(150_000)
IMAGE = random.Random(51).randbytes(20_000)
SHORT = random.Random(52).randbytes(5_000)


class NativeGatt:
    """One connection to a native recorder; cut after so many notifications, if that is wanted."""

    def __init__(self, line: MemoryLink, value_bytes: int, cut_after: int | None) -> None:
        self._line = line
        self._value_bytes = value_bytes
        self._cut_after = cut_after
        self._lost: str | None = None
        self._tell: list[Callable[[], None]] = []
        self._fragmenter, self._reassembler = Fragmenter(), Reassembler()
        self._pump: asyncio.Task | None = None
        self.notified = 0
        self.hold_after: int | None = None
        self.go_on = asyncio.Event()

    @property
    def lost(self) -> str | None:
        return self._lost

    def when_lost(self, tell: Callable[[], None]) -> None:
        if self._lost is not None:
            tell()
        else:
            self._tell.append(tell)

    def offers(self, *characteristics: str) -> bool:
        return set(characteristics) <= {TO_RECORDER, FROM_RECORDER}

    async def write(self, characteristic: str, value: bytes, *, answered: bool = False) -> None:
        del answered
        if self._lost is not None or characteristic != TO_RECORDER:
            raise LinkLost("no such write")
        for frame in self._reassembler.feed(value):
            if frame:
                await self._line.send(frame)

    async def read(self, characteristic: str) -> bytes:
        raise LinkLost(f"{characteristic} cannot be read")

    async def subscribe(self, characteristic: str, notified: Callable[[bytes], None]) -> None:
        if self._lost is not None or characteristic != FROM_RECORDER:
            raise LinkLost("no such subscription")
        self._pump = asyncio.create_task(self._send(notified), name="recorder's radio")

    async def aclose(self) -> None:
        self.cut("closed here")
        if self._pump is not None:
            await asyncio.gather(self._pump, return_exceptions=True)

    def cut(self, why: str = "the distance ended it") -> None:
        if self._lost is None:
            self._lost = why
            if self._pump is not None:
                self._pump.cancel()
            for tell in self._tell:
                tell()

    async def _send(self, notified: Callable[[bytes], None]) -> None:
        while True:
            frame = await self._line.receive()
            for value in self._fragmenter.fragments(frame, self._value_bytes):
                notified(value)
                self.notified += 1
                if self.notified == self._cut_after:
                    self.cut()
                    return
                if self.notified == self.hold_after:
                    await self.go_on.wait()
            await asyncio.sleep(0)


class NativeRecorder:
    """A native recorder that outlives its connections."""

    kind = "native"

    def __init__(self, contents=None, *, serial: str = "FP0001", value_bytes: int = 244) -> None:
        contents = {(b"A" * 16, 1): (AUDIO, IMAGE)} if contents is None else contents
        self.serial = serial
        self.value_bytes = value_bytes
        self.store = native_rig.FakeStore(contents)
        self.store_of = {key: list(media) for key, media in contents.items()}
        self._board = native_rig.FakeBoard()
        self._board.serial = serial
        self._board.battery_percent = 81
        self._board.utc, self._board.trusted = 1_772_366_400_000, True
        self._recorders: list[asyncio.Task] = []
        self.read_bytes = 0

    @property
    def left(self) -> int:
        return len(self.store.stored)

    @property
    def contents(self) -> list[tuple[bytes, ...]]:
        return [tuple(media) for media in self.store_of.values()]

    def gatt(self, cut_after: int | None = None, hold_after: int | None = None) -> NativeGatt:
        """Connect anew, as a recorder in reach lets a phone do; `go_on` ends a hold."""

        def counted(frame: bytes) -> tuple[bytes, ...]:
            self.read_bytes += len(frame)
            return (frame,)

        recorder = native_rig.Recorder(self.store, self._board, tamper=counted)
        gatt = NativeGatt(recorder.host, self.value_bytes, cut_after)
        gatt.hold_after = hold_after
        task = asyncio.create_task(recorder.run(), name="recorder")
        self._recorders.append(task)
        gatt.when_lost(task.cancel)
        return gatt

    async def aclose(self) -> None:
        for task in self._recorders:
            task.cancel()
        await asyncio.gather(*self._recorders, return_exceptions=True)


class BotaKind:
    """A Bota recorder that outlives its connections."""

    kind = "bota"

    def __init__(self, contents=None) -> None:
        self.contents_by_id = {b"LONG": AUDIO, b"SHRT": SHORT} if contents is None else contents
        key = hashlib.sha512(bota_rig.SERIAL.encode()).digest()
        self.serial = f"PK{hashlib.sha256(key).hexdigest()[:24].upper()}"
        self.source = bota_rig.recorder(self.contents_by_id)
        self._radios: list[asyncio.Task] = []

    @property
    def left(self) -> int:
        return len(self.source.files)

    @property
    def contents(self) -> list[tuple[bytes, ...]]:
        return [(content,) for content in self.contents_by_id.values()]

    def gatt(self, cut_after: int | None = None):
        gatt = bota_rig.MemoryGatt(self.source, 247)
        if cut_after is not None:
            sent = 0
            original = gatt.notify

            def notify(characteristic: str, value: bytes) -> None:
                nonlocal sent
                sent += 1
                if sent == cut_after:
                    gatt.cut()
                else:
                    original(characteristic, value)

            gatt.notify = notify
        self._radios.append(asyncio.create_task(gatt.run(), name="radio"))
        return gatt

    async def aclose(self) -> None:
        for task in self._radios:
            task.cancel()
        await asyncio.gather(*self._radios, return_exceptions=True)


@asynccontextmanager
async def switched_on(*recorders):
    """Switch recorders off at the end."""
    try:
        yield
    finally:
        for each in recorders:
            await each.aclose()
