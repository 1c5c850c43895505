"""The paced pipe against an injected clock: byte accounting, no wall time."""

import math

from hypothesis import given
from hypothesis import strategies as st

from device.simulate.faults import Damage
from device.simulate.pacing import PacedPipe


def clean_pipe(*, bytes_per_s: float, fifo_bytes: int = 4096) -> PacedPipe:
    return PacedPipe(
        bytes_per_s=bytes_per_s,
        fifo_bytes=fifo_bytes,
        damage=Damage(flip=0, drop=0, seed="pacing"),
    )


@given(steps=st.lists(st.floats(0.0001, 0.05), min_size=1, max_size=200))
def test_a_busy_line_carries_its_rate_to_the_byte(steps):
    """However often it is looked at, a busy line has carried rate times time, rounded down."""
    pipe, now = clean_pipe(bytes_per_s=11_520), 0.0
    pipe.push(bytes(pipe.room_bytes), now)

    for step in steps:
        now += step
        while pipe.take(now):
            pipe.push(bytes(pipe.room_bytes), now)

    assert math.isclose(int(now * 11_520), pipe.crossed_bytes, abs_tol=1)


def test_an_idle_line_saves_no_credit():
    """After a rest of an hour the line is as slow as ever."""
    pipe = clean_pipe(bytes_per_s=1000)
    pipe.push(b"x", 0.0)
    pipe.take(1.0)
    pipe.idle()
    pipe.push(bytes(4096), 3600.0)

    assert pipe.take(3600.5) == bytes(500)


def test_a_stalled_line_earns_no_credit():
    """While the far end takes nothing, the line waits with it."""
    pipe = clean_pipe(bytes_per_s=1000)
    pipe.push(bytes(4096), 0.0)
    pipe.stall(2.0)

    assert pipe.take(2.1) == bytes(100)


def test_bytes_come_out_in_order():
    """What goes in first comes out first."""
    pipe = clean_pipe(bytes_per_s=1000)
    wire = bytes(range(200))
    pipe.push(wire[:120], 0.0)
    head = pipe.take(0.1)
    pipe.push(wire[120:], 0.1)

    assert head + pipe.take(1.0) == wire


def test_a_stop_holds_the_line_at_its_byte():
    """A stop lets something happen at an exact byte; passing it goes on."""
    pipe = clean_pipe(bytes_per_s=1000)
    pipe.stop_at(30)
    pipe.push(bytes(100), 0.0)
    before = (len(pipe.take(1.0)), pipe.at_stop, len(pipe.take(1.0)))
    pipe.pass_stop()

    assert before == (30, True, 0)
    assert (len(pipe.take(1.0)), pipe.at_stop) == (70, False)


def test_an_unpaced_line_carries_everything_at_once():
    """Baud 0 stands for a line without a rate."""
    pipe = clean_pipe(bytes_per_s=math.inf)
    pipe.push(bytes(4096), 0.0)

    assert len(pipe.take(0.0)) == 4096


def test_clearing_loses_what_is_on_its_way():
    """An unplugged cable holds nothing."""
    pipe = clean_pipe(bytes_per_s=1000)
    pipe.push(bytes(100), 0.0)
    pipe.clear()

    assert pipe.take(10.0) == b""
