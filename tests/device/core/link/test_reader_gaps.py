"""The host's read against the real recorder machine over a line that loses and damages frames."""

import hashlib
import random
from collections import deque
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.link.messages import DATA, Data, encode_message, parse
from device.core.link.pace import Pace
from device.core.link.reader import Reader, Source
from device.core.link.recorder import RecorderMachine
from device.core.link.requests import Hello
from device.model import MediaKind
from device.simulate.firmware import SimulatedBoard
from device.simulate.holding import HeldMedium, HeldRecording, MemoryStore

CONTENT = random.Random(1).randbytes(150_000)
MADE_AT = datetime(2026, 3, 1, tzinfo=UTC)
FRAME_S = 0.01
WHOLE, DAMAGED, VANISHED = "whole", "damaged", "vanished"


class Line:
    """A line with a deep queue: what is in flight arrives before the answer to anything new."""

    def __init__(self, *, depth: int, down=lambda _: WHOLE, up=lambda _: WHOLE) -> None:
        medium = HeldMedium(
            name="audio.opus",
            kind=MediaKind.AUDIO,
            content_type="audio/ogg",
            content=CONTENT,
            captured_at=MADE_AT,
            t_offset_ms=0,
        )
        held = HeldRecording(
            id=bytes(16), generation=1, started_at=MADE_AT, ended_at=MADE_AT, media=(medium,)
        )
        self.store = MemoryStore([held], lambda _: None)
        self.machine = RecorderMachine(SimulatedBoard(serial="S", boot=bytes(8)), self.store)
        hello = Hello(request=1, min_version=1, max_version=1, max_frame_bytes=4096)
        self.machine.received(encode_message(hello))
        self.now_s, self.depth = 0.0, depth
        self.down, self.up = down, up
        self.flying: deque[bytes] = deque()
        self.sent_down = self.sent_up = self.idles = 0
        self.got = b""
        self.numbers = 1

    def number(self) -> tuple[int, int]:
        self.numbers += 1
        return self.numbers, self.numbers % 256

    def pull(self, offset: int = 0) -> Reader:
        source = Source(
            recording=bytes(16),
            generation=1,
            index=0,
            size_bytes=len(CONTENT),
            sha256=hashlib.sha256(CONTENT).digest(),
        )
        reader = Reader(source, offset, numbers=self.number, pace=Pace(), now_s=self.now_s)
        while not reader.done:
            self.step(reader)
        return reader

    def step(self, reader: Reader) -> None:
        for frame in reader.to_send():
            self.sent_up += 1
            if self.up(self.sent_up) is WHOLE:
                self.flying.extend(self.machine.received(frame))
        while len(self.flying) < self.depth and (frame := self.machine.next_frame()) is not None:
            if frame[0] == DATA:
                self.store.count_sent()
            self.flying.append(frame)
        if not self.flying:
            self.now_s += reader.wait_s(self.now_s)
            self.idles += 1
            reader.idle(self.now_s)
            return
        frame = self.flying.popleft()
        self.sent_down += 1
        self.now_s += FRAME_S
        fate = self.down(self.sent_down)
        if fate is not VANISHED:
            event = parse(frame) if fate is WHOLE else None
            self.got += reader.received(event, self.now_s)


@given(
    depth=st.integers(1, 40),
    fates=st.lists(st.sampled_from([WHOLE, WHOLE, WHOLE, DAMAGED, VANISHED]), max_size=120),
    up_lost=st.sets(st.integers(1, 12)),
)
def test_any_loss_gives_the_same_bytes(depth, fates, up_lost):
    """Whatever is lost or damaged in either direction, the bytes come once each and in order."""
    line = Line(
        depth=depth,
        down=lambda n: fates[n - 1] if n <= len(fates) else WHOLE,
        up=lambda n: VANISHED if n in up_lost and n % 3 else WHOLE,
    )

    line.pull()

    assert line.got == CONTENT


@pytest.mark.parametrize("fate", [DAMAGED, VANISHED])
def test_a_lost_frame_costs_one_frame(fate):
    """What was on the line behind a lost frame is used, not asked for again."""
    line = Line(depth=30, down=lambda n: fate if n == 40 else WHOLE)

    line.pull()

    assert line.got == CONTENT
    assert line.store.reread_bytes.total() <= 2 * 1024
    assert line.idles == 0


def test_two_gaps_in_one_window_are_filled_one_after_the_other():
    """Each gap is read by itself; what lies between them is kept."""
    line = Line(depth=30, down=lambda n: DAMAGED if n in (40, 45) else WHOLE)

    line.pull()

    assert line.got == CONTENT
    assert line.store.reread_bytes.total() <= 4 * 1024


def test_damage_at_the_end_of_the_credit_is_noticed_soon():
    """Behind the last frame of the medium comes only END, and it is enough to see the loss."""
    frames = -(-len(CONTENT) // 1024)
    line = Line(depth=30, down=lambda n: DAMAGED if n == frames else WHOLE)

    line.pull()

    assert line.got == CONTENT
    assert line.idles <= 1


def test_a_lost_raise_of_the_limit_is_made_up_by_the_next():
    """Credit is raised before it is used up, so one lost WINDOW does not stop the line."""
    line = Line(depth=2, up=lambda n: VANISHED if n == 5 else WHOLE)

    line.pull()

    assert line.got == CONTENT
    assert line.idles == 0


def test_frames_shrink_on_a_bad_line():
    """Losses every few kilobytes make the host ask for smaller frames."""
    sizes = []
    line = Line(depth=8, down=lambda n: DAMAGED if n % 10 == 0 else WHOLE)
    machine_next = line.machine.next_frame

    def watched():
        frame = machine_next()
        if frame is not None and isinstance(data := parse(frame), Data):
            sizes.append(len(data.payload))
        return frame

    line.machine.next_frame = watched
    line.pull()

    assert line.got == CONTENT
    assert sizes[0] == 1024
    assert max(sizes[-20:-1]) < 512
