"""`settings`: shown in words, changed by name, wrong values refused before anything is done."""

import json

import pytest

from device.cli import cmd_settings
from tests.device.drivers.bota_rig import SERIAL, recorder

URL = "ble://C0:FF:EE:00:00:01"
ODD = bytes.fromhex("020103000000ff0000810000")


def holding(value: bytes):
    source = recorder()
    source.owner.settings = value
    return source


@pytest.fixture
def held(bota):
    def put(value: bytes):
        source = holding(value)
        return source, bota(source)

    return put


def test_they_are_shown_in_words(fieldpost, held, monkeypatch):
    """Name, value as it would be written, and what it means; within 80 columns."""
    held(bytes.fromhex("02030102031212013c830000"))
    monkeypatch.setattr(cmd_settings, "width", lambda: 80)

    assert fieldpost("settings", URL).out.splitlines() == [
        "SETTING         VALUE         MEANING",
        "wifi            on            WiFi may be used",
        "lte             on            4G may be used",
        "preference      wifi,ble,lte  uploads by WiFi, else Bluetooth, else 4G",
        "lte_idle_s      180           4G goes off after 3 min without work",
        "wifi_idle_s     180           WiFi goes off after 3 min without work",
        "streaming       on            recordings are streamed",
        "flush_s         60            a flush every 60 s",
        "heartbeat_wifi  on            heartbeats over WiFi",
        "heartbeat_lte   on            heartbeats over 4G",
    ]


def test_the_other_values_have_words_too(fieldpost, held):
    """Off, at once, always, one way alone."""
    held(ODD)

    assert fieldpost("settings", URL).out.splitlines()[1:] == [
        "wifi            on      WiFi may be used",
        "lte             off     4G is switched off",
        "preference      lte     uploads by 4G",
        "lte_idle_s      0       4G goes off at once without work",
        "wifi_idle_s     always  WiFi stays on without work",
        "streaming       off     recordings are not streamed",
        "flush_s         0       a flush every 0 s",
        "heartbeat_wifi  on      heartbeats over WiFi",
        "heartbeat_lte   off     no heartbeats over 4G",
    ]


def test_what_the_recorder_does_not_hold_is_marked(fieldpost, held):
    """An old recorder holds six of nine; a blank one none."""
    held(bytes.fromhex("0103000000121201"))
    lines = fieldpost("settings", URL).out.splitlines()
    held(b"")
    blank = fieldpost("settings", URL)

    assert [line.split()[0] for line in lines if line.endswith("(by default)")] == [
        "flush_s",
        "heartbeat_wifi",
        "heartbeat_lte",
    ]
    assert "no way is preferred" in lines[3]
    assert blank.out.count("(by default)") == 9
    assert "holds no settings" in blank.err


def test_programs_get_it_all(fieldpost, held):
    """Seconds as numbers, -1 for always; what changed by name."""
    held(ODD)

    assert json.loads(fieldpost("settings", "--json", URL, "flush_s=30", "wifi=on").out) == {
        "schema": 1,
        "recorder": {"url": URL, "serial": SERIAL},
        "settings": {
            "wifi": True,
            "lte": False,
            "preference": ["lte"],
            "lte_idle_s": 0,
            "wifi_idle_s": -1,
            "streaming": False,
            "flush_s": 30,
            "heartbeat_wifi": True,
            "heartbeat_lte": False,
        },
        "defaults": [],
        "changed": ["flush_s"],
    }


def test_named_settings_change_and_are_told(fieldpost, held):
    """One line for each, before and after; saying it again changes nothing."""
    source, _ = held(ODD)
    change = ("lte_idle_s=always", "preference=ble,wifi", "heartbeat_lte=on", "streaming=off")
    said = fieldpost("settings", URL, *change)
    again = fieldpost("settings", URL, *change)

    assert said.out.splitlines() == [
        "preference was lte and is ble,wifi: uploads by Bluetooth, else WiFi",
        "lte_idle_s was 0 and is always: 4G stays on without work",
        "heartbeat_lte was off and is on: heartbeats over 4G",
    ]
    assert source.owner.settings.hex() == "0201020100ffff0000830000"
    assert again.out == f"recorder {SERIAL} has these settings already\n"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("wifi=maybe", "wifi is on or off, not 'maybe'"),
        ("lte_idle_s=25", "lte_idle_s is 0 to 2540 in steps of 10, or always"),
        ("wifi_idle_s=2550", "0 to 2540"),
        ("wifi_idle_s=-10", "0 to 2540"),
        ("flush_s=129", "flush_s is 0 to 128"),
        ("flush_s=1.5", "flush_s is 0 to 128"),
        ("flush_s=²", "flush_s is 0 to 128"),
        ("preference=wifi,wifi", "preference is wifi, ble, lte"),
        ("preference=wifi,radio", "preference is wifi, ble, lte"),
        ("preference=", "preference is wifi, ble, lte"),
        ("volume=11", "'volume=11' is not NAME=VALUE"),
        ("wifi", "'wifi' is not NAME=VALUE"),
    ],
)
def test_bad_values_are_refused_before_connecting(fieldpost, held, change, says):
    """Each with what may be written; nothing is looked for."""
    _, asked = held(ODD)
    said = fieldpost("settings", URL, "lte=on", change)

    assert (said.code, said.out, asked) == (2, "", [])
    assert says in said.err


def test_all_that_is_wrong_is_told_at_once(fieldpost, held):
    """Also a name that is given twice."""
    held(ODD)
    said = fieldpost("settings", URL, "wifi=on", "wifi=off", "flush_s=x")

    assert "wifi is given twice; flush_s is 0 to 128" in said.err
