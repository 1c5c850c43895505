"""The simulated Bota recorder does what the papers say, and each fault on its switch."""

import pytest

from device.core.bota_ble import commands, uuids
from device.core.bota_ble.listing import parse_entries
from device.core.bota_ble.packets import encode_error, encode_paused
from device.core.bota_ble.provisioning import token_chunks
from device.core.bota_ble.recorder import BotaRecorder
from device.core.bota_ble.settings import DeviceSettings, encode_settings
from device.core.bota_ble.shelf import CardFile
from device.core.bota_ble.status import parse_status, parse_storage
from device.core.bota_ble.stream import Cut, Notify
from device.core.bota_ble.switches import Switches
from device.core.bota_ble.time_sync import encode_time
from device.errors import RecorderRefused
from tests.device.core.bota_ble.joined import CONTENT, ID, pull, recorder
from tests.fakes.clock import FakeClock

CONTROL, TRANSFER, LIST = uuids.TRANSFER_CONTROL, uuids.RECORDING_TRANSFER, uuids.RECORDING_LIST


def connected(source: BotaRecorder, mtu_bytes: int = 247) -> BotaRecorder:
    source.connect(mtu_bytes)
    source.subscribe(TRANSFER)
    source.subscribe(LIST)
    source.subscribe(uuids.PROVISIONING_RESULT)
    return source


def events(source: BotaRecorder) -> list[Notify | Cut]:
    found = []
    while (event := source.next_event()) is not None:
        found.append(event)
    return found


def card(count: int, **switches) -> BotaRecorder:
    files = [CardFile(file_id=bytes((n, 0, 0, 1)), content=bytes(2000)) for n in range(count)]
    return BotaRecorder("ABCDEF1234", files, Switches(**switches))


def listed(source: BotaRecorder) -> list[bytes]:
    connected(source).write(CONTROL, commands.LIST)
    return [event.value for event in events(source)]


@pytest.mark.parametrize(
    ("switches", "sizes"),
    [
        ({}, [240, 48]),
        ({"count_prefix": True}, [241, 49]),
        ({"entries_per_notification": 5}, [120, 120, 48]),
        ({"lost_lists": 1}, [240]),
        ({"repeated_list": True}, [240, 240, 48, 48]),
        ({"silent_list": True}, []),
    ],
    ids=str,
)
def test_a_listing_has_no_end(switches, sizes):
    """Whole entries in as many notifications as it takes, and nothing behind them."""
    assert [len(value) for value in listed(card(12, **switches))] == sizes


def test_an_empty_listing_is_silence_or_a_zero():
    """Without recordings nothing comes, unless a count byte leads."""
    assert listed(card(0)) == []
    assert listed(card(0, count_prefix=True)) == [b"\0"]


def test_entries_may_come_late_without_times_and_with_lies():
    """Delays, unknown starts and wrong sizes are switches."""
    source = connected(card(1, list_delay_s=2.0, no_times=True, listed_kib=9999))
    source.write(CONTROL, commands.LIST)
    (event,) = events(source)
    (entry,) = parse_entries(event.value)

    assert event.after_s == 2.0
    assert (entry.started_s, entry.size_kib) == (None, 9999)


def test_nothing_is_told_to_who_did_not_subscribe():
    """A LIST, a START and an error without a subscription go unheard."""
    source = recorder()
    source.connect(247)
    source.write(CONTROL, commands.LIST)
    source.write(CONTROL, commands.start(ID))
    source.write(CONTROL, b"\x01\x01")

    assert events(source) == []


def test_a_second_start_is_refused_while_the_first_waits_for_its_answer():
    """The transfer stays open until ACK, NACK or ABORT, on either characteristic."""
    source = connected(recorder())
    source.write(CONTROL, commands.start(ID))
    first = events(source)
    source.write(CONTROL, commands.start(ID))
    second = events(source)
    source.write(TRANSFER, b"\x12\x05\x00")
    source.write(CONTROL, commands.start(ID))

    assert len(first) == 24
    assert [event.value for event in second] == [encode_error(2)]
    assert len(events(source)) == 24


@pytest.mark.parametrize("command", [b"", b"\x02", commands.start(ID) + b"\0", b"\x55"])
def test_what_is_no_command_is_an_error(command):
    """START has exactly 17 bytes; other commands are unknown."""
    source = connected(recorder())
    source.write(CONTROL, command)

    assert [event.value for event in events(source)] == [encode_error(3)]


def test_confirm_deletes_only_what_was_acknowledged():
    """Strictly: no ACK seen, no deletion; unknown ids are ignored."""
    source = recorder()
    source.connect(247)
    source.write(CONTROL, commands.confirm(ID))
    before = set(source.files)
    pull(source)
    source.write(CONTROL, commands.confirm(b"none"))
    source.write(CONTROL, commands.confirm(ID))

    assert before == {ID}
    assert source.files == {}


def test_an_early_ack_acknowledges_nothing():
    """An ACK before the end was sent is no leave to delete."""
    source = connected(recorder())
    source.write(CONTROL, commands.start(ID))
    source.next_event()
    source.write(CONTROL, commands.ACK)
    source.write(CONTROL, commands.confirm(ID))

    assert set(source.files) == {ID}


def test_a_confirm_may_get_lost_or_be_taken_leniently():
    """Both are switches; nothing answers either."""
    source = connected(recorder(lost_confirms=1, lenient_confirm=True))
    source.write(CONTROL, commands.confirm(ID))
    before = set(source.files)
    source.write(CONTROL, commands.confirm(ID))

    assert (before, source.files) == ({ID}, {})
    assert events(source) == []


def test_a_live_recording_pauses_and_goes_on_to_its_end():
    """PAUSED once when it has caught up; the tail is ordinary data, and the end counts all."""
    source = connected(recorder(live=True))
    source.write(CONTROL, commands.start(ID))
    first = events(source)
    source.finish(ID, b"tail")
    rest = events(source)

    assert first[-1].value == encode_paused(22, len(CONTENT))
    assert rest[0].value.endswith(b"tail")
    assert len(rest) == 3


def test_an_unknown_recording_is_not_found():
    """A START of an id that is not on the card is error 0x11."""
    source = connected(recorder())
    source.write(CONTROL, commands.start(b"none"))

    assert [event.value for event in events(source)] == [encode_error(0x11)]


def test_the_relay_profile_is_another_stream():
    """With the switch a START is answered with ciphertext."""
    source = connected(recorder(relay=True))
    source.write(CONTROL, commands.start(ID))

    assert [event.value[0] for event in events(source)] == [0x05, 0x81]


def test_a_live_recording_shows_in_the_status():
    """State and RECORDING_STATUS say which recording is being made."""
    live, idle = recorder(live=True), recorder()

    assert parse_status(live.read(uuids.DEVICE_STATUS)).activity == 1
    assert live.read(uuids.RECORDING_STATUS) == b"\x01\0" + commands.command_id(ID)
    assert idle.read(uuids.RECORDING_STATUS) == bytes(18)


def test_who_it_is_and_what_it_holds():
    """Serial, storage and a status of 17 or 14 bytes."""
    source, short = recorder(), recorder(without_facts=True, sync_active=True)

    assert source.read(uuids.SERIAL).rstrip(b"\0") == b"ABCDEF1234"
    assert parse_storage(source.read(uuids.STORAGE_INFO)).recordings == 1
    assert len(source.read(uuids.DEVICE_STATUS)) == 17
    assert len(short.read(uuids.DEVICE_STATUS)) == 14
    assert parse_status(short.read(uuids.DEVICE_STATUS)).sync_active


@pytest.mark.parametrize(
    ("switches", "characteristic", "code"),
    [
        ({}, uuids.CAPABILITIES_V2, 0x0A),
        ({}, uuids.TIME_SYNC, 0x02),
        ({"status_unreadable": True}, uuids.DEVICE_STATUS, 0x0E),
        ({"needs_bond": True}, uuids.STORAGE_INFO, 0x05),
    ],
    ids=str,
)
def test_what_cannot_be_read_is_an_att_error(switches, characteristic, code):
    """Missing, not readable, failing, or only for the bonded."""
    with pytest.raises(RecorderRefused) as caught:
        recorder(**switches).read(characteristic)

    assert caught.value.wire_code == code


def test_a_bond_opens_the_storage_and_v2_shows_itself():
    """With a bond the storage can be read; 0406 is there where v2 is."""
    bonded = recorder(needs_bond=True)
    bonded.bonded = True

    assert len(bonded.read(uuids.STORAGE_INFO)) == 16
    assert len(recorder(encrypted_v2=True).read(uuids.CAPABILITIES_V2)) == 24


def test_the_nonce_is_another_one_in_each_connection():
    """AUTH_NONCE rotates."""
    source = recorder()
    source.connect(247)
    first = source.read(uuids.AUTH_NONCE)
    source.connect(247)

    assert len(first) == 16
    assert source.read(uuids.AUTH_NONCE) != first


def answer_to(source: BotaRecorder, *writes: bytes) -> list[bytes]:
    for value in writes:
        source.write(uuids.DEVICE_TOKEN, value)
    return [event.value for event in events(source)]


def test_a_token_is_taken_once():
    """In chunks, then the recorder is paired and says so to the next one."""
    source = connected(recorder())
    first = answer_to(source, *token_chunks("dtok_0123456789abcdef", 23))

    assert first == [b"\0"]
    assert (source.owner.token, source.read(uuids.PAIRING_STATE)) == (
        "dtok_0123456789abcdef",
        b"\x02",
    )
    assert answer_to(source, *token_chunks("dtok_other", 247)) == [b"\4"]


@pytest.mark.parametrize(
    ("switches", "writes", "result"),
    [
        ({}, [b"\0\1token"], 1),
        ({}, [b"\1\2tok"], 3),
        ({}, [b"\0"], 3),
        ({"provisioning_result": 2}, [b"\0\1dtok_x"], 2),
    ],
    ids=str,
)
def test_a_token_may_be_refused(switches, writes, result):
    """No token, a missing or broken chunk, or the switch."""
    assert answer_to(connected(recorder(**switches)), *writes) == [bytes((result,))]


def test_half_a_token_is_forgotten_with_the_connection():
    """The next connection begins with the first chunk."""
    source = connected(recorder())
    answer_to(source, b"\0\2dtok")

    assert answer_to(connected(source), b"\0\1dtok_x") == [b"\0"]


def test_settings_and_time_are_kept():
    """What is written is read again; nonsense for the time changes nothing."""
    source = recorder()
    wanted = encode_settings(DeviceSettings(wifi=False))
    source.write(uuids.DEVICE_SETTINGS, wanted)
    source.write(uuids.TIME_SYNC, encode_time(FakeClock().now()))
    source.write(uuids.TIME_SYNC, b"?")
    source.write(uuids.API_ENDPOINT, b"\1")
    status = parse_status(source.read(uuids.DEVICE_STATUS))

    assert source.read(uuids.DEVICE_SETTINGS) == wanted
    assert status.last_time_sync_s == int(FakeClock().now().timestamp())


def test_what_is_sent_again_is_counted_again():
    """Two pulls of a recording count its bytes twice."""
    source = recorder()
    pull(source)
    pull(source)

    assert source.sent_bytes == {ID: 2 * len(CONTENT)}
