"""A simulated recorder's Bluetooth: a GATT server on any controller that Bumble can open."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from device.errors import LinkReason, LinkUnavailable, UsageInvalid

try:
    from bumble.core import BaseBumbleError
    from bumble.device import Device, DeviceConfiguration
    from bumble.hci import Address
    from bumble.transport import open_transport
    from bumble.transport.common import Transport
    from usb1 import USBError  # type: ignore[import-untyped]  # the package ships no stubs

    from device.simulate.gatt_end import GattEnd
    from device.simulate.leaving import close
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
async def recorder_on_hci(
    hci: str, *, name: str, address: str, pairing: bool
) -> AsyncIterator[GattEnd]:
    """Open the controller and advertise a native recorder, as `device_on_hci` says."""
    async with (
        device_on_hci(hci, name=name, address=address) as device,
        GattEnd(device, name, pairing=pairing) as end,
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
    """Open the controller; it is given back with the block, which ends if the controller goes.

    Args:
        hci: Bumble's name of it, such as usb:0, serial:/dev/ttyACM0 or tcp-client:HOST:PORT.
        name: What the recorder advertises.
        address: Its static random address.

    Raises:
        UsageInvalid: It cannot be opened.
        LinkUnavailable: It went away, unplugged or closed, while the block ran.
    """
    try:
        async with asyncio.timeout(START_S):
            transport = await open_transport(hci)
    except Exception as error:
        # A misspelt name makes each of Bumble's transports stumble in its own way.
        told = isinstance(error, (BaseBumbleError, USBError, OSError)) and str(error)
        raise UsageInvalid(
            f"no Bluetooth controller can be opened as {hci!r}" + (f" ({told})" if told else ""),
            hint="name it as Bumble does: usb:0, serial:/dev/ttyACM0, vhci, tcp-client:HOST:PORT",
        ) from error
    try:
        async with _while_there(transport, hci):
            config = DeviceConfiguration(
                name=name,
                address=Address(address),
                advertising_interval_min=_ADVERTISING_MS,
                advertising_interval_max=_ADVERTISING_MS,
            )
            yield Device.from_config_with_hci(config, transport.source, transport.sink)
    finally:
        await close(transport)


@asynccontextmanager
async def _while_there(transport: Transport, hci: str) -> AsyncIterator[None]:
    """End the block once the controller is gone: Bumble itself would wait for it for ever."""
    task = asyncio.current_task()
    gone = False

    def ended(terminated: asyncio.Future[None]) -> None:
        nonlocal gone
        if not terminated.cancelled():
            terminated.exception()  # what it was says no more than that it is gone
        if task is not None and not gone:
            gone = True
            task.cancel()

    terminated = transport.source.terminated
    terminated.add_done_callback(ended)
    try:
        yield
    except asyncio.CancelledError:
        if not gone or task is None or task.uncancel():
            raise
        raise LinkUnavailable(
            f"the Bluetooth controller {hci!r} went away",
            reason=LinkReason.NO_ADAPTER,
            hint="plug it in again, then start the recorder again",
        ) from None
    finally:
        terminated.remove_done_callback(ended)
