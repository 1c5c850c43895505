"""A reader and a recorder joined by a simulated line with its own clock: fast, exact, seeded."""

import heapq
import itertools
import random
from collections import deque

from device.core.link.framing import FrameDecoder, encode
from device.core.link.messages import encode_message, parse
from device.core.link.pace import Pace
from device.core.link.reader import Reader, Source
from device.core.link.recorder import RecorderMachine
from device.core.link.requests import Hello
from tests.device.drivers.native_rig import FakeBoard, FakeStore


class Line:
    """One direction: bytes arrive in order, `rate` per second, flipped and dropped by chance."""

    def __init__(self, rng, *, rate=92_160.0, delay_s=0.003, flip=0.0, drop=0.0):
        self.rng, self.rate, self.delay_s, self.flip, self.drop = rng, rate, delay_s, flip, drop
        self.free_s = 0.0
        self.carried = 0

    def carry(self, wire: bytes, now_s: float) -> tuple[float, bytes]:
        self.carried += len(wire)
        self.free_s = max(self.free_s, now_s) + len(wire) / self.rate
        if not self.flip and not self.drop:
            return self.free_s + self.delay_s, wire
        out = bytearray()
        for byte in wire:
            chance = self.rng.random()
            if chance >= self.drop:
                hit = chance < self.drop + self.flip
                out.append(byte ^ (1 << self.rng.randrange(8)) if hit else byte)
        return self.free_s + self.delay_s, bytes(out)


class Simulation:
    """Events in time order: bytes reach the host, bytes reach the recorder, the recorder's turn."""

    def __init__(self, content: bytes, *, seed=1, frame=1034, **line):
        rng = random.Random(seed)
        self.store = FakeStore({(b"A" * 16, 1): (content,)})
        self.frame = frame
        self.machine = self._booted()
        self.down = Line(rng, **line)
        self.up = Line(rng, **line)
        self.source = Source(
            recording=b"A" * 16,
            generation=1,
            index=0,
            size_bytes=len(content),
            sha256=self.store.stored[0].media[0].sha256,
        )
        self.now_s = 0.0
        self.pace = Pace()
        self.got = bytearray()
        self._queue: list[tuple[float, int, str, bytes]] = []
        self._order = itertools.count()
        self._ids = itertools.count(1)

    def _booted(self) -> RecorderMachine:
        machine = RecorderMachine(FakeBoard(), self.store, max_frame_bytes=self.frame)
        machine.received(
            encode_message(Hello(request=0, min_version=1, max_version=1, max_frame_bytes=4096))
        )
        return machine

    def numbers(self) -> tuple[int, int]:
        number = next(self._ids)
        return number, number % 256

    def pull(self, offset: int = 0) -> "Simulation":
        self.reader = Reader(
            self.source, offset, numbers=self.numbers, pace=self.pace, now_s=self.now_s
        )
        host, recorder = FrameDecoder(), FrameDecoder()
        arrived: deque[bytes] = deque()
        self._flush()
        while not self.reader.done:
            due_s = self.now_s + self.reader.wait_s(self.now_s)
            if not self._queue or self._queue[0][0] > due_s:
                self.now_s = due_s
                self.reader.idle(self.now_s)
                self._flush()
                continue
            self.now_s, _, whom, wire = heapq.heappop(self._queue)
            match whom:
                case "host":
                    for frame in host.feed(wire):
                        self._take(frame)
                case "recorder":
                    arrived.extend(recorder.feed(wire))
                    self._turn(arrived)
                case _:
                    self._turn(arrived)
        return self

    def _take(self, frame: bytes) -> None:
        if not self.reader.done:
            event = parse(frame) if frame else None
            self.got += self.reader.received(event, self.now_s)
            self._flush()

    def _turn(self, arrived: deque[bytes]) -> None:
        if self.down.free_s > self.now_s:
            return  # the UART is busy; a turn follows when it is free
        frames = []
        while arrived:
            frames += self.machine.received(arrived.popleft())
        if not frames and (frame := self.machine.next_frame()) is not None:
            frames = [frame]
        for frame in frames:
            at, wire = self.down.carry(encode(frame), self.now_s)
            self._later(at, "host", wire)
        if frames:
            self._later(self.down.free_s, "turn", b"")

    def _flush(self) -> None:
        for frame in self.reader.to_send():
            at, wire = self.up.carry(encode(frame), self.now_s)
            self._later(at, "recorder", wire)

    def _later(self, at: float, whom: str, wire: bytes) -> None:
        heapq.heappush(self._queue, (at, next(self._order), whom, wire))
