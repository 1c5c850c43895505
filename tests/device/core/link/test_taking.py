"""RECORD on the recorder's side: one order is one recording, whatever is lost or asked."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.link.answers import EVENT_CHANGED, Error, Event, RecordIs, Welcome
from device.core.link.codes import ErrorCode
from device.core.link.messages import encode_message, parse
from device.core.link.recorder import RecorderMachine
from device.core.link.requests import ACTION_START, ACTION_STOP, Hello, Record
from tests.device.drivers.native_rig import FakeBoard, FakeStore, FakeTaker

HELLO = Hello(request=1, min_version=1, max_version=1, max_frame_bytes=4096)
START = Record(request=2, order=b"A" * 16, action=ACTION_START, max_duration_s=60)
STOP = Record(request=3, order=b"B" * 16, action=ACTION_STOP)


class Bench:
    def __init__(self, *, records: bool = True) -> None:
        self.store = FakeStore({})
        self.taker = FakeTaker(self.store)
        self.records = records
        self.restart()

    def restart(self) -> Welcome:
        taker = self.taker if self.records else None
        self.machine = RecorderMachine(FakeBoard(), self.store, taker=taker)
        return self.ask(HELLO)[0]

    def ask(self, message) -> list:
        return [parse(frame) for frame in self.machine.received(encode_message(message))]


def test_a_recorder_says_that_it_can_be_told():
    """The key is there, or is left out: recorders of before have no such key."""
    assert Bench().restart().records
    assert Bench(records=False).restart().records is None


def test_a_start_is_answered_and_changes_the_listing():
    """The answer comes first, then the event; the longest duration arrives."""
    bench = Bench()
    answer, event = bench.ask(START)

    assert answer == RecordIs(
        request=2, recording=b"\x01" * 16, generation=1, going_on=True, since_ms=1500
    )
    assert event == Event(event=EVENT_CHANGED, revision=1)
    assert bench.taker.longest_s == [60]


def test_the_same_order_again_does_nothing():
    """Under another request id, behind a restart, behind the stop: the same recording."""
    bench = Bench()
    first = bench.ask(START)[0]
    again = bench.ask(replace(START, request=9))
    bench.restart()
    later = bench.ask(START)
    bench.ask(STOP)
    last = bench.ask(START)

    assert again == [replace(first, request=9)]
    assert later == [first]
    assert last == [replace(first, going_on=False)]
    assert len(bench.taker.longest_s) == 1


@pytest.mark.parametrize(
    ("orders", "code"),
    [
        ([STOP], ErrorCode.NOT_RECORDING),
        ([START, replace(START, order=b"C" * 16)], ErrorCode.ALREADY_RECORDING),
        ([START, STOP, replace(STOP, order=b"C" * 16)], ErrorCode.NOT_RECORDING),
    ],
)
def test_what_cannot_be_done_is_refused(orders, code):
    """Never to be asked again as it is; and nothing has changed."""
    bench = Bench()
    for order in orders[:-1]:
        bench.ask(order)
    before = bench.store.revision()
    (error,) = bench.ask(orders[-1])

    assert isinstance(error, Error)
    assert (error.code, error.retryable, error.request) == (code, False, orders[-1].request)
    assert bench.store.revision() == before


def test_a_refused_order_is_not_remembered():
    """Asked again when it is possible, it is done."""
    bench = Bench()
    bench.ask(STOP)
    bench.ask(START)

    assert not bench.ask(STOP)[0].going_on


def test_who_takes_no_orders_says_so():
    """ERROR 13, as for every optional message."""
    (error,) = Bench(records=False).ask(START)

    assert error.code == ErrorCode.UNSUPPORTED


@pytest.mark.parametrize("wrong", ["0300", "0303", "04000301"])
def test_an_impossible_field_is_malformed(wrong):
    """Also before HELLO: an action that is none, a duration of nothing."""
    keys = f"01a{4 if len(wrong) == 4 else 5}000d010202{'50' + '41' * 16}{wrong}"
    machine = RecorderMachine(FakeBoard(), FakeStore({}))
    (frame,) = machine.received(bytes.fromhex(keys))
    error = parse(frame)

    assert (error.code, error.request) == (ErrorCode.MALFORMED, 2)


@given(
    st.lists(
        st.tuples(st.sampled_from([START, STOP]), st.integers(0, 5), st.booleans()), max_size=40
    )
)
def test_no_order_is_done_twice(said):
    """Whatever is said in whatever order, with restarts: an order has one recording for ever."""
    bench = Bench()
    seen: dict[bytes, bytes] = {}
    started: set[bytes] = set()
    for record, number, restarts in said:
        order = bytes((record.action, number)) * 8
        answer = bench.ask(replace(record, order=order))[0]
        if restarts:
            bench.restart()
        if isinstance(answer, RecordIs):
            assert seen.setdefault(order, answer.recording) == answer.recording
            started |= {order} if record is START else set()
        else:
            assert order not in seen

    assert len(bench.taker.longest_s) == len(started)
