"""Looking around: who advertises on a virtual radio, and which serial ports there are."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from bleak import BleakScanner
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason
from bumble.core import AdvertisingData
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from device.core.bota_ble.advertisement import Pairing
from device.errors import LinkReason, LinkUnavailable
from device.links import finding
from device.links.finding import Nearby, SerialPort, ble_nearby, serial_ports
from device.links.radio import radio_of
from device.links.serial import SerialAddress
from tests.ble.air import virtual_device
from tests.ble.room import NAME, URL, Room, room

DEADLINE_S = 5.0
LISTEN_S = 0.3
OTHER = "F1:F1:F1:F1:F1:F1"
_NAME = AdvertisingData.Type.COMPLETE_LOCAL_NAME
_MAKER = AdvertisingData.Type.MANUFACTURER_SPECIFIC_DATA


@asynccontextmanager
async def advertising(there: Room, advertisement):
    """Another device in the room that says this of itself."""
    device = virtual_device(there.air, "other", OTHER)
    device.advertising_data = bytes(AdvertisingData(list(advertisement)))
    await device.power_on()
    await device.start_advertising()
    try:
        yield
    finally:
        await device.power_off()


async def seen_beside(*advertisement) -> dict[str, Nearby]:
    async with asyncio.timeout(DEADLINE_S), room() as there, advertising(there, advertisement):
        return {each.url: each for each in await ble_nearby(None, LISTEN_S)}


@pytest.mark.asyncio
async def test_a_native_recorder_is_known_by_its_service():
    """A device that only took a recorder's name is another device."""
    near = await seen_beside((_NAME, NAME.encode()))

    assert (NAME, "native", -50) == (near[URL].name, near[URL].driver, near[URL].rssi_dbm)
    assert (NAME, None) == (near[f"ble://{OTHER}"].name, near[f"ble://{OTHER}"].driver)


@pytest.mark.asyncio
async def test_a_bota_recorder_is_known_by_its_name_and_makers_bytes():
    """What it tells on the air comes with it."""
    near = await seen_beside((_NAME, b"Bota-Note-7"), (_MAKER, b"\x03\x01\x02\x02\x57"))

    assert near[f"ble://{OTHER}"] == Nearby(
        address=OTHER,
        name="Bota-Note-7",
        rssi_dbm=-50,
        driver="bota",
        model="Bota Note",
        firmware="1.2",
        pairing=Pairing.PAIRED,
        battery_percent=0x57,
    )


@pytest.mark.asyncio
async def test_a_device_without_a_name_is_no_trouble():
    """It is among the others, nameless."""
    near = await seen_beside((AdvertisingData.Type.FLAGS, b"\x06"))

    assert (None, None) == (near[f"ble://{OTHER}"].name, near[f"ble://{OTHER}"].driver)


@pytest.mark.asyncio
async def test_looking_waits_for_its_turn_and_stops_scanning():
    """While a recorder is being opened on the adapter nothing is scanned; afterwards neither."""
    async with asyncio.timeout(DEADLINE_S), room() as there, asyncio.TaskGroup() as group:
        async with radio_of(None).turn:
            looking = group.create_task(ble_nearby(None, 0.01))
            await asyncio.sleep(0)
            early = bool(there.radio.scanners)
        await looking
        late = bool(there.radio.scanners)

    assert (False, False) == (early, late)


@pytest.mark.parametrize(
    ("error", "reason", "says"),
    [
        (
            BleakBluetoothNotAvailableError("no", BleakBluetoothNotAvailableReason.NO_BLUETOOTH),
            LinkReason.NO_ADAPTER,
            "hci1: there is no such Bluetooth adapter",
        ),
        (
            FileNotFoundError(2, "No such file or directory"),
            LinkReason.NO_ADAPTER,
            "hci1: the Bluetooth service does not run",
        ),
        (TimeoutError(), LinkReason.NO_ANSWER, "hci1: scanning failed (TimeoutError)"),
    ],
)
@pytest.mark.asyncio
async def test_a_stack_that_cannot_scan_is_said_so(monkeypatch, error, reason, says):
    """What bleak raises is told as our own error, with what to do."""

    async def discover(*_, **__):
        raise error

    monkeypatch.setattr(BleakScanner, "discover", discover)
    with pytest.raises(LinkUnavailable) as caught:
        await ble_nearby("hci1", LISTEN_S)

    assert (reason, says) == (caught.value.reason, str(caught.value))
    assert caught.value.hint


@pytest.mark.asyncio
async def test_a_scan_that_hangs_is_given_up(monkeypatch):
    """A stack that never begins is given up after its time."""

    async def discover(*_, **__):
        await asyncio.Event().wait()

    monkeypatch.setattr(BleakScanner, "discover", discover)
    monkeypatch.setattr(finding, "STACK_S", 0.01)
    with pytest.raises(LinkUnavailable, match="scanning failed"):
        await ble_nearby(None, 0.01)


@pytest.mark.parametrize("rssi", [127, -127])
def test_a_signal_nobody_measured_is_none(rssi):
    """The numbers that mean `not available` are not shown as signals."""
    seen = AdvertisementData("x", {}, {}, [], None, rssi, ())

    assert finding._nearby(OTHER, None, seen).rssi_dbm is None


@pytest.mark.parametrize(
    ("platform", "paired"),
    [
        (("/org/bluez/hci0/dev_F1", {"Paired": True, "Bonded": False}), False),
        (("/org/bluez/hci0/dev_F1", {"Paired": True}), True),
        (("/org/bluez/hci0/dev_F1", {"Paired": False, "Alias": "x"}), False),
        (("/org/bluez/hci0/dev_F1", {}), None),
        (("/org/bluez/hci0/dev_F1", {"Paired": "yes"}), None),
        ((object(),), None),
        ((), None),
    ],
)
def test_a_bond_is_told_where_bluez_tells_it(platform, paired):
    """An earlier BlueZ knows no `Bonded`; other systems say nothing while scanning."""
    seen = AdvertisementData("x", {}, {}, [], None, -50, platform)

    assert paired is finding._nearby(OTHER, None, seen).paired


@pytest.mark.parametrize(("told", "battery"), [(0, 0), (100, 100), (101, None), (255, None)])
def test_an_advertised_gauge_without_a_reading_is_none(told, battery):
    """255 % is no battery."""
    seen = AdvertisementData("Bota Pin", {0x0101: bytes([2, 0, told])}, {}, [], None, -50, ())

    assert battery == finding._nearby(OTHER, None, seen).battery_percent


def test_the_url_names_the_adapter():
    """What was seen through a named adapter is reached through it."""
    assert f"ble://{OTHER}?adapter=hci1" == Nearby(address=OTHER, adapter="hci1").url


def test_serial_ports_go_by_their_lasting_names(monkeypatch, tmp_path):
    """A port that udev named is that name; another is the kernel's; `n/a` is no description."""
    usb, plain = ListPortInfo(str(tmp_path / "ttyACM0")), ListPortInfo(str(tmp_path / "ttyS0"))
    usb.description, usb.vid, usb.pid, usb.serial_number = "AM-07", 0x2341, 0x43, "0001"
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    (tmp_path / "ttyACM0").touch()
    (by_id / "usb-Acme_AM-07-if00").symlink_to("../ttyACM0")
    monkeypatch.setattr(finding, "BY_ID", by_id)
    monkeypatch.setattr(list_ports, "comports", lambda: [plain, usb])

    assert serial_ports() == (
        SerialPort(
            path=str(by_id / "usb-Acme_AM-07-if00"),
            device=str(tmp_path / "ttyACM0"),
            description="AM-07",
            usb_id="2341:0043",
            serial_number="0001",
        ),
        SerialPort(path=str(tmp_path / "ttyS0"), device=str(tmp_path / "ttyS0")),
    )


def test_no_lasting_names_are_no_trouble(monkeypatch, tmp_path):
    """A computer that never saw a USB port has no such folder."""
    monkeypatch.setattr(finding, "BY_ID", tmp_path / "none")
    monkeypatch.setattr(list_ports, "comports", lambda: [ListPortInfo("/dev/ttyS0")])

    assert [SerialPort(path="/dev/ttyS0", device="/dev/ttyS0")] == list(serial_ports())


def test_a_ports_url_reads_back():
    """Characters that mean something in a URL do not change the path."""
    path = "/dev/serial/by-id/usb-1a86:7523 50%#2?x=1-if00"

    assert path == SerialAddress.parse(SerialPort(path=path, device=path).url).path
