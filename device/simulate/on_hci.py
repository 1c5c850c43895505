"""A simulated recorder's Bluetooth: a GATT server on any controller that Bumble can open."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from device.errors import UsageInvalid

try:
    from bumble.core import BaseBumbleError
    from bumble.device import Device, DeviceConfiguration
    from bumble.hci import Address
    from bumble.transport import open_transport
    from usb1 import USBError  # type: ignore[import-untyped]  # the package ships no stubs

    from device.simulate.gatt_end import GattEnd
except ImportError as missing:
    raise UsageInvalid(
        f"a recorder on Bluetooth needs the ble-sim extra ({missing.name} is not installed)",
        hint='pip install "fieldpost[ble-sim]"',
    ) from missing

START_S = 10.0
_ADVERTISING_MS = 100


def address_of(serial: str) -> str:
    """Return the static random address of the recorder with this serial number."""
    return "F0:F1:" + hashlib.sha256(serial.encode()).digest()[:4].hex(":").upper()


@asynccontextmanager
async def recorder_on_hci(hci: str, *, name: str, address: str) -> AsyncIterator[GattEnd]:
    """Open the controller and advertise a native recorder, as `device_on_hci` says."""
    async with (
        device_on_hci(hci, name=name, address=address) as device,
        GattEnd(device, name) as end,
    ):
        with answering(hci):
            async with asyncio.timeout(START_S):
                await end.start()
        yield end


@contextmanager
def answering(hci: str) -> Iterator[None]:
    """Say it when what was opened is no Bluetooth controller.

    Raises:
        UsageInvalid: Instead of whatever came of it.
    """
    try:
        yield
    except (BaseBumbleError, USBError, OSError) as error:
        raise UsageInvalid(
            f"what was opened as {hci!r} does not answer as a Bluetooth controller"
        ) from error


@asynccontextmanager
async def device_on_hci(hci: str, *, name: str, address: str) -> AsyncIterator[Device]:
    """Open the controller; it is given back with the block.

    Args:
        hci: Bumble's name of it, such as usb:0, serial:/dev/ttyACM0 or tcp-client:HOST:PORT.
        name: What the recorder advertises.
        address: Its static random address.

    Raises:
        UsageInvalid: It cannot be opened.
    """
    try:
        async with asyncio.timeout(START_S):
            transport = await open_transport(hci)
    except (BaseBumbleError, USBError, OSError, ValueError, KeyError, IndexError) as error:
        raise UsageInvalid(
            f"no Bluetooth controller can be opened as {hci!r}"
            f" ({str(error) or type(error).__name__})",
            hint="name it as Bumble does: usb:0, serial:/dev/ttyACM0, vhci, tcp-client:HOST:PORT",
        ) from error
    async with transport:
        config = DeviceConfiguration(
            name=name,
            address=Address(address),
            advertising_interval_min=_ADVERTISING_MS,
            advertising_interval_max=_ADVERTISING_MS,
        )
        yield Device.from_config_with_hci(config, transport.source, transport.sink)
