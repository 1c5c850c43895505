"""`scan`: what is around as people and programs are told it, and what cannot be looked at."""

import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from device import config_file
from device.cli import around, cmd_scan
from device.cli.main import main
from device.config import Config
from device.core.bota_ble.advertisement import Pairing
from device.errors import LinkReason, LinkUnavailable
from device.links.finding import Nearby, SerialPort, ble_nearby
from device.model import Listing, RecorderId, RecorderInfo
from tests.ble.room import NAME, URL, room
from tests.device.drivers import bota_rig, native_rig
from tests.device.drivers.native_rig import usual_store
from tests.device.drivers.test_bota_on_ble import bota_room
from tests.device.drivers.test_native_on_ble import recording_room

BY_ID = "/dev/serial/by-id/usb-Acme_Recorder_AM-07-if00"
PORT = SerialPort(
    path=BY_ID, device="/dev/ttyACM0", description="Acme Recorder", usb_id="2341:0043"
)
BOTA = Nearby(
    address="C0:FF:EE:00:00:01",
    name="Bota Pin",
    rssi_dbm=-71,
    driver="bota",
    model="Bota Pin",
    battery_percent=87,
)
STRANGER = Nearby(address="C0:FF:EE:00:00:02", name="\x1b[2JTV", rssi_dbm=-90)
OFF = LinkUnavailable(
    "Bluetooth: the Bluetooth adapter is switched off",
    reason=LinkReason.POWERED_OFF,
    hint="bluetoothctl power on",
)


@pytest.fixture
def there(monkeypatch):
    """Put devices and ports where the command looks for them."""

    def put(near=(), ports=()) -> list:
        asked = []

        async def nearby(adapter, seconds):
            asked.append((adapter, seconds))
            if isinstance(near, Exception):
                raise near
            return tuple(near)

        monkeypatch.setattr(around, "ble_nearby", nearby)
        monkeypatch.setattr(around, "serial_ports", lambda: tuple(ports))
        return asked

    return put


def configure(site, *urls: str) -> None:
    text = "".join(f'[[recorders]]\nurl = "{url}"\n' for url in urls)
    site.config.write_text(site.config.read_text() + text)


def test_a_terminal_of_80_columns_shows_it_all(fieldpost, there, site, monkeypatch):
    """A long URL, to be copied whole, stands above its row; strangers are only counted."""
    configure(site, "serial:///dev/ttyACM0?baud=921600")
    there([BOTA, STRANGER], [PORT, SerialPort(path="/dev/ttyS0", device="/dev/ttyS0")])
    monkeypatch.setattr(cmd_scan, "width", lambda: 80)

    said = fieldpost("scan")

    assert said.code == 0
    assert said.out.splitlines() == [
        "URL                      RECORDER       SIGNAL dBm  DRIVER  NOTE",
        "ble://C0:FF:EE:00:00:01  Bota Pin       -71 fair    bota",
        "  battery 87 %",
        "serial:///dev/ttyACM0?baud=921600",
        "                         Acme Recorder  -           native  configured already",
        "  USB 2341:0043",
        "serial:///dev/ttyS0      serial port    -           native",
        "1 other Bluetooth device seen",
        'to use one, add it to fieldpost.toml: [[recorders]] and url = "…"',
        'where the driver is bota, also: driver = "bota"',
    ]


def test_no_line_is_too_long_for_its_terminal(fieldpost, there, site, monkeypatch):
    """Even when every column is full, for all but a long URL itself."""
    configure(site, BOTA.url)
    there([replace(BOTA, name="N" * 40, rssi_dbm=-100)], [replace(PORT, description="D" * 90)])
    monkeypatch.setattr(cmd_scan, "width", lambda: 80)

    lines = fieldpost("scan").out.splitlines()

    assert [] == [line for line in lines if len(line) > 80]
    assert lines[1].endswith("configured already")


def test_a_pipe_gets_a_row_per_thing(fieldpost, there):
    """Without a terminal nothing is cut, and each row begins with its URL."""
    there(ports=[PORT])

    assert f"serial://{BY_ID}  Acme Recorder" in fieldpost("scan", "--serial").out


def test_programs_get_it_all(fieldpost, there, site):
    """A configured name means any recorder that goes by it; which one is told by its address."""
    configure(site, "ble://Bota%20Pin")
    there([BOTA, STRANGER], [PORT])

    told = json.loads(fieldpost("scan", "--json").out)

    assert told == {
        "schema": 1,
        "found": [
            {
                "url": BOTA.url,
                "driver": "bota",
                "configured": True,
                "configured_for": "native",
                "link": "ble",
                "name": "Bota Pin",
                "signal_dbm": -71,
                "address": BOTA.address,
                "model": "Bota Pin",
                "firmware": None,
                "paired": None,
                "pairing": None,
                "battery_percent": 87,
                "info": None,
                "recordings": None,
                "error": None,
            },
            {
                "url": f"serial://{BY_ID}",
                "driver": "native",
                "configured": False,
                "configured_for": None,
                "link": "serial",
                "name": "Acme Recorder",
                "signal_dbm": None,
                "device": "/dev/ttyACM0",
                "usb_id": "2341:0043",
                "usb_serial": None,
                "info": None,
                "recordings": None,
                "error": None,
            },
        ],
        "other_devices": 1,
        "problem": None,
    }


def test_the_wrong_driver_is_pointed_out(fieldpost, there, site):
    """A Bota recorder that is configured without its driver is not what was meant."""
    configure(site, BOTA.url)
    there([BOTA])

    assert 'configured for driver native; it needs driver = "bota"' in fieldpost("scan").out


def test_bluetooth_off_is_a_note_beside_serial_ports(fieldpost, there):
    """What could be looked at is shown, and how to look at the rest."""
    there(OFF, [PORT])
    said = fieldpost("scan")

    assert said.code == 0
    assert BY_ID in said.out
    assert said.err == f"fieldpost: {OFF}\n  try: bluetoothctl power on\n"


def test_bluetooth_off_is_in_the_document(fieldpost, there):
    """Programs find the note under `problem`."""
    there(OFF, [PORT])

    assert json.loads(fieldpost("scan", "--json").out)["problem"] == {
        "code": "link-unavailable",
        "message": str(OFF),
        "hint": "bluetoothctl power on",
    }


@pytest.mark.parametrize(("options", "ports"), [((), ()), (("--ble",), (PORT,))])
def test_nothing_to_look_at_ends_with_69(fieldpost, there, options, ports):
    """No Bluetooth, and no serial port either or none wanted: that is a failure."""
    there(OFF, ports)
    said = fieldpost("scan", *options)

    assert (69, "") == (said.code, said.out)
    assert said.err == f"fieldpost: {OFF}\n  try: bluetoothctl power on\n"


def test_nobody_around_is_no_failure(fieldpost, there):
    """A scan that worked and found nothing says just that."""
    there()

    assert (0, "nothing found that a driver would take\n") == (
        (said := fieldpost("scan")).code,
        said.out,
    )


def test_options_are_passed_on(fieldpost, there):
    """How long and through which adapter is up to the caller; serial alone scans nothing."""
    asked = there()
    fieldpost("scan", "--ble", "--seconds", "0.5", "--adapter", "hci1")
    fieldpost("scan", "--serial")

    assert [("hci1", 0.5)] == asked


@pytest.mark.parametrize(
    "options",
    [
        ("--seconds", "0"),
        ("--seconds", "nan"),
        ("--seconds", "long"),
        ("--adapter", "/dev/x"),
        ("--ble", "--serial"),
    ],
)
def test_wrong_usage_ends_with_2(fieldpost, there, options):
    """What makes no sense is refused before anything is looked at."""
    there()

    assert 2 == fieldpost("scan", *options).code


def test_no_configuration_file_is_needed(there, capsys, monkeypatch, tmp_path):
    """Who sets a computer up looks around first."""
    monkeypatch.setitem(config_file.load.__kwdefaults__, "default", tmp_path / "none.toml")
    there([BOTA])

    assert 0 == main(["scan"])
    assert BOTA.url in capsys.readouterr().out


def test_a_terminal_sees_that_it_scans(fieldpost, there, monkeypatch):
    """One line on stderr, because nothing else happens for seconds."""
    there()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")

    assert "scanning 5 s …\n" == fieldpost("scan").err
    assert "" == fieldpost("scan", "--quiet").err


def test_open_asks_each_in_turn(fieldpost, there, agent):
    """One after the other, with its driver; one that fails leaves the others be."""
    asked = []

    async def look(config):
        (recorder,) = config.recorders
        asked.append((recorder.url, recorder.driver))
        if recorder.driver == "bota":
            return (SimpleNamespace(info=None, listing=None, error=OFF),)
        info = RecorderInfo(
            recorder=RecorderId("native:1"),
            driver="native",
            model="AM-07",
            serial="0001",
            capacity_bytes=1000,
            used_bytes=120,
            battery_percent=64,
            charging=True,
        )
        return (SimpleNamespace(info=info, listing=Listing(recordings=()), error=None),)

    there([BOTA], [PORT])
    agent(SimpleNamespace(look=look))
    out = fieldpost("scan", "--open").out

    assert [(BOTA.url, "bota"), (f"serial://{BY_ID}", None)] == asked
    assert f"  battery 87 %\n  {OFF}\n  try: bluetoothctl power on\n" in out
    assert (
        "  USB 2341:0043, AM-07, serial 0001, battery 64 %, charging, storage 12 % used,"
        " 0 recordings waiting\n"
    ) in out


def test_pairing_is_told_where_it_is_known(fieldpost, there):
    """Whether this computer has a bond, and what the recorder says of its own state."""
    there([replace(BOTA, paired=True, pairing=Pairing.UNPAIRED), replace(BOTA, paired=False)])
    out = fieldpost("scan").out

    assert "  paired with this computer, pairing state unpaired, battery 87 %\n" in out
    assert "  not paired with this computer, battery 87 %\n" in out


def test_what_a_recorder_says_when_asked_replaces_what_it_advertised(fieldpost, there, agent):
    """One battery is told, and its own count where it gives no listing."""

    async def look(_config):
        info = RecorderInfo(
            recorder=RecorderId("bota:1"), driver="bota", battery_percent=12, pending=3
        )
        return (SimpleNamespace(info=info, listing=None, error=OFF),)

    there([BOTA])
    agent(SimpleNamespace(look=look))
    out = fieldpost("scan", "--open").out

    assert f"  battery 12 %, 3 recordings waiting\n  {OFF}\n" in out
    assert "87 %" not in out


def test_one_that_hangs_is_given_up(fieldpost, there, agent, monkeypatch):
    """Each has its time; then comes the next."""

    async def look(_config):
        await around.asyncio.Event().wait()

    there([BOTA])
    agent(SimpleNamespace(look=look))
    monkeypatch.setattr(around, "EACH_S", 0.01)
    told = json.loads(fieldpost("scan", "--open", "--json").out)

    assert "did not answer" in told["found"][0]["error"]["message"]


def test_over_a_virtual_radio(fieldpost, there, monkeypatch):
    """The command finds a recorder on the air by itself."""
    there()

    async def in_a_room(adapter, seconds):
        async with room():
            return await ble_nearby(adapter, seconds)

    monkeypatch.setattr(around, "ble_nearby", in_a_room)
    (found,) = json.loads(fieldpost("scan", "--seconds", "0.3", "--json").out)["found"]

    assert (URL, NAME, "native") == (found["url"], found["name"], found["driver"])


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("switched_on", "driver", "serial"),
    [
        (
            lambda: recording_room(usual_store()),
            "native",
            native_rig.RECORDER.removeprefix("native:"),
        ),
        (lambda: bota_room(bota_rig.recorder()), "bota", bota_rig.SERIAL),
    ],
)
async def test_open_reads_a_recorder_over_a_virtual_radio(monkeypatch, switched_on, driver, serial):
    """Who it is and how much waits comes from the recorder itself, with the driver it needs."""
    bota_rig.hasten(monkeypatch)
    monkeypatch.setattr(around, "serial_ports", lambda: ())
    said: list[str] = []
    async with switched_on():
        found = await around.look_around(Config(), ble=True, serial=True, adapter=None, seconds=0.3)
        (opened,) = (await around.open_each(found, Config(), said.append)).found

    assert [f"opening {URL} …"] == said
    assert opened.error is None
    assert (driver, serial) == (opened.driver, opened.info.serial)
    assert len(opened.listing.recordings) == 2
