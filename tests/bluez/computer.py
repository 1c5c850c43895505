"""A computer with a real BlueZ: its service, its adapter on a virtual air, and recorders nearby."""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from bumble import hci
from bumble.device import Device
from bumble.transport import open_transport

from device.core.bota_ble.recorder import BotaRecorder
from device.links.bluez import Bluez, Objects, call_system_bus
from device.links.finding import ble_nearby
from device.simulate.bota_gatt import bota_on
from device.simulate.gatt_end import GattEnd
from tests.ble.air import Air, VirtualController, virtual_device
from tests.device.drivers.native_rig import FakeStore, Recorder

if TYPE_CHECKING:
    from bumble.transport.common import Transport

BLUETOOTHD = "/usr/libexec/bluetooth/bluetoothd"
ADAPTER = "org.bluez.Adapter1"
DEVICE = "org.bluez.Device1"
HOST_ADDRESS = "00:1B:DC:00:00:01"
NATIVE_ADDRESS = "F0:F1:F2:F3:F4:F5"
NATIVE_NAME = "FP-0001"
BOTA_ADDRESS = "F0:F1:F2:F3:F4:F6"
DEADLINE_S = 30.0
LOOK_EVERY_S = 0.1

# Bumble claims these and reports connections by the event of a controller without them; Linux then
# loses a live connection after 4 s.
_UNTRUE = (
    hci.LeFeatureMask.LL_PRIVACY
    | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
    | hci.LeFeatureMask.LE_PERIODIC_ADVERTISING
)


class Daemon:
    """The service, as systemd would start and stop it."""

    def __init__(self) -> None:
        self._running: subprocess.Popen | None = None

    def start(self) -> None:
        self._running = subprocess.Popen([BLUETOOTHD, "--nodetach"])

    def stop(self) -> None:
        self._running.terminate()
        self._running.wait()


class Computer:
    """The adapter and the air around it."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.air = Air()
        self.bluez = Bluez(call_system_bus)
        self._plugged: Transport | None = None
        self._controller: VirtualController | None = None

    async def plug_in(self) -> None:
        """Plug a Bluetooth adapter in and switch it on."""
        await self.objects()  # which imports what it needs: nothing may keep the kernel waiting
        # The kernel resets a controller at once, with a limit of 2 s.
        self._plugged = await open_transport("vhci")
        self._controller = VirtualController(
            "adapter",
            self._plugged.source,
            self._plugged.sink,
            self.air,
            hci.Address(HOST_ADDRESS, hci.AddressType.PUBLIC_DEVICE),
        )
        self._controller.le_features &= ~_UNTRUE
        await self.power(on=True)

    async def unplug(self) -> None:
        """Take the adapter away, with all its connections."""
        if self._plugged is None:
            return
        self.air.cut()
        self.air.remove_controller(self._controller)
        await self._plugged.close()
        self._plugged = None
        await self.until(lambda objects: not adapters(objects))

    async def power(self, *, on: bool) -> None:
        """Switch the adapter, as `bluetoothctl power` does."""
        await self.until(adapters)
        (path,) = adapters(await self.objects())
        with contextlib.suppress(OSError):  # busy: BlueZ switches a new adapter on by itself
            await self.bluez._set_powered(path, on=on)
        await self.until(lambda all_: all_.get(path, {}).get(ADAPTER, {}).get("Powered") is on)

    async def discover(self, address: str) -> None:
        """Scan until BlueZ knows this device, as `bluetoothctl scan on` does."""
        async with asyncio.timeout(DEADLINE_S):
            while not await self.bluez._devices(address):
                await ble_nearby(None, 1.0)

    async def restart_service(self) -> None:
        """Do as `systemctl restart bluetooth`; the adapter is on again afterwards."""
        await asyncio.to_thread(self.daemon.stop)
        self.daemon.start()
        await self.power(on=True)

    async def objects(self) -> Objects:
        """Return what BlueZ knows; nothing while it is not there."""
        try:
            return await self.bluez._objects()
        except OSError:
            return {}

    async def until(self, holds: Callable[[Objects], Any]) -> None:
        """Wait until this holds of what BlueZ knows."""
        async with asyncio.timeout(DEADLINE_S):
            while not holds(await self.objects()):  # noqa: ASYNC110 - BlueZ is another process
                await asyncio.sleep(LOOK_EVERY_S)

    async def aclose(self) -> None:
        """Take everything away, and what BlueZ remembers."""
        for path, interfaces in (await self.objects()).items():
            if DEVICE in interfaces:
                adapter = path.rpartition("/")[0]
                with contextlib.suppress(OSError):  # gone by itself, or the adapter is off
                    await self.bluez._ask(adapter, ADAPTER, "RemoveDevice", "o", [path])
        await self.unplug()

    @asynccontextmanager
    async def native(self, store: FakeStore, *, pairing: bool = False) -> AsyncIterator[Device]:
        """A native recorder that holds this, switched on nearby."""
        device = virtual_device(self.air, "native", NATIVE_ADDRESS)
        device.gatt_server.max_mtu = 517
        end = GattEnd(device, NATIVE_NAME, pairing=pairing)
        recorder = Recorder(store, max_frame_bytes=4096)
        recorder.line = end
        async with asyncio.TaskGroup() as group:
            await end.start()
            group.create_task(recorder.run(), name="recorder")
            try:
                yield device
            finally:
                await end.aclose()

    @asynccontextmanager
    async def bota(self, source: BotaRecorder) -> AsyncIterator[Device]:
        """A Bota recorder, switched on nearby."""
        device = virtual_device(self.air, "bota", BOTA_ADDRESS)
        device.gatt_server.max_mtu = 247
        async with bota_on(device, source):
            yield device


def adapters(objects: Objects) -> list[str]:
    """Return the paths of the adapters."""
    return [path for path, interfaces in objects.items() if ADAPTER in interfaces]
