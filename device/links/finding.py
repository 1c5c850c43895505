"""Look around without opening anything: what advertises on Bluetooth, which serial ports are."""

import asyncio
import contextlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from device.core.bota_ble.advertisement import Pairing, Report, recognise
from device.core.link.gatt_service import SERVICE
from device.errors import LinkReason, LinkUnavailable
from device.links import bluetooth_errors
from device.links.radio import radio_of
from device.links.rfkill import told_apart

if TYPE_CHECKING:
    from bleak.backends.scanner import AdvertisementData
    from serial.tools.list_ports_common import ListPortInfo

STACK_S = 15.0
"""What a Bluetooth stack may take to begin and end a scan, beside the scan itself."""

BY_ID = Path("/dev/serial/by-id")
"""Names that stay the same whichever socket a port is plugged into, and in which order."""

FULL_PERCENT = 100
"""A gauge that tells more has no reading."""

_NOT_AVAILABLE_DBM = {127, -127}
"""How controllers and BlueZ say that they have no RSSI."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearby:
    """A device that advertised while we listened; `driver` is None unless it is a recorder.

    `name` is the device's own choice: it may be missing, and proves nothing. `paired` tells whether
    this computer has a bond with it, None where the system does not say. `model`, `firmware`,
    `pairing` and `battery_percent` are what some Bota recorders tell on the air.
    """

    address: str
    adapter: str | None = None
    name: str | None = None
    rssi_dbm: int | None = None
    driver: str | None = None
    paired: bool | None = None
    model: str | None = None
    firmware: str | None = None
    pairing: Pairing | None = None
    battery_percent: int | None = None

    @property
    def url(self) -> str:
        """What to put into the configuration."""
        return f"ble://{self.address}" + (f"?adapter={self.adapter}" if self.adapter else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialPort:
    """A serial port of this computer; who is behind it only opening it tells.

    `path` is the name to use, `device` the kernel's; `usb_id` is `vid:pid` in hexadecimal.
    """

    path: str
    device: str
    description: str | None = None
    usb_id: str | None = None
    serial_number: str | None = None

    @property
    def url(self) -> str:
        """What to put into the configuration."""
        return f"serial://{quote(self.path, safe='/:+,@=')}"


async def ble_nearby(adapter: str | None, seconds: float) -> tuple[Nearby, ...]:
    """Scan actively and tell every device that advertised meanwhile, the strongest first.

    Args:
        adapter: Such as hci1; None is the system's first.
        seconds: How long to listen.

    Raises:
        LinkUnavailable: No adapter, off, blocked, denied or busy.
    """
    from bleak import BleakScanner  # noqa: PLC0415 - only looking for Bluetooth needs it

    where = adapter or "Bluetooth"
    async with radio_of(adapter).turn:
        try:
            async with asyncio.timeout(seconds + STACK_S):
                found = await BleakScanner.discover(
                    seconds, return_adv=True, bluez={"adapter": adapter} if adapter else {}
                )
        except bluetooth_errors.foreign() as error:
            failure = bluetooth_errors.unavailable(error, where)
            if failure.reason is LinkReason.NO_ANSWER:  # which speaks of a recorder
                failure = LinkUnavailable(
                    f"{where}: scanning failed ({str(error) or type(error).__name__})",
                    reason=failure.reason,
                    hint="systemctl restart bluetooth",
                )
            raise await told_apart(failure, where, adapter) from error
    near = [_nearby(device.address, adapter, seen) for device, seen in found.values()]
    return tuple(
        sorted(near, key=lambda each: (each.rssi_dbm is None, -(each.rssi_dbm or 0), each.address))
    )


def serial_ports() -> tuple[SerialPort, ...]:
    """Tell which serial ports this computer has. Blocks: called in a thread."""
    from serial.tools import list_ports  # noqa: PLC0415 - only looking for ports needs it

    names = _names_by_id()
    ports = {_port(info, names) for info in list_ports.comports()}
    return tuple(sorted(ports, key=lambda each: each.path))


def _nearby(address: str, adapter: str | None, seen: "AdvertisementData") -> Nearby:
    rssi = None if seen.rssi in _NOT_AVAILABLE_DBM else seen.rssi
    bota = recognise([Report(name=seen.local_name, manufacturer=seen.manufacturer_data)])
    nearby = Nearby(
        address=address,
        adapter=adapter,
        name=seen.local_name,
        rssi_dbm=rssi,
        paired=_paired(seen.platform_data),
    )
    # Any device may take a name; the service is our own.
    if SERVICE in map(str.lower, seen.service_uuids):
        return replace(nearby, driver="native")
    if bota is None:
        return nearby
    battery = bota.battery_percent
    return replace(
        nearby,
        name=bota.name,
        driver="bota",
        model=bota.model,
        firmware=bota.firmware,
        pairing=bota.pairing,
        battery_percent=battery if battery is not None and battery <= FULL_PERCENT else None,
    )


def _paired(platform: tuple[Any, ...]) -> bool | None:
    """Tell whether BlueZ holds a bond; other systems do not say it of what advertises."""
    match platform:
        case (str(), {"Bonded": bool(bonded)}):  # since BlueZ 5.66
            return bonded
        case (str(), {"Paired": bool(paired)}):
            return paired
        case _:
            return None


def _names_by_id() -> dict[Path, str]:
    """Map the kernel's path of each port to its lasting name; udev makes those for USB alone."""
    names: dict[Path, str] = {}
    with contextlib.suppress(OSError):  # none is plugged in, or it was unplugged just now
        for link in sorted(BY_ID.iterdir()):
            names.setdefault(link.resolve(), str(link))
    return names


def _port(info: "ListPortInfo", names: dict[Path, str]) -> SerialPort:
    described = info.description not in (None, "", "n/a")
    usb = info.vid is not None and info.pid is not None
    return SerialPort(
        path=names.get(Path(info.device).resolve(), info.device),
        device=info.device,
        description=info.description if described else None,
        usb_id=f"{info.vid:04x}:{info.pid:04x}" if usb else None,
        serial_number=info.serial_number,
    )
