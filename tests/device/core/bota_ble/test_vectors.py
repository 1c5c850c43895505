"""The golden vectors of the Bota v1 profile hold, in both directions where there are two."""

import json
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from device.core.bota_ble import commands, packets
from device.core.bota_ble.advertisement import Sighting, recognise
from device.core.bota_ble.listing import Listed, encode_entry, parse_entries
from device.core.bota_ble.on_air import advertising, report_of, scan_response
from device.core.bota_ble.packets import parse_packet
from device.core.bota_ble.provisioning import token_chunks
from device.core.bota_ble.settings import DeviceSettings, encode_settings, parse_settings
from device.core.bota_ble.status import (
    Activity,
    DeviceStatus,
    StorageInfo,
    encode_status,
    encode_storage,
    parse_status,
    parse_storage,
)
from device.core.bota_ble.switches import Switches
from device.core.bota_ble.time_sync import decode_time, encode_time
from device.errors import ProtocolViolation

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "bota_ble" / "v1.json").read_text())


def cases(name: str):
    return pytest.mark.parametrize("vector", VECTORS[name], ids=lambda v: v["section"])


@cases("time_sync")
def test_the_time_is_its_vector(vector):
    """TIME_SYNC is written in UTC with the offset beside it."""
    zone = timezone(timedelta(minutes=vector["offset_minutes"]))
    now = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=vector["utc_ms"])
    value = bytes.fromhex(vector["value"])

    assert encode_time(now.astimezone(zone)) == value
    assert decode_time(value) == (vector["utc_ms"], vector["offset_minutes"])


def settings(vector) -> DeviceSettings:
    values = dict(vector["fields"])
    if "preference" in values:
        values["preference"] = tuple(values["preference"])
    return DeviceSettings(**values)


@cases("settings")
def test_settings_are_their_vector(vector):
    """DEVICE_SETTINGS is written and read back."""
    assert encode_settings(settings(vector)).hex() == vector["value"]
    assert parse_settings(bytes.fromhex(vector["value"])) == settings(vector)


@cases("settings_read_only")
def test_other_settings_are_read(vector):
    """Older, unknown and odd settings are read as the recorder takes them."""
    assert parse_settings(bytes.fromhex(vector["value"])) == settings(vector)


@cases("status")
def test_a_status_is_its_vector(vector):
    """DEVICE_STATUS is read in all of its lengths, and written in 17 bytes."""
    value = bytes.fromhex(vector["value"])
    status = DeviceStatus(**vector["fields"] | {"activity": Activity(vector["fields"]["activity"])})
    again = parse_status(encode_status(status))

    assert parse_status(value) == status
    assert len(encode_status(status)) == 17
    assert asdict(again) == asdict(status) | {"facts": {}, "wifi": status.wifi or 0}


@cases("storage")
def test_a_storage_info_is_its_vector(vector):
    """STORAGE_INFO is read with and without its reserved bytes."""
    value = bytes.fromhex(vector["value"])
    info = StorageInfo(**vector["fields"])

    assert parse_storage(value) == info
    assert encode_storage(info) == value.ljust(16, b"\0")


@cases("listing")
def test_a_listing_is_its_vector(vector):
    """Entries are read with and without a count byte before them."""
    value = bytes.fromhex(vector["value"])
    entries = parse_entries(value)
    derived = ("generation", "live_generation", "file_id")
    names = [f.name for f in fields(Listed) if f.name not in derived]
    seen = [
        {"file_id": e.file_id.hex()} | {name: getattr(e, name) for name in names} for e in entries
    ]
    written = b"".join(
        encode_entry(
            e.file_id,
            started_s=e.started_s or 0,
            duration_s=e.duration_s,
            size_kib=e.size_kib,
            encrypted=e.encrypted,
        )
        for e in entries
    )

    assert seen == vector["entries"]
    assert written == value[len(value) % 24 :]


@cases("commands")
def test_a_command_is_its_vector(vector):
    """Every command is written as it stands in the papers."""
    match vector:
        case {"command": "START", "file_id": name}:
            value, file_id = commands.start(bytes.fromhex(name)), bytes.fromhex(name)
            assert commands.started(value) == file_id
            assert commands.confirmed(value) is None
        case {"command": "CONFIRM", "file_id": name}:
            value, file_id = commands.confirm(bytes.fromhex(name)), bytes.fromhex(name)
            assert commands.confirmed(value) == file_id
            assert commands.started(value) is None
        case _:
            value = getattr(commands, vector["command"])

    assert value.hex() == vector["value"]


@cases("packets")
def test_a_packet_is_its_vector(vector):
    """Every packet is read for what it is."""
    values = {
        name: bytes.fromhex(value) if isinstance(value, str) else value
        for name, value in vector["fields"].items()
    }

    assert parse_packet(bytes.fromhex(vector["value"])) == getattr(packets, vector["packet"])(
        **values
    )


@cases("broken_packets")
def test_a_broken_packet_is_refused(vector):
    """What has another length than its own is no packet."""
    with pytest.raises(ProtocolViolation):
        parse_packet(bytes.fromhex(vector["value"]))


@cases("token")
def test_a_token_is_its_vector(vector):
    """A token is cut by the MTU, with its index and total before each part."""
    chunks = token_chunks(vector["token"], vector["mtu_bytes"])

    assert [chunk.hex() for chunk in chunks] == vector["writes"]


@cases("advertisements")
def test_an_advertisement_is_its_vector(vector):
    """A recorder is recognised by both reports together, in either order."""
    reports = [
        report_of(bytes.fromhex(vector[name])) for name in ("advertisement", "scan_response")
    ]
    wanted = vector["sighting"] and Sighting(**vector["sighting"])

    assert recognise(reports) == wanted
    assert recognise(reversed(reports)) == wanted


def test_the_simulator_advertises_as_the_papers_say():
    """The simulated recorder's reports are the vectors of both forms."""
    mac = bytes.fromhex("a0b1c2d3e4f5")
    current, legacy = Switches(), Switches(name="Bota-Pin-1", legacy_advertisement=True)
    seen = recognise([report_of(advertising(legacy)), report_of(scan_response(legacy, mac))])

    assert advertising(current).hex() == VECTORS["advertisements"][0]["advertisement"]
    assert scan_response(current, mac).hex() == VECTORS["advertisements"][0]["scan_response"]
    assert seen == Sighting(name="Bota-Pin-1", firmware="1.0", pairing=0, battery_percent=76)
