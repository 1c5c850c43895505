"""Heartbeats over the API: what a device says is checked, kept and shown."""

import pytest

from gateway.store.reports import MOST_FAULTS, MOST_HEARTBEATS

pytestmark = pytest.mark.asyncio

BEAT = "/v1/devices/me/heartbeat"
EVERYTHING = {
    "battery_percent": 40,
    "storage_used_mb": 512,
    "storage_total_mb": 29000,
    "signal_strength_dbm": -71,
    "firmware_version": "2.0",
    "device_name": "North mast",
    "device_state": "lowBattery",
    "pending_recordings": 3,
    "flags": 255,
    "connection_type": ["wifi", "4g", "ble"],
}


def batch(*ids, **more):
    return {"diagnostics": {"schema_version": 1, "events": [{"event_id": e, **more} for e in ids]}}


async def test_everything_documented_is_kept_and_shown(api):
    """The last report shows in the device as Bota shows it, and what is new to us is left out."""
    answer = await api.call("POST", BEAT, {**EVERYTHING, "new": 1})
    shown = (await api.call("GET", "/v1/devices/me")).json

    assert answer.json == {
        "status": "ok",
        "server_time": "2026-03-01T12:00:00Z",
        "commands": [],
        "settings": {},
        "settings_version": 0,
    }
    assert shown["recording_state"] == {
        "device_state": "lowBattery",
        "pending_recordings": 3,
        "flags": 255,
        "connection_type": ["wifi", "4g", "ble"],
    }
    assert (shown["battery_percent"], shown["firmware_version"]) == (40, "2.0")
    assert (shown["storage_used_mb"], shown["storage_total_mb"]) == (512, 29000)
    assert shown["signal_strength_dbm"] == -71
    assert shown["last_heartbeat_at"] == "2026-03-01T12:00:00Z"


async def test_a_heartbeat_may_say_nothing(api):
    """An empty heartbeat is a sign of life; name and firmware stay what they were."""
    await api.call("POST", BEAT, EVERYTHING)
    answer = await api.call("POST", BEAT)
    shown = (await api.call("GET", "/v1/devices/me")).json

    assert answer.status == 200
    assert (shown["device_name"], shown["firmware_version"]) == ("North mast", "2.0")
    assert (shown["battery_percent"], shown["recording_state"]) == (None, {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("battery_percent", 101),
        ("battery_percent", -1),
        ("storage_used_mb", -1),
        ("storage_total_mb", 1.5),
        ("signal_strength_dbm", 1),
        ("firmware_version", "x" * 65),
        ("device_name", "x" * 65),
        ("device_state", "x" * 33),
        ("pending_recordings", "2"),
        ("flags", 256),
        ("connection_type", "wifi"),
        ("connection_type", ["wifi"] * 9),
    ],
)
async def test_what_is_out_of_range_is_refused_by_its_field(api, name, value):
    """A report that cannot be is not kept, and the field is named."""
    refused = await api.call("POST", BEAT, {"battery_percent": 50} | {name: value})
    shown = await api.call("GET", "/v1/devices/me")

    assert (refused.status, refused.json["error"]["details"]["field"]) == (400, name)
    assert shown.json["last_heartbeat_at"] is None


async def test_a_server_may_relay_a_heartbeat(api):
    """With an API key the device is named by its id."""
    device_id = (await api.call("GET", "/v1/devices/me")).json["id"]
    path = f"/v1/devices/{device_id}/heartbeat"
    answer = await api.call("POST", path, EVERYTHING, token=await api.api_key())

    assert answer.status == 200
    assert (await api.call("GET", "/v1/devices/me")).json["battery_percent"] == 40


async def test_faults_are_accepted_once_and_named_each_time(api, clock):
    """A device whose answer was lost tells its faults again; they are kept once, as first told."""
    first = await api.call("POST", BEAT, batch("a", "b", reason_code="watchdog_timeout"))
    clock.advance(60)
    again = await api.call("POST", BEAT, batch("b", "c", "b", reason_code="other"))
    shown = (await api.call("GET", "/v1/devices/me/diagnostics")).json["data"]

    assert first.json["diagnostics"] == {"accepted_event_ids": ["a", "b"]}
    assert again.json["diagnostics"] == {"accepted_event_ids": ["b", "c"]}
    assert ["c", "b", "a"] == [each["event"]["event_id"] for each in shown]
    assert shown[1] == {
        "received_at": "2026-03-01T12:00:00Z",
        "event": {"event_id": "b", "reason_code": "watchdog_timeout"},
    }


@pytest.mark.parametrize(
    ("diagnostics", "field"),
    [
        ({"schema_version": 2, "events": []}, "diagnostics.schema_version"),
        ({"schema_version": 1, "events": [{}]}, "diagnostics.events[0]"),
        (
            {"schema_version": 1, "events": [{"event_id": "a"}, {"event_id": 5}]},
            "diagnostics.events[1].event_id",
        ),
        ({"schema_version": 1, "events": [{"event_id": "a"}] * 101}, "diagnostics.events"),
    ],
)
async def test_faults_that_cannot_be_kept_are_not_accepted(api, diagnostics, field):
    """None of such a batch is, so the device keeps all of them."""
    refused = await api.call("POST", BEAT, {"diagnostics": diagnostics})
    shown = await api.call("GET", "/v1/devices/me/diagnostics")

    assert (refused.status, refused.json["error"]["details"]["field"]) == (400, field)
    assert shown.json == {"data": []}


async def test_the_same_fault_of_two_devices_is_two(api):
    """Ids are a device's own."""
    await api.call("POST", BEAT, batch("a"))
    _, token = await api.device("AM-08")
    await api.call("POST", BEAT, batch("a"), token=token)
    shown = await api.call("GET", "/v1/devices/me/diagnostics", token=token)

    assert len(shown.json["data"]) == 1


async def test_the_last_heartbeats_are_listed(api, clock):
    """Newest first, as they came, faults left out."""
    for percent in (50, 49, 48):
        await api.call("POST", BEAT, {"battery_percent": percent} | batch("a"))
        clock.advance(60)
    shown = (await api.call("GET", "/v1/devices/me/heartbeats?limit=2")).json["data"]

    assert shown == [
        {"at": "2026-03-01T12:02:00Z", "report": {"battery_percent": 48}},
        {"at": "2026-03-01T12:01:00Z", "report": {"battery_percent": 49}},
    ]


async def test_old_reports_are_forgotten_for_each_device_alone(api, clock):
    """So many are kept of each device, the newest; one that is silent loses nothing."""
    reports, now = api.gateway.store.reports, clock.now()
    (quiet, _), (busy, _) = await api.device("AM-08"), await api.device("AM-09")
    await reports.keep(quiet, {"n": 0}, {"e": {"event_id": "e"}}, now)
    for at in range(MOST_HEARTBEATS + 3):
        told = {f"{at}-{n}": {"event_id": f"{at}-{n}"} for n in range(10)}
        await reports.keep(busy, {"n": at}, told, now)
    kept = [each.report["n"] for each in await reports.heartbeats(busy, 200)]
    faults = await reports.faults(busy, 2000)

    assert list(range(MOST_HEARTBEATS + 2, 2, -1)) == kept
    assert (MOST_FAULTS, "102-9") == (len(faults), faults[0].event["event_id"])
    assert [1, 1] == [
        len(await reports.heartbeats(quiet, 9)),
        len(await reports.faults(quiet, 9)),
    ]
