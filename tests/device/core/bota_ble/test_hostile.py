"""Any bytes give a value or the package's own error, and values survive being written."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.bota_ble import commands
from device.core.bota_ble.advertisement import Pairing, Report, model_of, recognise
from device.core.bota_ble.listing import encode_entry, parse_entries
from device.core.bota_ble.on_air import report_of
from device.core.bota_ble.packets import encode_data, encode_eof, parse_packet
from device.core.bota_ble.provisioning import MAX_CHUNKS, check_result, token_chunks
from device.core.bota_ble.settings import DeviceSettings, Way, encode_settings, parse_settings
from device.core.bota_ble.status import Activity, parse_status, parse_storage
from device.core.bota_ble.time_sync import decode_time, encode_time
from device.errors import ProtocolViolation, RecorderRefused


@pytest.mark.parametrize(
    "parse", [parse_status, parse_storage, parse_entries, parse_packet, check_result]
)
@given(value=st.binary(max_size=120))
def test_any_bytes_give_a_value_or_our_error(parse, value):
    """No notification and no value that is read raises anything of another package."""
    with suppress(ProtocolViolation, RecorderRefused):
        parse(value)


@given(value=st.binary(max_size=40))
def test_any_settings_are_read_and_can_be_written(value):
    """Whatever a recorder holds becomes settings; odd preferences can be refused on writing."""
    found = parse_settings(value)
    if len(set(found.preference)) == len(found.preference):
        assert parse_settings(encode_settings(found)) == found


@given(structures=st.binary(max_size=62))
def test_any_advertisement_is_read(structures):
    """Broken advertising data is nobody, or somebody, and never an error."""
    recognise([report_of(structures)])


@given(
    name=st.none() | st.text(max_size=10).map(lambda rest: f"Bota{rest}"),
    manufacturer=st.dictionaries(st.integers(0, 0xFFFF), st.binary(max_size=8), max_size=3),
)
def test_any_manufacturers_bytes_are_read(name, manufacturer):
    """Foreign manufacturer data under a recorder's name does no harm."""
    seen = recognise([Report(name=name, manufacturer=manufacturer)])

    assert seen is not None or name is None


@given(value=st.binary(max_size=24))
def test_any_command_is_one_or_none(value):
    """The recorder's side takes only whole commands for what they are."""
    assert commands.started(value) is None or value[0] == 2
    assert commands.confirmed(value) is None or value[0] == 7


@given(sequence=st.integers(0, 1 << 20), payload=st.binary(min_size=1, max_size=512))
def test_data_is_read_back(sequence, payload):
    """Data packets survive being written, their sequence modulo 65,536."""
    packet = parse_packet(encode_data(sequence, payload))

    assert (packet.sequence, packet.payload) == (sequence & 0xFFFF, payload)


@given(crc32=st.integers(0, 0xFFFFFFFF))
def test_an_end_is_read_back(crc32):
    """EOF survives being written."""
    assert parse_packet(encode_eof(70_000, crc32)).crc32 == crc32


def test_the_generation_tells_reused_ids_apart():
    """Four random bytes come again some day: what else the entry says is part of the identity."""
    first, second = (
        parse_entries(encode_entry(b"abcd", started_s=started, duration_s=5, size_kib=7))[0]
        for started in (1, 2)
    )

    assert first.file_id == second.file_id
    assert first.generation != second.generation


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(bytes(23), id="cut entry"),
        pytest.param(b"\x01" + b"\xff" * 24, id="one byte left over of a cut notification"),
    ],
)
def test_a_cut_listing_is_refused(value):
    """What was cut is never read as other entries."""
    with pytest.raises(ProtocolViolation):
        parse_entries(value)


@pytest.mark.parametrize("size", [3, 5, 16])
def test_an_id_has_four_bytes(size):
    """A command names exactly what was listed."""
    with pytest.raises(ValueError, match="4 bytes"):
        commands.start(bytes(size))


@pytest.mark.parametrize(
    "wrong",
    [{"lte_idle_s": -2}, {"wifi_idle_s": 2541}, {"preference": (Way.BLE, Way.BLE)}],
    ids=str,
)
def test_impossible_settings_are_refused(wrong):
    """Settings that a recorder cannot hold are refused before they are written."""
    with pytest.raises(ValueError, match=r"idle|preferred"):
        encode_settings(DeviceSettings(**wrong))


@pytest.mark.parametrize(
    ("seconds", "wire"), [(0, 0), (1, 1), (9, 1), (10, 1), (2540, 254), (-1, 255)]
)
def test_idle_times_are_rounded_as_the_recorder_does(seconds, wire):
    """Ten-second steps, but never down to at once."""
    assert encode_settings(DeviceSettings(wifi_idle_s=seconds))[6] == wire


@pytest.mark.parametrize(
    "now", [datetime(1969, 12, 31, tzinfo=UTC), datetime(2107, 1, 1, tzinfo=UTC)]
)
def test_a_time_beyond_the_recorders_is_refused(now):
    """Thirty-two bits of seconds end in 2106."""
    with pytest.raises(ValueError, match="cannot be told"):
        encode_time(now)


def test_a_time_of_another_length_is_none():
    """The simulator takes exactly eight bytes."""
    assert decode_time(bytes(7)) is None


@pytest.mark.parametrize(
    ("token", "mtu_bytes"), [("", 23), ("dtok_x", 7), ("d" * (MAX_CHUNKS * 2 + 1), 9)]
)
def test_a_token_that_does_not_fit_is_refused(token, mtu_bytes):
    """No token, an MTU without room, or too many chunks."""
    with pytest.raises(ValueError, match="token"):
        token_chunks(token, mtu_bytes)


def test_a_token_may_need_all_chunks():
    """255 chunks are the most, and they are enough for 510 bytes at two each."""
    chunks = token_chunks("d" * MAX_CHUNKS * 2, 9)

    assert len(chunks) == MAX_CHUNKS
    assert chunks[-1][:2] == b"\xfe\xff"


@pytest.mark.parametrize("result", [1, 2, 3, 4, 99])
def test_a_refused_token_says_why(result):
    """Each result is its own error."""
    with pytest.raises(RecorderRefused) as caught:
        check_result(bytes((result,)))

    assert caught.value.wire_code == result


def test_a_taken_token_is_no_error():
    """Result 0, with or without the count of a factory reset behind it."""
    check_result(b"\0")
    check_result(b"\0\5\0")


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("Bota Pin", "Bota Pin"),
        ("Bota-Pin4G-01", "Bota Pin 4G"),
        ("Bota_pin_4g", "Bota Pin 4G"),
        ("Bota_notepin_1", "Bota Pin"),
        ("Bota-Note-1", "Bota Note"),
        ("Bota", "Bota Pin"),
    ],
)
def test_the_model_is_in_the_name(name, model):
    """Pin 4G before Pin before Note."""
    assert model_of(name) == model


def test_unknown_states_are_the_quiet_ones():
    """What newer firmware may say is taken as the SDKs take it."""
    assert Pairing(77) is Pairing.UNPAIRED
    assert Activity(77) is Activity.IDLE
