"""Ordinary bleak on a Bumble central: the shipped code runs unmodified over a virtual radio.

It shows what BlueZ shows: `mtu_size` is 23 whatever the MTU, a device's first advertisement has no
name, and a loss in the middle of an await raises.
"""

import asyncio
import contextlib
from typing import TYPE_CHECKING

import bleak
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bleak.uuids import normalize_uuid_str
from bumble import att, core, hci
from bumble.core import UUID, AdvertisingData
from bumble.device import Advertisement, Connection, Device, Peer

if TYPE_CHECKING:
    from collections.abc import Callable

_PROPERTIES = {
    0x02: "read",
    0x04: "write-without-response",
    0x08: "write",
    0x10: "notify",
    0x20: "indicate",
}
_TYPE = AdvertisingData.Type


class Radio:
    """One host's adapter. Tests set what goes wrong in its Bluetooth stack."""

    def __init__(self, central: Device, *, mtu: int = 517) -> None:
        self.central = central
        self.mtu = mtu
        self.scanners: set[object] = set()
        self.named: set[str] = set()
        self.lose_notifications = 0
        """How many of the next ones the stack drops above the link layer."""
        self.lose_when: Callable[[bytes], bool] = lambda _: False
        self.fail_next: list[Exception] = []
        """Raised by the next connects, one each."""
        self.hang: set[str] = set()
        """Names of calls that never come back: scan, connect, read, write, subscribe."""
        self.hung = asyncio.Event()
        """Set once a call hangs."""
        self.pair_on_connect = False
        """Whether the stack pairs by itself; where it has a bond, it encrypts in any case."""
        self.mtus: list[int] = []

    def notified(self, value: bytes) -> bool:
        if self.lose_notifications:
            self.lose_notifications -= 1
            return False
        return not self.lose_when(value)

    async def maybe_hang(self, call: str) -> None:
        if call in self.hang:
            self.hung.set()
            await asyncio.Event().wait()

    async def scan(self) -> None:
        if self.scanners and not self.central.is_scanning:
            await self.central.start_scanning(active=True, legacy=True, filter_duplicates=False)
        elif not self.scanners and self.central.is_scanning:
            await self.central.stop_scanning()


def _uuid(uuid: UUID) -> str:
    return normalize_uuid_str(uuid.to_hex_str("-"))


def _uuids(octets: bytes, size: int) -> list[str]:
    return [_uuid(UUID.from_bytes(octets[at : at + size])) for at in range(0, len(octets), size)]


def _seen(
    advertisement: Advertisement, before: AdvertisementData | None, *, named: bool
) -> AdvertisementData:
    """Add an advertisement to what the stack remembers of the device, as BlueZ does."""
    name = before.local_name if before else None
    uuids = list(before.service_uuids) if before else []
    maker = dict(before.manufacturer_data) if before else {}
    for kind, octets in advertisement.data.ad_structures:
        match kind:
            case _TYPE.COMPLETE_LOCAL_NAME | _TYPE.SHORTENED_LOCAL_NAME:
                name = octets.decode("utf-8", "replace") if named else None
            case _TYPE.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS:
                uuids = sorted({*uuids, *_uuids(octets, 2)})
            case _TYPE.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS:
                uuids = sorted({*uuids, *_uuids(octets, 16)})
            case _TYPE.MANUFACTURER_SPECIFIC_DATA:
                maker[int.from_bytes(octets[:2], "little")] = octets[2:]
    return AdvertisementData(name, maker, {}, uuids, None, advertisement.rssi, (advertisement,))


class Scanner(BaseBleakScanner):
    _radio: Radio

    def __init__(self, detection_callback, service_uuids, scanning_mode="active", **_):
        super().__init__(detection_callback, service_uuids)

    async def start(self) -> None:
        self.seen_devices = {}
        await self._radio.maybe_hang("scan")
        self._radio.central.on(Device.EVENT_ADVERTISEMENT, self._advertised)
        self._radio.scanners.add(self)
        await self._radio.scan()

    async def stop(self) -> None:
        self._radio.central.remove_listener(Device.EVENT_ADVERTISEMENT, self._advertised)
        self._radio.scanners.discard(self)
        await self._radio.scan()

    def _advertised(self, advertisement: Advertisement) -> None:
        address = advertisement.address.to_string(with_type_qualifier=False)
        _, before = self.seen_devices.get(address, (None, None))
        seen = _seen(advertisement, before, named=address in self._radio.named)
        self._radio.named.add(address)
        if self.is_allowed_uuid(seen.service_uuids):
            details = {"address": advertisement.address}
            device = self.create_or_update_device(address, address, seen.local_name, details, seen)
            self.call_detection_callbacks(device, seen)


class Client(BaseBleakClient):
    _radio: Radio

    def __init__(self, device, services=None, *, disconnected_callback=None, timeout=10.0, **_):
        super().__init__(device, disconnected_callback=disconnected_callback, timeout=timeout)
        self._target: hci.Address = device.details["address"]
        self._connection: Connection | None = None
        self._peer: Peer | None = None
        self._subscriptions: dict[int, object] = {}

    @property
    def name(self) -> str:
        return self.address

    @property
    def mtu_size(self) -> int:
        return 23

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    async def connect(self, pair=False, **_) -> None:
        if self._radio.fail_next:
            raise self._radio.fail_next.pop(0)
        await self._radio.maybe_hang("connect")
        try:
            connection = await self._radio.central.connect(
                self._target,
                transport=core.PhysicalTransport.LE,
                own_address_type=hci.OwnAddressType.RANDOM,
                timeout=self._timeout,
            )
        except core.TimeoutError as error:
            raise TimeoutError(str(error)) from error
        except (core.BaseBumbleError, hci.HCI_Error) as error:
            raise BleakDeviceNotFoundError(self.address, "the device was not found") from error
        self._connection = connection
        self._peer = Peer(connection)
        connection.once(Connection.EVENT_DISCONNECTION, self._disconnected)
        async with self._call() as peer:
            if await self._radio.central.keystore.get(str(connection.peer_address)):
                await connection.encrypt()
            elif self._radio.pair_on_connect:
                await connection.pair()
            await peer.request_mtu(self._radio.mtu)
            self._radio.mtus.append(connection.att_mtu)
            self.services = await self._discover(peer, connection)

    async def _discover(self, peer, connection) -> BleakGATTServiceCollection:
        found = BleakGATTServiceCollection()
        for each in await peer.discover_services():
            service = BleakGATTService(each, each.handle, _uuid(each.uuid))
            found.add_service(service)
            for inner in await each.discover_characteristics():
                characteristic = BleakGATTCharacteristic(
                    inner,
                    inner.handle,
                    _uuid(inner.uuid),
                    [name for bit, name in _PROPERTIES.items() if int(inner.properties) & bit],
                    lambda: connection.att_mtu - 3,
                    service,
                )
                found.add_characteristic(characteristic)
                for low in await inner.discover_descriptors():
                    found.add_descriptor(
                        BleakGATTDescriptor(low, low.handle, _uuid(low.type), characteristic)
                    )
        return found

    def _disconnected(self, _reason: int) -> None:
        self._connection = self._peer = None
        self._subscriptions.clear()
        if self._disconnected_callback:
            asyncio.get_running_loop().call_soon(self._disconnected_callback)

    async def disconnect(self) -> None:
        if self._connection is not None:
            connection, gone = self._connection, asyncio.Event()
            connection.once(Connection.EVENT_DISCONNECTION, lambda _: gone.set())
            await connection.disconnect()
            await gone.wait()

    async def pair(self, *_, **__) -> None:
        async with self._call():
            await self._connection.pair()

    async def unpair(self) -> None:
        await self._radio.central.keystore.delete(self.address)

    @contextlib.asynccontextmanager
    async def _call(self, what: str = ""):
        if self._peer is None:
            raise BleakError("Not connected")
        await self._radio.maybe_hang(what)
        try:
            yield self._peer
        except att.ATT_Error as error:
            raise BleakGATTProtocolError(int(error.error_code)) from error
        except asyncio.CancelledError as error:
            # Bumble cancels what waits for an answer when the connection goes.
            if self._connection is None and not asyncio.current_task().cancelling():
                raise BleakError("disconnected") from error
            raise
        except core.BaseBumbleError as error:
            raise BleakError(str(error) or type(error).__name__) from error

    async def read_gatt_char(self, characteristic, **_) -> bytearray:
        async with self._call("read") as peer:
            return bytearray(await peer.read_value(characteristic.obj))

    async def read_gatt_descriptor(self, descriptor, **_) -> bytearray:
        async with self._call("read") as peer:
            return bytearray(await peer.read_value(descriptor.obj))

    async def write_gatt_char(self, characteristic, data, response) -> None:
        async with self._call("write") as peer:
            if not response and len(data) > self._connection.att_mtu - 3:
                raise BleakError("longer than one packet")
            await peer.write_value(characteristic.obj, bytes(data), with_response=response)

    async def write_gatt_descriptor(self, descriptor, data) -> None:
        async with self._call("write") as peer:
            await peer.write_value(descriptor.obj, bytes(data), with_response=True)

    async def start_notify(self, characteristic, callback, **_) -> None:
        def notified(value: bytes) -> None:
            if self._radio.notified(value):
                callback(bytearray(value))

        async with self._call("subscribe") as peer:
            await peer.subscribe(characteristic.obj, notified)
            self._subscriptions[characteristic.handle] = notified

    async def stop_notify(self, characteristic) -> None:
        notified = self._subscriptions.pop(characteristic.handle, None)
        async with self._call() as peer:
            await peer.unsubscribe(characteristic.obj, notified)


@contextlib.contextmanager
def installed(radio: Radio):
    """Make plain `BleakClient` and `BleakScanner` use this adapter."""
    client = type("BumbleClient", (Client,), {"_radio": radio})
    scanner = type("BumbleScanner", (Scanner,), {"_radio": radio})
    before = bleak.get_platform_client_backend_type, bleak.get_platform_scanner_backend_type
    bleak.get_platform_client_backend_type = lambda: (client, "bumble")
    bleak.get_platform_scanner_backend_type = lambda: (scanner, "bumble")
    try:
        yield
    finally:
        bleak.get_platform_client_backend_type, bleak.get_platform_scanner_backend_type = before
