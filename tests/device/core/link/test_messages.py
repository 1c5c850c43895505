"""Hostile frames: a value that says what is wrong, never an exception, never a crash."""

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.core.link.codec import decode_map
from device.core.link.codes import ErrorCode
from device.core.link.listing import MediumItem, RecordingItem, decode_item
from device.core.link.messages import _KINDS, Broken, encode_message, failure, parse
from device.core.link.recorder import RecorderMachine
from device.errors import ProtocolViolation
from tests.device.drivers.native_rig import FakeBoard, FakeStore

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.binary(max_size=40) | st.text(max_size=40)
    | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)  # fmt: skip
maps = st.dictionaries(st.integers(min_value=-2, max_value=70), plain, max_size=8)
numbered = st.builds(lambda number, rest: {**rest, 0: number}, st.sampled_from(list(_KINDS)), maps)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_as_something(frame):
    """No frame body makes the parser raise."""
    parse(frame)
    parse(b"\x01" + frame)


@given(numbered)
def test_any_map_is_a_message_or_broken(found):
    """A map with a known number is that message, or broken with a reason; never half of each."""
    got = parse(b"\x01" + cbor2.dumps(found))

    assert isinstance(got, (_KINDS[found[0]], Broken))
    if not isinstance(got, Broken):
        assert parse(encode_message(got)) == got


@settings(max_examples=40)
@given(st.lists(numbered.map(lambda found: b"\x01" + cbor2.dumps(found)) | st.binary(), max_size=8))
def test_a_recorder_survives_any_host(frames):
    """Whatever a host sends, the recorder answers or is silent, and then greets as usual."""
    machine = RecorderMachine(FakeBoard(), FakeStore({(b"A" * 16, 0): (b"abc" * 999,)}))
    for frame in frames:
        for answer in machine.received(frame):
            assert not isinstance(parse(answer), Broken)
        for _ in range(5):
            machine.next_frame()
    hello = bytes.fromhex("01a600010101020103010419100005696669656c64706f7374")

    assert parse(machine.received(hello)[0]).serial == "FP0001"


@given(maps)
def test_items_are_read_or_refused(found):
    """An item of a listing is itself or a ProtocolViolation."""
    for kind in (RecordingItem, MediumItem):
        try:
            item = decode_item(kind, cbor2.dumps(found))
        except ProtocolViolation:
            continue

        assert isinstance(item, kind)


@pytest.mark.parametrize("depth", [6, 400, 4000])
def test_nesting_is_bounded(depth):
    """A map nested beyond what the specification allows is refused, at any depth."""
    with pytest.raises(ProtocolViolation):
        decode_map(b"\xa1\x01" + b"\x81" * depth + b"\x00")


def test_a_number_of_any_length_is_refused():
    """An integer beyond 64 bits, which needs a tag, is refused."""
    with pytest.raises(ProtocolViolation):
        decode_map(cbor2.dumps({1: 1 << 70}))


def test_an_error_says_whether_to_try_again():
    """The retryable bit of an error is its code's in the table."""
    assert failure(ErrorCode.STORAGE).retryable
    assert not failure(ErrorCode.DIGEST).retryable


def test_an_error_detail_fits_its_limit():
    """However long a reason, the error that carries it is a legal message."""
    error = failure(ErrorCode.INTERNAL, request=1, detail="ä" * 500)

    assert parse(encode_message(error)) == error
