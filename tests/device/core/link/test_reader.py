"""The reader's patience: what it waits for, and what ends it."""

from itertools import count

import pytest

from device.core.link.answers import Busy, End, Error, Working
from device.core.link.codes import ErrorCode
from device.core.link.messages import Data, failure, parse
from device.core.link.pace import Pace
from device.core.link.reader import MAX_RESTARTS, Reader, Source
from device.errors import (
    LinkLost,
    MediumGone,
    ProtocolViolation,
    RecorderBusy,
    RecorderRefused,
)


def reader(size_bytes: int = 10_000) -> Reader:
    ids = count(1)
    source = Source(
        recording=bytes(16), generation=1, index=0, size_bytes=size_bytes, sha256=bytes(32)
    )
    return Reader(source, 0, numbers=lambda: (i := next(ids), i), pace=Pace(), now_s=0.0)


def test_silence_is_tried_a_few_times_with_longer_waits():
    """Each silent wait is at least as long as the one before, and then the link is lost."""
    pull = reader()
    now_s, waits = 0.0, []

    def in_silence() -> None:
        nonlocal now_s
        while True:
            waits.append(pull.wait_s(now_s))
            now_s += waits[-1]
            pull.idle(now_s)

    with pytest.raises(LinkLost):
        in_silence()
    assert waits == sorted(waits)
    assert 5 <= len(waits) <= 10


def test_frames_without_progress_do_not_hold_it_for_ever():
    """A line that carries late frames of others for a minute and nothing new is lost."""
    pull = reader()
    late = Data(stream=200, offset=0, payload=b"x")
    for second in range(60):
        pull.received(late, float(second))

    with pytest.raises(LinkLost):
        pull.received(late, 61.0)


def test_gaps_without_end_are_a_violation():
    """A recorder that never sends what was asked for is told to its maker."""
    pull = reader()

    def only_ends() -> None:
        for _ in range(MAX_RESTARTS + 1):
            end = End(request=1, stream=pull.stream, size_bytes=10_000, sha256=bytes(32))
            pull.received(end, 1.0)

    with pytest.raises(ProtocolViolation):
        only_ends()


def test_a_pause_of_the_consumer_is_not_silence():
    """Time in which nobody looked at the line does not count."""
    pull = reader()
    before = pull.wait_s(0.0)
    pull.paused(500.0)

    assert pull.wait_s(500.0) == pytest.approx(before)


def test_busy_for_a_moment_is_waited_out():
    """A short BUSY moves the next READ to when it is over."""
    pull = reader()
    pull.to_send()
    pull.received(Busy(request=pull.request, retry_after_ms=3000), 1.0)
    wait_s = pull.wait_s(1.0)
    pull.idle(4.0)

    assert wait_s == pytest.approx(3.0)
    assert len(pull.to_send()) == 1


def test_busy_for_long_is_told():
    """A long BUSY is the caller's to plan around."""
    pull = reader()

    with pytest.raises(RecorderBusy) as told:
        pull.received(Busy(request=pull.request, retry_after_ms=90_000), 1.0)
    assert told.value.retry_after_s == 90


def test_working_extends_the_wait():
    """WORKING for this READ is waited for; for another request it means nothing."""
    pull = reader()
    plain_s = pull.wait_s(0.0)
    pull.received(Working(request=999, for_ms=9000), 0.0)
    same_s = pull.wait_s(0.0)
    pull.received(Working(request=pull.request, for_ms=9000), 0.0)

    assert same_s == plain_s
    assert pull.wait_s(0.0) == pytest.approx(9.0)


def test_a_stream_the_recorder_lost_is_read_again_at_once():
    """UNKNOWN_STREAM for our stream asks again; for one we left it means nothing."""
    pull = reader()
    pull.to_send()
    pull.received(failure(ErrorCode.UNKNOWN_STREAM, stream=200), 1.0)
    unmoved = pull.to_send()
    pull.received(failure(ErrorCode.UNKNOWN_STREAM, stream=pull.stream), 1.0)

    assert unmoved == []
    assert [parse(frame).offset for frame in pull.to_send()] == [0]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (ErrorCode.NOT_FOUND, MediumGone),
        (ErrorCode.CHANGED, MediumGone),
        (ErrorCode.REFUSED, RecorderRefused),
        (ErrorCode.RANGE, RecorderRefused),
        (ErrorCode.NO_SESSION, RecorderRefused),
    ],
)
def test_a_permanent_no_ends_the_read(code, error):
    """What asking again cannot change is raised by its kind."""
    pull = reader()

    with pytest.raises(error):
        pull.received(failure(code, request=pull.request), 1.0)


def test_an_unknown_code_goes_by_its_bit():
    """A code of a newer recorder is retried if it says so, and refused if not."""
    pull = reader()
    pull.received(Error(code=999, retryable=True, request=pull.request), 1.0)

    with pytest.raises(RecorderRefused) as told:
        pull.received(Error(code=999, retryable=False, request=pull.request), 1.0)
    assert told.value.wire_code == 999
