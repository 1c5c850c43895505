"""A small GATT server to point a browser at: by its own emulation, or on the virtual radio."""

import asyncio
import base64
import contextlib
from abc import ABC, abstractmethod
from contextlib import asynccontextmanager

from bumble.att import ATT_Error, ErrorCode
from bumble.core import AdvertisingData
from bumble.device import Device
from bumble.gatt import Characteristic, CharacteristicValue, Service
from playwright.async_api import Browser, Page

from device.core.bota_ble import uuids

ADDRESS = "F0:F1:F2:F3:F4:F5"
NAME = "Bota Pin"
PROPERTIES = ("read", "write", "write-without-response", "notify")
_CDP = {"write-without-response": "writeWithoutResponse"}
_CCC = "00002902-0000-1000-8000-00805f9b34fb"
TABLE: dict[str, dict[str, tuple[str, ...]]] = {
    uuids.service_of(uuids.DEVICE_STATUS): {
        uuids.DEVICE_STATUS: ("read", "notify"),
        uuids.TIME_SYNC: ("write",),
    },
    uuids.STORAGE: {
        uuids.STORAGE_INFO: ("read",),
        uuids.RECORDING_TRANSFER: ("write-without-response", "notify"),
    },
    uuids.INFO: {uuids.MODEL: ("read",), uuids.SERIAL: ("read",)},
}
"""Enough of a Bota recorder's to be taken for one."""


class Peripheral(ABC):
    """What was written to it, and what it answers when it is read."""

    def __init__(self) -> None:
        self.values = {uuid: uuid[:8].encode() for each in TABLE.values() for uuid in each}
        self.written: list[tuple[str, str, bytes]] = []
        """(characteristic, "write" or "write-without-response", value)."""
        self.subscribed: list[str] = []
        self.refuses: set[str] = set()
        """Characteristics whose reads and writes fail."""
        self.away = False
        """It takes no connections."""
        self.connections = 0
        self.arrived = asyncio.Event()

    @abstractmethod
    async def disconnect(self) -> None:
        """Walk out of reach."""


class Emulated(Peripheral):
    """Chromium's own emulation. It cannot push notifications."""

    def __init__(self, browser: Browser) -> None:
        super().__init__()
        self._browser = browser
        self._ids: dict[str, str] = {}
        self._tasks: set[asyncio.Task] = set()

    async def start(self, page: Page) -> None:
        self._cdp = await self._browser.new_browser_cdp_session()
        self._page = await page.context.new_cdp_session(page)
        on = self._cdp.on
        on("BluetoothEmulation.gattOperationReceived", lambda e: self._do(self._gatt(e)))
        on("BluetoothEmulation.characteristicOperationReceived", lambda e: self._do(self._char(e)))
        on("BluetoothEmulation.descriptorOperationReceived", lambda e: self._do(self._desc(e)))
        self._page.on("DeviceAccess.deviceRequestPrompted", lambda e: self._do(self._choose(e)))
        send = self._cdp.send
        await send("BluetoothEmulation.enable", {"state": "powered-on", "leSupported": True})
        await send(
            "BluetoothEmulation.simulatePreconnectedPeripheral",
            {
                "address": ADDRESS,
                "name": NAME,
                "manufacturerData": [],
                "knownServiceUuids": [*TABLE],
            },
        )
        await self._add_all()
        await self._page.send("DeviceAccess.enable")

    async def _add_all(self) -> None:
        for service, characteristics in TABLE.items():
            asked = {"address": ADDRESS, "serviceUuid": service}
            made = await self._cdp.send("BluetoothEmulation.addService", asked)
            for uuid, uses in characteristics.items():
                await self._add(made["serviceId"], uuid, uses)

    async def _add(self, service: str, uuid: str, uses: tuple[str, ...]) -> None:
        asked = {
            "serviceId": service,
            "characteristicUuid": uuid,
            "properties": {_CDP.get(use, use): True for use in uses},
        }
        made = await self._cdp.send("BluetoothEmulation.addCharacteristic", asked)
        self._ids[made["characteristicId"]] = uuid
        if "notify" in uses:
            asked = {"characteristicId": made["characteristicId"], "descriptorUuid": _CCC}
            await self._cdp.send("BluetoothEmulation.addDescriptor", asked)

    async def stop(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._cdp.send("BluetoothEmulation.disable")
        await self._cdp.detach()

    async def disconnect(self) -> None:
        asked = {"address": ADDRESS}
        await self._cdp.send("BluetoothEmulation.simulateGATTDisconnection", asked)
        await self._add_all()  # they go with the connection

    def _do(self, answering) -> None:
        task = asyncio.ensure_future(answering)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _choose(self, event) -> None:
        # Chromium dies of a second answer to one prompt, and asks again for each device it finds.
        if event["devices"] and not self.arrived.is_set():
            self.arrived.set()
            asked = {"id": event["id"], "deviceId": event["devices"][0]["id"]}
            await self._page.send("DeviceAccess.selectPrompt", asked)

    async def _gatt(self, event) -> None:
        refused = self.away and event["type"] == "connection"
        self.connections += event["type"] == "connection" and not refused
        answer = {"address": ADDRESS, "type": event["type"], "code": 0x3E if refused else 0}
        await self._cdp.send("BluetoothEmulation.simulateGATTOperationResponse", answer)

    async def _char(self, event) -> None:
        uuid, kind = self._ids[event["characteristicId"]], event["type"]
        answer = {"characteristicId": event["characteristicId"], "type": kind, "code": 0}
        if uuid in self.refuses and kind in ("read", "write"):
            answer["code"] = 0x0E
        elif kind == "read":
            answer["data"] = base64.b64encode(self.values[uuid]).decode()
        elif kind == "write":
            named = {"write-default-deprecated": "write", "write-with-response": "write"}
            how = named.get(event["writeType"], event["writeType"])
            self.written.append((uuid, how, base64.b64decode(event["data"])))
        elif kind == "subscribe-to-notifications":
            self.subscribed.append(uuid)
        await self._cdp.send("BluetoothEmulation.simulateCharacteristicOperationResponse", answer)

    async def _desc(self, event) -> None:
        answer = {"descriptorId": event["descriptorId"], "type": event["type"], "code": 0}
        await self._cdp.send("BluetoothEmulation.simulateDescriptorOperationResponse", answer)


class OnAir(Peripheral):
    """A Bumble device with the same table."""

    def __init__(self, device: Device) -> None:
        super().__init__()
        self._device = device
        self.characteristics: dict[str, Characteristic] = {}
        for service, table in TABLE.items():
            made = [self._characteristic(uuid, uses) for uuid, uses in table.items()]
            device.add_service(Service(service, made))
        kind = AdvertisingData.Type
        device.advertising_data = bytes(
            AdvertisingData([(kind.FLAGS, b"\x06"), (kind.COMPLETE_LOCAL_NAME, NAME.encode())])
        )
        device.on(Device.EVENT_CONNECTION, self._connected)

    async def disconnect(self) -> None:
        for connection in list(self._device.connections.values()):
            with contextlib.suppress(asyncio.CancelledError):
                await connection.disconnect()

    async def notify(self, uuid: str, value: bytes) -> None:
        await self._device.notify_subscribers(self.characteristics[uuid], value)

    def _connected(self, _connection) -> None:
        self.connections += 1

    def _characteristic(self, uuid: str, uses: tuple[str, ...]) -> Characteristic:
        named = {use: use.upper().replace("-", "_") for use in uses}
        properties = Characteristic.Properties(0)
        for use in named.values():
            properties |= Characteristic.Properties[use]

        def read(_) -> bytes:
            self._refuse(uuid)
            return self.values[uuid]

        def write(_, value: bytes) -> None:
            self._refuse(uuid)
            how = "write" if "write" in uses else "write-without-response"
            self.written.append((uuid, how, bytes(value)))

        value = CharacteristicValue(read=read, write=write)
        permissions = Characteristic.READABLE | Characteristic.WRITEABLE
        made = self.characteristics[uuid] = Characteristic(uuid, properties, permissions, value)
        made.on(
            Characteristic.EVENT_SUBSCRIPTION,
            lambda _bearer, wanted, _: self.subscribed.append(uuid) if wanted else None,
        )
        return made

    def _refuse(self, uuid: str) -> None:
        if uuid in self.refuses:
            raise ATT_Error(error_code=ErrorCode.UNLIKELY_ERROR)


@asynccontextmanager
async def emulated(browser: Browser, page: Page):
    """Switch the browser's own emulation on for a page."""
    peripheral = Emulated(browser)
    await peripheral.start(page)
    try:
        yield peripheral
    finally:
        await peripheral.stop()
