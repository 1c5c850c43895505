"""The phone's tunnel: golden vectors of TUNNEL.md, and frames of any kind."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.tunnel import (
    MOST_HEARD_BYTES,
    Call,
    Close,
    Error,
    Kind,
    Notified,
    Refused,
    Row,
    Standing,
    Succeeded,
    Welcome,
    encode_answer,
    encode_call,
    encode_text,
    parse_binary,
    parse_call,
    parse_text,
    parse_told,
)
from gateway.errors import InvalidRequest

PAGE = Path(__file__).parents[3] / "gateway" / "phone" / "TUNNEL.md"
CHANNELS = st.integers(0, 0xFFFF)
CALLS = st.integers(0, 0xFFFF_FFFF)
OCTETS = st.integers(0, 255)
VALUES = st.binary(max_size=MOST_HEARD_BYTES)


def vectors():
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        if cells[0] in ("phone", "gateway"):
            yield cells[0], cells[1].strip("`"), cells[2]


def test_the_page_has_vectors():
    """A page whose table cannot be found would pass by having none."""
    assert len(list(vectors())) == 12


@pytest.mark.parametrize(("who", "frame", "says"), list(vectors()))
def test_a_golden_vector_is_read(who, frame, says):
    """Every frame of the specification says what is written beside it."""
    if frame.startswith("{"):
        read = parse_text(frame)
    elif who == "gateway":
        read = parse_call(bytes.fromhex(frame))
    else:
        read = parse_binary(bytes.fromhex(frame))

    assert says == repr(read).replace("<Kind.", "Kind.").replace(": 1>", "").replace(
        ": 2>", ""
    ).replace(": 3>", "").replace(": 4>", "")


@pytest.mark.parametrize(("who", "frame", "says"), list(vectors()))
def test_a_golden_vector_is_written(who, frame, says):
    """What is read is written as the same bytes again."""
    if frame.startswith("{"):
        assert msgspec.json.decode(frame) == msgspec.json.decode(
            msgspec.json.encode(parse_text(frame))
        )
    elif who == "gateway":
        assert bytes.fromhex(frame) == encode_call(parse_call(bytes.fromhex(frame)))
    else:
        assert bytes.fromhex(frame) == encode_answer(parse_binary(bytes.fromhex(frame)))


@given(st.sampled_from(Kind), CHANNELS, CALLS, OCTETS, st.binary(max_size=600))
def test_calls_survive_the_wire(kind, channel, call, at, value):
    """Whatever is asked for is what the phone reads."""
    asked = Call(kind=kind, channel=channel, call=call, characteristic=at, value=value)

    assert asked == parse_call(encode_call(asked))


@given(
    st.one_of(
        st.builds(Succeeded, channel=CHANNELS, call=CALLS, value=VALUES),
        st.builds(Notified, channel=CHANNELS, characteristic=OCTETS, value=VALUES),
    )
)
def test_answers_survive_the_wire(answer):
    """Whatever the phone passes on is what the gateway reads."""
    assert answer == parse_binary(encode_answer(answer))


@given(st.binary(max_size=40) | st.sampled_from([b"\x81\0", b"\x84\0\0", b"\x01" * 9]))
def test_any_bytes_are_read_or_refused(frame):
    """Nothing a phone sends ends in another exception."""
    try:
        read = parse_binary(frame)
    except InvalidRequest:
        return

    assert frame == encode_answer(read)


@pytest.mark.parametrize(
    "told",
    [
        Succeeded(channel=1, call=1, value=bytes(MOST_HEARD_BYTES + 1)),
        Notified(channel=1, characteristic=1, value=bytes(MOST_HEARD_BYTES + 1)),
    ],
)
def test_what_no_recorder_can_say_is_refused(told):
    """Thousands of values are held for a driver that is busy: their length is what bounds that."""
    with pytest.raises(InvalidRequest):
        parse_binary(encode_answer(told))


def test_a_full_packet_is_heard():
    """At the largest MTU that phones ask for a notification is longer than any characteristic."""
    told = Notified(channel=1, characteristic=1, value=bytes(517 - 3))

    assert told == parse_binary(encode_answer(told))


@given(st.text(max_size=60) | st.binary(max_size=60))
def test_any_text_is_read_or_refused(text):
    """Nothing a phone says ends in another exception."""
    try:
        parse_text(text)
    except InvalidRequest:
        return


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"type":"greet"}',
        '{"type":"lost"}',
        '{"type":"lost","channel":65536}',
        '{"type":"lost","channel":-1}',
        '{"type":"lost","channel":true}',
        '{"type":"open","channel":1,"kind":"other","characteristics":[]}',
        '{"type":"open","channel":1,"kind":"bota","characteristics":[{"service":"x","uuid":"y"}]}',
        '{"type":"bye","x":' + "[" * 5000,
        '{"type":"lost","channel":1,"reason":"' + "x" * 300 + '"}',
        '{"type":"lost","channel":1,"more":"' + "x" * 70000 + '"}',
    ],
)
def test_what_no_phone_says_is_refused(text):
    """Each of these would break what comes after it."""
    with pytest.raises(InvalidRequest):
        parse_text(text)


def test_long_binary_frames_are_refused():
    """A phone cannot make the gateway hold more than a frame."""
    with pytest.raises(InvalidRequest):
        parse_binary(b"\x81" + bytes(70_000))


def test_fields_of_later_pages_are_left_out():
    """An older gateway understands a newer page as far as it can."""
    read = parse_text('{"type":"lost","channel":3,"reason":"","rssi":-60}')

    assert (3, "") == (read.channel, read.reason)


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (
            Welcome(ping_s=20, phone="Anna's"),
            '{"type":"welcome","version":1,"ping_s":20,"phone":"Anna\'s"}',
        ),
        (
            Refused(channel=3, message="no", hint="yes"),
            '{"type":"refused","channel":3,"message":"no","hint":"yes"}',
        ),
        (
            Close(channel=3, message="done"),
            '{"type":"close","channel":3,"message":"done","retry_s":null}',
        ),
        (
            Standing(channel=None, recorder="", recordings=[Row(id="9", label="", state="stored")]),
            (
                '{"type":"standing","channel":null,"recorder":"","battery_percent":null,'
                '"recordings":[{"id":"9","label":"","state":"stored","done_bytes":null,'
                '"size_bytes":null,"message":""}],"more":0,"message":""}'
            ),
        ),
        (Error(code=4401, message="no"), '{"type":"error","code":4401,"message":"no"}'),
    ],
)
def test_what_the_gateway_says_is_written_like_that(told, text):
    """The page reads these very fields."""
    assert (text, told) == (encode_text(told), parse_told(text))
