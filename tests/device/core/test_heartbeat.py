"""The heartbeat: golden reports in Bota's words, and answers of which each part stands alone."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.heartbeat import Report, Told, parse_answer
from device.core.orders import Order
from device.surroundings import NetworkKind, NetworkState, PowerState

LTE = NetworkState(kind=NetworkKind.CELLULAR, signal_dbm=-97, radio="lte", interface="wwan0")
IDLE = Report(version="0.1.0", name="box-7", pending=0)
ORDER = {"id": "cmd_1", "type": "trigger_upload", "params": {}}


def test_everything_that_is_known_is_told():
    """A box on a mobile network, uploading on its battery."""
    report = Report(
        version="0.1.0",
        name="box-7",
        pending=3,
        network=LTE,
        power=PowerState(battery_percent=18, charging=False),
        used_bytes=61_999_999_999,
        total_bytes=64_000_000_000,
        low_battery=True,
        full=True,
        uploading=True,
    )

    assert {
        "battery_percent": 18,
        "storage_used_mb": 61_999,
        "storage_total_mb": 64_000,
        "signal_strength_dbm": -97,
        "firmware_version": "0.1.0",
        "device_name": "box-7",
        "device_state": "uploading",
        "pending_recordings": 3,
        "flags": 0b110110,
        "connection_type": ["4g"],
    } == report.body()


def test_what_nobody_knows_is_left_out():
    """A box on mains, on a cable, where nothing can be measured."""
    report = replace(IDLE, network=NetworkState(kind=NetworkKind.ETHERNET))

    assert {
        "firmware_version": "0.1.0",
        "device_name": "box-7",
        "device_state": "idle",
        "pending_recordings": 0,
        "flags": 0,
    } == report.body()


def test_names_are_cut_to_what_the_api_takes():
    """32 characters of version, 64 of name."""
    body = replace(IDLE, version="v" * 99, name="n" * 99).body()

    assert ("v" * 32, "n" * 64) == (body["firmware_version"], body["device_name"])


@pytest.mark.parametrize(
    ("how", "word", "flags"),
    [
        ({"uploading": True, "pulling": True, "failing": True}, "uploading", 0b100000),
        ({"pulling": True, "full": True}, "syncing", 0b100100),
        ({"failing": True, "full": True}, "error", 0b000100),
        ({"full": True, "low_battery": True}, "storageFull", 0b000110),
        ({"low_battery": True}, "lowBattery", 0b000010),
        ({"power": PowerState(charging=True)}, "charging", 0b000001),
        ({"network": NetworkState(kind=NetworkKind.WIFI)}, "idle", 0b001000),
    ],
)
def test_one_word_for_what_goes_on(how, word, flags):
    """What goes on comes before what is wrong; the bits tell the rest."""
    body = replace(IDLE, **how).body()

    assert (word, flags) == (body["device_state"], body["flags"])


def test_an_answer_of_our_gateway():
    """Every part is read."""
    told = parse_answer(
        {
            "status": "ok",
            "server_time": "2026-03-01T12:00:00Z",
            "commands": [ORDER],
            "settings": {"upload": {"allow_roaming": True}},
            "settings_version": 3,
            "ota": {"version": "2.0"},
            "rotate_token": True,
        }
    )

    assert (
        Told(
            orders=(Order(id="cmd_1", type="trigger_upload"),),
            settings={"upload": {"allow_roaming": True}},
            server_time=datetime(2026, 3, 1, 12, tzinfo=UTC),
            ota={"version": "2.0"},
            rotate_token=True,
        )
        == told
    )


@pytest.mark.parametrize("name", ["commands", "pending_commands", "command"])
@pytest.mark.parametrize("shape", [ORDER, [ORDER]])
def test_orders_under_other_names(name, shape):
    """Bota says nowhere what it calls them: one alone or a list, under three names."""
    assert (Order(id="cmd_1", type="trigger_upload"),) == parse_answer({name: shape}).orders


def test_the_one_published_answer():
    """`{"status": "ok"}` says nothing more."""
    assert Told() == parse_answer({"status": "ok"})


def test_half_a_character_hides_nothing():
    """JSON may hold what no file takes: its part is left out, the others are read."""
    half = json.loads('{"name": "\\ud800"}')
    told = parse_answer(
        {"settings": half, "ota": half, "commands": [{**ORDER, "params": half}, ORDER]}
    )

    assert Told(orders=(Order(id="cmd_1", type="trigger_upload"),)) == told


junk = st.none() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)


@given(st.dictionaries(st.sampled_from(["settings", "server_time", "ota", "rotate_token"]), junk))
def test_garbage_in_one_part_hides_no_other(answer):
    """Orders are read whatever stands beside them."""
    told = parse_answer({**answer, "commands": [None, ORDER, 7]})

    assert (Order(id="cmd_1", type="trigger_upload"),) == told.orders
    assert (None, None, False) == (told.settings, told.ota, told.rotate_token)
