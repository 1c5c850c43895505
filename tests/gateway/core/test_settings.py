"""Settings of devices: ranges, changes, levels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.config import ConnectionConfig, PowerConfig, UploadConfig
from device.settings import READERS, merge
from gateway.core.settings import merged, patched, wrongs

HOURS = {"enabled": True, "start": "22:00", "end": "06:00", "timezone": "Europe/Berlin"}
EVERYTHING = {
    "connection": {
        "enabled_connections": {"wifi": True, "cellular": False},
        "heartbeat_enabled_connections": {"wifi": True, "cellular": True},
        "upload_network_preference": ["wifi", "ble", "cellular"],
        "power_management": {
            "wifi_idle_timeout_seconds": -1,
            "cellular_idle_timeout_seconds": 2540,
        },
    },
    "upload": {
        "streaming_enabled": True,
        "streaming_chunk_kb": 64,
        "streaming_flush_interval_seconds": 255,
        "daily_data_limit_mb": 10000,
        "allow_roaming": True,
        "pause_on_low_battery": False,
        "off_peak_hours": HOURS,
    },
    "audio": {"codec": "opus", "sample_rate_khz": 48, "bitrate_kbps": 320},
    "power": {"low_battery_threshold_percent": 20, "auto_sleep_minutes": 30},
}


def document(path, value):
    for name in reversed(path.split(".")):
        value = {name: value}
    return value


def test_everything_that_is_documented_is_taken():
    """A document with every setting has nothing wrong."""
    assert wrongs(EVERYTHING) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("connection.enabled_connections.wifi", 1),
        ("connection.upload_network_preference", []),
        ("connection.upload_network_preference", ["wifi", "wifi"]),
        ("connection.power_management.wifi_idle_timeout_seconds", 9),
        ("connection.power_management.wifi_idle_timeout_seconds", -2),
        ("connection.power_management.cellular_idle_timeout_seconds", 2541),
        ("upload.streaming_chunk_kb", 63),
        ("upload.streaming_flush_interval_seconds", 256),
        ("upload.daily_data_limit_mb", -1),
        ("upload.daily_data_limit_mb", 10001),
        ("upload.daily_data_limit_mb", 1.5),
        ("upload.daily_data_limit_mb", True),
        ("upload.allow_roaming", "yes"),
        ("upload.off_peak_hours", "22:00-06:00"),
        ("upload.off_peak_hours", {**HOURS, "timezone": "Europe/Nowhere"}),
        ("upload.off_peak_hours", {**HOURS, "end": "22:00"}),
        ("upload.off_peak_hours", {"enabled": True, "start": "22:00"}),
        ("audio.codec", "mp3"),
        ("audio.sample_rate_khz", 44),
        ("audio.bitrate_kbps", 7),
        ("power.low_battery_threshold_percent", 101),
        ("power.auto_sleep_minutes", -1),
        ("upload.daily_limit_mb", 5),
        ("uploads", {}),
        ("upload", 5),
    ],
)
def test_what_is_out_of_range_is_named(path, value):
    """Each wrong setting is named by its path."""
    assert [path] == [each.field for each in wrongs(document(path, value))]


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("upload.off_peak_hours", {**HOURS, "start": "24:00"}, ".start"),
        ("connection.upload_network_preference", ["wifi", "5g"], "[1]"),
    ],
)
def test_a_part_of_a_setting_is_named(path, value, named):
    """Of a setting that is an object or a list, the place inside is named."""
    assert [path + named] == [each.field for each in wrongs(document(path, value))]


def test_all_that_is_wrong_is_named_at_once():
    """Nobody has to mend a document one field at a time."""
    wrong = wrongs({"upload": {"daily_data_limit_mb": -1, "x": 1}, "audio": {"codec": 3}})

    assert ["upload.daily_data_limit_mb", "upload.x", "audio.codec"] == [w.field for w in wrong]


def test_hours_that_are_off_need_nothing_else():
    """A device can be exempt from the hours of all."""
    assert wrongs({"upload": {"off_peak_hours": {"enabled": False}}}) == []


def test_a_patch_merges_deeply_and_null_removes():
    """What a patch does not name stays; a section that becomes empty goes."""
    changed = patched(
        {"upload": {"allow_roaming": True, "daily_data_limit_mb": 5}, "audio": {"codec": "wav"}},
        {"upload": {"allow_roaming": None, "streaming_enabled": True}, "audio": {"codec": None}},
    )

    assert changed == {"upload": {"daily_data_limit_mb": 5, "streaming_enabled": True}}


@pytest.mark.parametrize(
    ("general", "own", "expected", "origin"),
    [
        (500, 300, 300, "device"),
        (300, 500, 300, "gateway"),
        (300, 0, 300, "gateway"),
        (0, 300, 300, "device"),
        (0, 0, 0, "device"),
    ],
)
def test_a_data_limit_is_the_smallest_that_is_one(general, own, expected, origin):
    """Zero is no limit, so it never wins over one."""
    path = "upload.daily_data_limit_mb"
    value, origins = merged(document(path, general), document(path, own))

    assert document(path, expected) == value
    assert {path: origin} == origins


def test_the_device_wins_setting_by_setting():
    """What a device does not set is that of all; hours are one setting."""
    value, origins = merged(
        {"upload": {"allow_roaming": True, "off_peak_hours": HOURS, "streaming_enabled": True}},
        {"upload": {"allow_roaming": False, "off_peak_hours": {"enabled": False}}},
    )

    assert value["upload"] == {
        "allow_roaming": False,
        "off_peak_hours": {"enabled": False},
        "streaming_enabled": True,
    }
    assert origins == {
        "upload.allow_roaming": "device",
        "upload.off_peak_hours": "device",
        "upload.streaming_enabled": "gateway",
    }


LEAVES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from(["upload", "power", "a", "b"]), inner),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(st.sampled_from(["upload", "power", "a"]), LEAVES, max_size=3)


@given(DOCUMENTS, DOCUMENTS)
def test_a_patch_twice_is_a_patch_once(before, patch):
    """A repeated change changes nothing more, and no null is ever kept."""
    once = patched(patched({}, before), patch)

    assert once == patched(once, patch)
    assert "None" not in repr(once).replace("'None'", "")


@given(DOCUMENTS)
def test_whatever_comes_is_looked_through(anything):
    """Any JSON object is judged, none is a fault of ours."""
    assert isinstance(wrongs(patched({}, anything)), list)


def test_agents_follow_everything_that_is_in_range():
    """Of what the gateway takes, no agent of this release ignores what it reads."""
    value, _ = merged(EVERYTHING, {})
    told = merge(ConnectionConfig(), UploadConfig(), PowerConfig(), value)

    assert told.ignored == ()
    assert {"gateway"} == {told.origins[key] for key in READERS}
