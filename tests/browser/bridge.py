"""A browser's Bluetooth on the virtual radio: what bridge.js asks for, done by a Bumble central."""

import asyncio
import base64
import contextlib
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from bleak import BleakClient, BleakScanner
from bleak.exc import BleakError, BleakGATTProtocolError
from bumble.device import Device
from playwright.async_api import Error as PageError
from playwright.async_api import Page

from tests.ble import quiet
from tests.ble.air import Air, Pace, virtual_device
from tests.ble.bleak_on_bumble import Radio, installed

PHONE_ADDRESS = "C0:C1:C2:C3:C4:C5"
SCAN_S = 8.0
_SCRIPT = Path(__file__).with_name("bridge.js")
_REFUSED = ("NotSupportedError", "GATT operation failed for unknown reason.")
_GONE = ("NetworkError", "GATT Server is disconnected. Cannot perform GATT operations.")


class Neighbourhood:
    """The air around the phone: recorders are put into it, and it can be cut."""

    def __init__(self, undo: AsyncExitStack, pace: Pace | None) -> None:
        self.air = Air(pace)
        self._undo = undo

    def device(self, address: str, *, mtu: int = 517) -> Device:
        device = virtual_device(self.air, f"at {address}", address)
        device.gatt_server.max_mtu = mtu
        return device

    async def enter(self, block):
        """Have a recorder there until the neighbourhood ends."""
        return await self._undo.enter_async_context(block)

    def later(self, call, *args) -> None:
        self._undo.push_async_callback(call, *args)


class Bridge:
    """One page's Bluetooth."""

    def __init__(self, page: Page, radio: Radio) -> None:
        self.page = page
        self.radio = radio
        self.available = True
        self.choice: str | None = ""
        """The beginning of the address that the person chooses; None: the person cancels."""
        self.away: set[str] = set()
        """Addresses that take no connections now."""
        self.granted: dict[str, tuple[dict, list[str]]] = {}
        self._clients: dict[str, BleakClient] = {}
        self._found: dict[str, object] = {}
        self._events: asyncio.Queue = asyncio.Queue()

    async def install(self, *, remembers: bool) -> None:
        """Be there in every document that the page opens from now on."""
        await self.page.expose_function("bluetoothRadio", self._asked)
        flag = f"window.bluetoothRemembers = {str(remembers).lower()};"
        await self.page.add_init_script(flag + _SCRIPT.read_text())

    async def run(self) -> None:
        """Pass on what recorders notify, in order."""
        while True:
            events = [await self._events.get()]
            while not self._events.empty():
                events.append(self._events.get_nowait())
            with contextlib.suppress(PageError):  # the page is gone, and so is who listened
                await self.page.evaluate("events => window.bluetoothHeard?.(events)", events)

    async def begin(self) -> None:
        """A new document begins without connections, as the browser closes those of the last."""
        clients, self._clients = self._clients, {}
        for each in clients.values():
            with contextlib.suppress(BleakError):
                await each.disconnect()

    async def _asked(self, what: str, *more) -> dict:
        try:
            return {"value": await getattr(self, f"_{what}")(*more)}
        except _DOMError as error:
            return {"error": error.args}

    async def _begin(self) -> None:
        await self.begin()

    async def _available(self) -> bool:
        return self.available

    async def _granted(self) -> list:
        return [*self.granted.values()]

    async def _grant(self, address: str, services: list[str]) -> None:
        self.granted[address] = ({"id": address, "name": self._found[address].name}, services)

    async def _choose(self, filters: list[dict]) -> dict:
        if self.choice is None:
            raise _DOMError("NotFoundError", "User cancelled the requestDevice() chooser.")
        if not self.available:
            raise _DOMError("NotFoundError", "Bluetooth adapter not available.")

        def fits(device, seen) -> bool:
            # Pages see a name that came later, too: it stands in the chooser until one is chosen.
            named = seen.local_name is not None and device.address.startswith(self.choice)
            return named and any(_matches(each, seen) for each in filters)

        found = await BleakScanner.find_device_by_filter(fits, timeout=SCAN_S)
        if found is None:
            raise _DOMError("NotFoundError", "User cancelled the requestDevice() chooser.")
        self._found[found.address] = found
        return {"id": found.address, "name": found.name}

    async def _connect(self, address: str) -> list[dict]:
        if address in self.away:
            raise _DOMError("NetworkError", "Connection failed for unknown reason.")
        client = BleakClient(
            self._found[address],
            disconnected_callback=lambda _: self._lost(address, client),
            timeout=5.0,
        )
        try:
            await client.connect()
        except (BleakError, TimeoutError) as error:
            raise _DOMError("NetworkError", "Connection failed for unknown reason.") from error
        self._clients[address] = client
        return [
            {
                "uuid": service.uuid,
                "characteristics": [
                    {"handle": each.handle, "uuid": each.uuid, "properties": each.properties}
                    for each in service.characteristics
                ],
            }
            for service in client.services
        ]

    async def _disconnect(self, address: str) -> None:
        client = self._clients.pop(address, None)
        if client is not None:
            with contextlib.suppress(BleakError):
                await client.disconnect()

    async def _call(self, address: str, handle: int, what: str, value: str = "") -> str:
        client = self._clients.get(address)
        if client is None:
            raise _DOMError(*_GONE)
        content = base64.b64decode(value)
        try:
            match what:
                case "read":
                    return _text(await client.read_gatt_char(handle))
                case "subscribe":
                    await client.start_notify(
                        handle,
                        lambda _, got: self._events.put_nowait([address, handle, _text(got)]),
                    )
                case _:
                    await client.write_gatt_char(handle, content, response=what == "write")
        except BleakGATTProtocolError as error:
            raise _DOMError(*_REFUSED) from error
        except BleakError as error:
            raise _DOMError(*_GONE) from error
        return ""

    def _lost(self, address: str, client: BleakClient) -> None:
        if self._clients.get(address) is client:
            del self._clients[address]
            self._events.put_nowait([address, None, None])


class _DOMError(Exception):
    """Becomes a DOMException of this name and message."""


def _matches(wanted: dict, seen) -> bool:
    uuids = set(seen.service_uuids)
    makers = {each["companyIdentifier"] for each in wanted.get("manufacturerData", [])}
    return (
        set(wanted.get("services", [])) <= uuids
        and (seen.local_name or "").startswith(wanted.get("namePrefix", ""))
        and makers <= set(seen.manufacturer_data)
    )


def _text(value: bytes) -> str:
    return base64.b64encode(bytes(value)).decode()


@asynccontextmanager
async def neighbourhood(pace: Pace | None = None):
    """Begin with an empty air."""
    quiet.install()
    async with AsyncExitStack() as undo:
        yield Neighbourhood(undo, pace)


@asynccontextmanager
async def bridged(page: Page, around: Neighbourhood, *, remembers: bool = False, mtu: int = 517):
    """Give a page, before it is opened, a radio in this air."""
    central = around.device(PHONE_ADDRESS)
    await central.power_on()
    radio = Radio(central, mtu=mtu)
    with installed(radio):
        bridge = Bridge(page, radio)
        await bridge.install(remembers=remembers)
        pump = asyncio.create_task(bridge.run(), name="bridge")
        try:
            yield bridge
        finally:
            pump.cancel()
            await asyncio.wait([pump])
            await bridge.begin()
            await central.power_off()
