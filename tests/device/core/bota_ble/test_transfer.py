"""A transfer brings exactly the file, and ends each stream with an answer, whatever gets lost."""

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.core.bota_ble import commands, packets
from device.core.bota_ble.switches import HashForm
from device.core.bota_ble.transfer import (
    DRAIN_S,
    LOOK_S,
    MAX_FILE_BYTES,
    MAX_REPLAYS,
    PACKET_S,
    PAUSED_S,
    QUIET_S,
    Transfer,
)
from device.errors import (
    DigestMismatch,
    FieldpostError,
    LinkLost,
    MediumGone,
    ProtocolViolation,
    RecorderBusy,
    RecorderRefused,
)
from tests.device.core.bota_ble.joined import CONTENT, ID, Pulled, endings, pull, recorder

ACK, NACK, ABORT = 0x10, 0x11, 0x12


@pytest.mark.parametrize("form", [HashForm.NONE, HashForm.BARE, HashForm.NAMED, HashForm.FOREIGN])
def test_a_recording_comes_whole(form):
    """The bytes, their digest and one ACK, with any harmless form of the hash."""
    source = recorder(hash_form=form)
    pulled, transfer = pull(source)

    assert pulled.content == CONTENT
    assert transfer.sha256 == sha256(CONTENT).hexdigest()
    assert not transfer.disputed
    assert endings(source) == [ACK]


def test_an_empty_recording_comes_whole():
    """A file without bytes is EOF at once."""
    pulled, transfer = pull(recorder(b""))

    assert (pulled.content, transfer.sha256) == (b"", sha256().hexdigest())


def test_a_hash_of_nobody_knows_whom_is_only_noted():
    """A bare hash that differs may be another recording's: the checksum decides."""
    pulled, transfer = pull(recorder(hash_form=HashForm.FOREIGN_BARE))

    assert (pulled.content, transfer.disputed) == (CONTENT, True)


def test_a_wrong_hash_of_this_recording_is_a_mismatch():
    """A named hash that differs twice is no accident, and nothing is acknowledged."""
    source = recorder(hash_form=HashForm.WRONG)

    with pytest.raises(DigestMismatch):
        pull(source)
    assert endings(source) == [NACK, NACK]


def test_the_hash_is_not_waited_for_beyond_its_grace():
    """A hash that never comes costs 200 ms."""
    pulled, _ = pull(recorder(hash_form=HashForm.NONE))

    assert pulled.took_s == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("switches", "stream_endings"),
    [
        ({"doubled": frozenset({0, 5, 21})}, [ACK]),
        ({"dropped": frozenset({7})}, [ABORT, ACK]),
        ({"dropped": frozenset({0})}, [ABORT, ACK]),
        ({"dropped": frozenset(range(4, 16))}, [ABORT, ACK]),
        ({"dropped": frozenset({21})}, [NACK, ACK]),
        ({"dropped": frozenset({4, 27})}, [ABORT, NACK, ACK]),
        ({"truncated": frozenset({3})}, [ABORT, ACK]),
        ({"overlong": frozenset({3})}, [ABORT, ACK]),
        ({"stalled": frozenset({3})}, [ABORT, ABORT, ACK]),
        ({"flipped_checksums": 2}, [NACK, NACK, ACK]),
        ({"lost_ends": 1}, [ABORT, ACK]),
        ({"start_errors": (0x02, 0x12, None)}, [ABORT, ABORT, ABORT, ACK]),
        ({"echo": True, "dropped": frozenset({7})}, [ABORT, ACK]),
    ],
    ids=lambda v: str(v)[:60],
)
def test_a_fault_is_repaired(switches, stream_endings):
    """The file comes whole in spite of each fault, by replays that are compared."""
    source = recorder(**switches)
    pulled, _ = pull(source)

    assert pulled.content == CONTENT
    assert endings(source) == stream_endings


def test_a_flipped_bit_does_not_pass():
    """A replay that differs from what was given out is said, and the stream aborted."""
    source = recorder(flipped=frozenset({3}))

    with pytest.raises(ProtocolViolation, match="other bytes"):
        pull(source)
    assert endings(source) == [NACK, ABORT]


@pytest.mark.parametrize(
    ("switches", "error", "code"),
    [
        ({"start_errors": (0x11,)}, MediumGone, None),
        ({"start_errors": (0x20,)}, RecorderBusy, None),
        ({"start_errors": (0x01,)}, RecorderRefused, 0x01),
        ({"start_errors": (0x03,)}, RecorderRefused, 0x03),
        ({"start_errors": (0x21,)}, RecorderRefused, 0x21),
        ({"start_errors": (0x22,)}, RecorderRefused, 0x22),
        ({"start_errors": (0x12,) * 9}, RecorderRefused, 0x12),
        ({"encrypted_v2": True}, RecorderRefused, 0x21),
        ({"keyless": True}, RecorderRefused, 0x14),
        ({"relay": True}, RecorderRefused, 0),
        ({"live": True}, RecorderBusy, None),
        ({"flipped_checksums": 9}, ProtocolViolation, None),
        ({"lost_ends": 9}, LinkLost, None),
        ({"dropped": frozenset(range(1, 99, 2))}, LinkLost, None),
    ],
    ids=lambda v: str(v)[:60],
)
def test_what_cannot_be_pulled_says_why(switches, error, code):
    """Each end has its own error, and the recorder is never left waiting."""
    source = recorder(**switches)

    with pytest.raises(error) as caught:
        pull(source)
    assert getattr(caught.value, "wire_code", None) == code
    assert endings(source)[-1] in (NACK, ABORT)


def test_a_recorder_of_v2_is_explained():
    """What a v2 recorder refuses comes with the reason that helps."""
    with pytest.raises(RecorderRefused) as caught:
        pull(recorder(encrypted_v2=True, v2_code=0x22))

    assert "v2" in (caught.value.hint or "")


def test_a_live_recording_gives_what_it_has_and_waits():
    """Up to PAUSED the bytes are given out; they are not the whole."""
    into = Pulled()

    with pytest.raises(RecorderBusy):
        pull(recorder(live=True), into=into)
    assert into.content == CONTENT


def test_the_sequence_number_wraps():
    """More than 65,536 packets come whole, with a repeated one on the wrap."""
    content = bytes(range(250)) * 5000
    source = recorder(content, doubled=frozenset({65_535, 65_536}))
    into, transfer = pull(source, mtu_bytes=27)

    assert len(content) > 65_536 * 19
    assert into.content == content
    assert transfer.replays == 0


def test_a_cut_connection_is_told_by_the_line():
    """Every tenth packet cuts once; each new transfer starts at byte 0 and gets further."""
    source = recorder(cuts=frozenset({10, 20}))
    held = [Pulled(), Pulled(), Pulled()]
    for into in held[:2]:
        with pytest.raises(LinkLost):
            pull(source, into=into)
    pull(source, into=held[2])

    assert [len(p.content) for p in held] == [2390, 4780, len(CONTENT)]


def test_another_mtu_in_a_replay_shifts_nothing():
    """Bytes are counted, never packets: the replay's packets have another size."""
    transfer = Transfer(ID, 0.0)
    first = b"".join(
        transfer.received(packets.encode_data(n, CONTENT[n * 20 :][:20]), 0.0) for n in range(3)
    )
    transfer.idle(2.0)
    transfer.idle(2.5)
    second = b"".join(
        transfer.received(packets.encode_data(n, CONTENT[n * 50 :][:50]), 3.0) for n in range(3)
    )

    assert first + second == CONTENT[:150]
    assert transfer.to_write() == [commands.start(ID), commands.ABORT, commands.start(ID)]


def test_a_file_that_became_shorter_is_no_match():
    """An end before what was given out already is refused, whatever its checksum."""
    transfer = Transfer(ID, 0.0)
    transfer.received(packets.encode_data(0, b"abc"), 0.0)
    transfer.idle(2.0)
    transfer.idle(2.5)
    transfer.to_write()
    transfer.received(packets.encode_eof(0, 0), 3.0)

    assert transfer.to_write() == [commands.NACK]


def test_the_recorders_time_begins_when_the_write_is_through():
    """A slow write does not count as the recorder's silence."""
    transfer = Transfer(ID, 0.0)
    transfer.to_write()
    transfer.written(5.0)

    assert transfer.wait_s(5.0) == 2.0


def test_what_drains_is_not_mixed_with_the_replay():
    """After a gap nothing counts before it was quiet; an EOF then still gets its answer."""
    transfer = Transfer(ID, 0.0)
    transfer.received(packets.encode_data(1, b"late"), 0.0)
    late = transfer.received(packets.encode_data(0, b"old"), 0.1)
    transfer.received(b"\x99", 0.2)
    transfer.received(packets.encode_eof(2, 0), 0.3)

    assert late == b""
    assert transfer.wait_s(0.3) == pytest.approx(0.5)
    assert transfer.to_write() == [commands.start(ID), commands.ABORT, commands.NACK]


def test_a_file_without_end_is_given_up(monkeypatch):
    """More than any card's file system can hold in a file is no file."""
    monkeypatch.setattr("device.core.bota_ble.transfer.MAX_FILE_BYTES", 100)
    transfer = Transfer(ID, 0.0)

    with pytest.raises(ProtocolViolation, match="more than a file"):
        transfer.received(packets.encode_data(0, bytes(101)), 0.0)
    assert MAX_FILE_BYTES == 1 << 32


def test_replays_end_even_if_each_brings_a_byte():
    """Progress by single packets does not go on for ever."""
    transfer = Transfer(ID, 0.0)
    for replay in range(MAX_REPLAYS + 1):
        for number in range(replay + 1):
            transfer.received(packets.encode_data(number, b"x"), 0.0)
        transfer.idle(0.0)
        if replay < MAX_REPLAYS:
            transfer.idle(0.0)

    with pytest.raises(LinkLost):
        transfer.idle(0.0)


def test_leaving_twice_writes_one_abort():
    """Who leaves a stream that runs aborts it, once."""
    transfer = Transfer(ID, 0.0)
    transfer.leave()
    transfer.leave()

    assert transfer.to_write() == [commands.ABORT]


PACKETS = st.one_of(
    st.binary(max_size=60),
    st.builds(packets.encode_data, st.integers(0, 5), st.binary(min_size=1, max_size=9)),
    st.builds(packets.encode_eof, st.integers(0, 9), st.integers(0, 0xFFFFFFFF)),
    st.builds(packets.encode_hash, st.binary(min_size=32, max_size=32), st.none()),
    st.builds(packets.encode_paused, st.integers(0, 9), st.integers(0, 99)),
    st.builds(packets.encode_error, st.none() | st.integers(0, 255)),
    st.sampled_from([b"\x05" + bytes(36), b"\x81" + bytes(21), b"\x82" + bytes(6)]),
    st.none(),
)


@settings(max_examples=200)
@given(st.lists(PACKETS, max_size=30), st.booleans(), st.booleans())
def test_no_sequence_of_packets_breaks_the_transfer(arriving, live, recording):
    """Any packets and silences give bytes, an end, or the package's own error."""
    transfer = Transfer(ID, 0.0, live=live)
    now_s = 0.0
    try:
        for value in arriving:
            if transfer.done:
                break
            now_s += 0.1
            if value is None and transfer.paused:
                transfer.looked(now_s, recording=recording)
            elif value is None:
                transfer.idle(now_s)
            else:
                transfer.received(value, now_s)
    except FieldpostError:
        pass
    transfer.leave()

    assert len(transfer.to_write()) > 0


@settings(max_examples=60)
@given(
    pieces=st.lists(st.binary(min_size=1, max_size=400), min_size=1, max_size=5),
    dropped=st.frozensets(st.integers(0, 9), max_size=3),
    mtu_bytes=st.integers(27, 200),
)
def test_however_it_grows_a_live_recording_is_all_of_it(pieces, dropped, mtu_bytes):
    """Through pauses, losses and any sizes of packets the bytes are those of the finished file."""
    source = recorder(b"OggS", live=True, dropped=dropped)
    into = Pulled()
    growing = iter(pieces)

    def look() -> bool:
        piece = next(growing, None)
        if piece is None:
            source.finish(ID, b"tail")
        else:
            file = source.files[ID]
            source.files[ID] = replace(file, content=file.content + piece)
        return piece is not None

    _, transfer = pull(source, mtu_bytes, into, look=look)

    assert transfer.done
    assert into.content == b"OggS" + b"".join(pieces) + b"tail"
    assert transfer.sha256 == sha256(into.content).hexdigest()


def live(content: bytes = b"OggS") -> Transfer:
    """Return a live transfer that has all there is."""
    transfer = Transfer(ID, 0.0, live=True)
    transfer.to_write()
    transfer.received(packets.encode_data(0, content), 0.0)
    transfer.received(packets.encode_paused(1, len(content)), 0.0)
    return transfer


def test_a_pause_has_no_deadline_of_its_own():
    """The recorder is asked now and then; as long as it records, the pause may last."""
    transfer = live()
    now_s = transfer.wait_s(0.0)
    while now_s < PAUSED_S:
        transfer.looked(now_s, recording=True)
        wait_s = transfer.wait_s(now_s)
        now_s += wait_s

    assert wait_s == LOOK_S
    assert transfer.to_write() == []
    with pytest.raises(RecorderBusy, match="still being made"):
        transfer.looked(now_s, recording=True)


def test_a_pause_that_is_told_again_is_the_same_pause():
    """A recorder that repeats PAUSED does not wait for ever by it."""
    transfer = live()
    for second in range(int(PAUSED_S)):
        transfer.received(packets.encode_paused(1, 4), float(second))
        transfer.looked(float(second), recording=True)

    with pytest.raises(RecorderBusy):
        transfer.looked(PAUSED_S, recording=True)


def test_a_pause_that_is_told_again_and_again_is_looked_at():
    """Each PAUSED is news of nothing: the recorder is asked as if it had been silent."""
    transfer = live()
    for second in range(1, int(LOOK_S)):
        transfer.received(packets.encode_paused(1, 4), float(second))

    assert transfer.wait_s(LOOK_S) == 0.0


def test_a_pause_that_the_recorder_denies_and_repeats_ends_too():
    """It pauses and says that it records nothing, in turn: no byte comes of it either."""
    transfer = live()
    now_s = 0.0
    with pytest.raises(RecorderBusy, match="nothing new came"):  # noqa: PT012 - in turn
        while now_s < 2 * PAUSED_S:
            now_s += LOOK_S
            transfer.looked(now_s, recording=False)
            transfer.received(packets.encode_paused(1, 4), now_s)

    assert now_s >= PAUSED_S


@pytest.mark.parametrize(
    "noise",
    [commands.ABORT, packets.encode_hash(bytes(32), None), packets.encode_data(0, b"old")],
    ids=["echo", "hash", "old data"],
)
def test_what_brings_a_recording_no_further_is_silence(noise):
    """A recorder that keeps talking and sends nothing does not hold the line for ever."""
    transfer = Transfer(ID, 0.0)
    transfer.received(packets.encode_data(0, b"OggS"), 0.0)
    transfer.received(noise, PACKET_S - 0.1)

    assert transfer.wait_s(PACKET_S) == 0.0


def test_a_recorder_that_sends_on_after_an_abort_is_left():
    """Only the end of the connection stops it: nothing else could be had from it till then."""
    transfer = Transfer(ID, 0.0)
    transfer.received(packets.encode_data(1, b"late"), 0.0)
    now_s = 0.0
    while now_s < DRAIN_S:
        transfer.received(packets.encode_data(2, b"later"), now_s)
        now_s += QUIET_S / 2

    with pytest.raises(LinkLost, match="sends on"):
        transfer.received(packets.encode_data(3, b"latest"), DRAIN_S + 0.1)


def test_data_ends_a_pause():
    """The next byte is awaited like any other from then on."""
    transfer = live()
    got = transfer.received(packets.encode_data(1, b"more"), 9.0)

    assert got == b"more"
    assert not transfer.paused
    assert transfer.wait_s(9.0) == PACKET_S


def test_the_end_is_due_when_the_recorder_records_no_more():
    """Silence after that is the silence of any recorder: all of it is asked for again."""
    transfer = live()
    transfer.looked(9.0, recording=False)
    due_s = transfer.wait_s(9.0)
    transfer.idle(11.0)

    assert due_s == PACKET_S
    assert transfer.to_write() == [commands.ABORT]


def test_plain_and_encrypted_packets_are_not_mixed():
    """After a plain byte a relay packet is damage, and no recorder of another kind."""
    transfer = Transfer(ID, 0.0)
    transfer.to_write()
    transfer.received(packets.encode_data(0, b"OggS"), 0.0)
    transfer.received(b"\x81" + bytes(21), 0.0)

    assert transfer.to_write() == [commands.ABORT]


@settings(max_examples=60)
@given(
    dropped=st.frozensets(st.integers(0, 60), max_size=8),
    doubled=st.frozensets(st.integers(0, 60), max_size=8),
    truncated=st.frozensets(st.integers(0, 60), max_size=4),
    ends=st.integers(0, 2),
)
def test_whatever_gets_lost_the_file_is_the_file(dropped, doubled, truncated, ends):
    """Every mixture of losses ends with exactly the file, or with an error; never with less."""
    source = recorder(dropped=dropped, doubled=doubled, truncated=truncated, lost_ends=ends)
    into = Pulled()
    try:
        _, transfer = pull(source, into=into)
    except LinkLost:
        assert CONTENT.startswith(into.content)
    else:
        assert transfer.done
        assert into.content == CONTENT
