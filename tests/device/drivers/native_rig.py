"""A recorder in memory behind a real driver: board, store, pump, and a line that can be bad."""

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import sha256

from device.clock import Clock, SystemClock
from device.core.link import pace, reader
from device.core.link.answers import Page
from device.core.link.codes import ErrorCode
from device.core.link.framing import FrameDecoder, encode
from device.core.link.listing import Holding, Kind, MediumItem, Timebase, items_digest
from device.core.link.messages import encode_message, parse
from device.core.link.recorder import DEFAULT_FRAME_BYTES, RecorderMachine
from device.core.link.store import Stored, Take
from device.drivers import native_session
from device.drivers.native import open_on
from device.errors import LinkLost, RecorderRefused
from device.links.memory import MemoryLink
from device.model import RecorderId, RecordingKey

RECORDER = RecorderId("native:FP0001")
AUDIO = random.Random(1).randbytes(300_000)
IMAGE = random.Random(2).randbytes(20_000)
SHORT = random.Random(3).randbytes(5_000)


class FakeBoard:
    serial = "FP0001"
    model = "bench recorder"
    firmware = "1.2.3"
    capacity_bytes = 1 << 30
    used_bytes = 12_345
    dropped_recordings = 2
    times_full = 1
    battery_percent: int | None = None
    charging: bool | None = None

    def __init__(self, boot: bytes = b"boot0001") -> None:
        self.boot = boot
        self.utc: int | None = None
        self.trusted = False
        self.asked: list[str] = []

    def uptime_ms(self) -> int:
        return 60_000

    def utc_ms(self) -> int | None:
        self.asked.append("read")
        return self.utc

    def clock_trusted(self) -> bool:
        return self.trusted

    def set_utc_ms(self, utc_ms: int) -> None:
        self.asked.append("set")
        self.utc, self.trusted = utc_ms, True


def medium(index: int, content: bytes, kind: Kind = Kind.AUDIO, **more) -> MediumItem:
    fields = {
        "content_type": "audio/ogg" if kind is Kind.AUDIO else "image/jpeg",
        "size_bytes": len(content),
        "sha256": sha256(content).digest(),
        "name": f"medium{index}",
        **more,
    }
    return MediumItem(index=index, kind=kind, **fields)


class FakeStore:
    """Recordings in memory. `contents` is by (recording, generation)."""

    def __init__(self, contents: dict[tuple[bytes, int], Sequence[bytes]]) -> None:
        self.contents = {key: list(media) for key, media in contents.items()}
        self.stored = [
            Stored(
                recording=recording,
                generation=generation,
                media=tuple(
                    medium(i, content, Kind.IMAGE if i else Kind.AUDIO)
                    for i, content in enumerate(media)
                ),
                timebase=Timebase.UTC,
                started_ms=1_772_366_400_000,
            )
            for (recording, generation), media in contents.items()
        ]
        self.changes = 0
        self.kept = False

    def revision(self) -> int:
        return self.changes

    def recordings(self) -> list[Stored]:
        return self.stored

    def read(self, stored: Stored, index: int, offset: int, size: int) -> bytes:
        content = self.contents[stored.recording, stored.generation][index]
        return content[offset : offset + size]

    def remove(self, stored: Stored) -> None:
        self.changes += 1
        self.stored = [s for s in self.stored if s != stored]


class FakeTaker:
    """Records nothing but that it does, and remembers every order; each take is 5,000 bytes."""

    def __init__(self, store: FakeStore) -> None:
        self.store = store
        self.did: dict[bytes, bytes] = {}
        self.now: bytes | None = None
        self.longest_s: list[int | None] = []

    def ordered(self, order: bytes) -> Take | None:
        did = self.did.get(order)
        return None if did is None else self._take(did)

    def start(self, order: bytes, max_duration_s: int | None) -> Take:
        if self.now is not None:
            raise RecorderRefused("it records", wire_code=ErrorCode.ALREADY_RECORDING)
        self.longest_s.append(max_duration_s)
        self.now = bytes((len(self.longest_s),)) * 16
        self.did[order] = self.now
        self._list(Stored(recording=self.now, generation=1, media=(), state=Holding.OPEN))
        return self._take(self.now)

    def stop(self, order: bytes) -> Take:
        if self.now is None:
            raise RecorderRefused("it does not record", wire_code=ErrorCode.NOT_RECORDING)
        self.did[order] = self.now
        self.store.contents[self.now, 1] = [SHORT]
        self.store.stored = [s for s in self.store.stored if s.recording != self.now]
        self._list(Stored(recording=self.now, generation=1, media=(medium(0, SHORT),)))
        self.now = None
        return self._take(self.did[order])

    def _take(self, recording: bytes) -> Take:
        going_on = recording == self.now
        return Take(recording=recording, generation=1, going_on=going_on, since_ms=1500)

    def _list(self, stored: Stored) -> None:
        self.store.stored = [*self.store.stored, stored]
        self.store.changes += 1


def usual_store() -> FakeStore:
    return FakeStore({(b"A" * 16, 1): (AUDIO, IMAGE), (b"B" * 16, 7): (SHORT,)})


def keyed(store: FakeStore) -> dict[RecordingKey, tuple[bytes, ...]]:
    return {
        RecordingKey(recorder=RECORDER, recording=recording.hex(), generation=generation): tuple(
            media
        )
        for (recording, generation), media in store.contents.items()
    }


class Recorder:
    """Runs a RecorderMachine at one end of a memory link, until the link is cut.

    `tamper` sees every frame the recorder sends and returns what arrives instead.
    """

    def __init__(
        self,
        store: FakeStore,
        board: FakeBoard | None = None,
        *,
        tamper: Callable[[bytes], Sequence[bytes]] = lambda frame: (frame,),
        max_frame_bytes: int = DEFAULT_FRAME_BYTES,
        records: bool = False,
    ) -> None:
        self.store = store
        self.taker = FakeTaker(store) if records else None
        self.board = board or FakeBoard()
        self.tamper = tamper
        self.max_frame_bytes = max_frame_bytes
        self.host, self.line = MemoryLink.pair()
        self.received: list[bytes] = []
        self.restart()

    def restart(self) -> None:
        """Lose all state, as a recorder that reboots."""
        self.machine = RecorderMachine(
            self.board, self.store, taker=self.taker, max_frame_bytes=self.max_frame_bytes
        )

    async def run(self) -> None:
        incoming: asyncio.Queue[bytes] = asyncio.Queue()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen(incoming), name="listen")
                group.create_task(self._talk(incoming), name="talk")
        except* LinkLost:
            pass

    async def say(self, frame: bytes) -> None:
        for arriving in self.tamper(frame):
            await self.line.send(arriving)

    async def _listen(self, incoming: asyncio.Queue[bytes]) -> None:
        while True:
            frame = await self.line.receive()
            self.received.append(frame)
            incoming.put_nowait(frame)

    async def _talk(self, incoming: asyncio.Queue[bytes]) -> None:
        while True:
            frame = None if incoming.empty() else incoming.get_nowait()
            if frame is None and (data := self.machine.next_frame()) is not None:
                await self.say(data)
                continue
            if frame is None:
                frame = await incoming.get()
            for answer in self.machine.received(frame):
                await self.say(answer)


class BadLine:
    """A tamper that flips and drops bytes of the wire form, by a seeded rate."""

    def __init__(self, seed: int, *, flip: float = 0.0, drop: float = 0.0) -> None:
        self._rng = random.Random(seed)
        self._flip = flip
        self._drop = drop
        self._decoder = FrameDecoder()

    def __call__(self, frame: bytes) -> list[bytes]:
        wire = bytearray()
        for byte in encode(frame):
            chance = self._rng.random()
            if chance < self._drop:
                continue
            flipped = byte ^ (1 << self._rng.randrange(8))
            wire.append(flipped if chance < self._drop + self._flip else byte)
        return self._decoder.feed(bytes(wire))


@asynccontextmanager
async def driving(recorder: Recorder, clock: Clock | None = None, release: str = "delete"):
    """Run a recorder and open a driver on it; both end with the block."""
    async with asyncio.TaskGroup() as group:
        group.create_task(recorder.run(), name="recorder")
        try:
            driver = await open_on(recorder.host, clock or SystemClock(), release=release)
            yield driver
        finally:
            await recorder.host.aclose()


def hasten(monkeypatch) -> None:
    """Shorten the deadlines on a line that shows no sign of life."""
    monkeypatch.setattr(native_session, "FIRST_DEADLINE_S", 0.02)
    monkeypatch.setattr(pace, "UNKNOWN_S", 0.02)
    monkeypatch.setattr(pace, "FLOOR_S", 0.02)
    monkeypatch.setattr(reader, "SLOWEST_IDLE_S", 0.05)


def relisted(change):
    """Make a tamper that changes each listing's items, with a digest that agrees."""

    def tamper(frame: bytes) -> tuple[bytes, ...]:
        page = parse(frame)
        if not isinstance(page, Page):
            return (frame,)
        items = tuple(change(list(page.items)))
        page = replace(page, items=items, total=len(items), sha256=items_digest(items))
        return (encode_message(page),)

    return tamper


class RigLink:
    """A link class for a URL scheme of tests: opens the host's end of `recorder`."""

    recorder: Recorder

    @classmethod
    async def open(cls, url: str) -> MemoryLink:
        del url
        return cls.recorder.host
