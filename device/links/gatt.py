"""A connection to one GATT server, on bleak: never waited on for ever."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from device.errors import LinkLost, LinkReason, LinkUnavailable
from device.links import bluetooth_errors
from device.links.bluetooth_place import Place, scan
from device.links.radio import Radio, radio_of

if TYPE_CHECKING:
    from bleak import BleakClient
    from bleak.backends.characteristic import BleakGATTCharacteristic
    from bleak.backends.device import BLEDevice

__all__ = ["Gatt", "Place", "open_gatt"]

logger = logging.getLogger(__name__)

CONNECT_S = 20.0
CALL_S = 10.0
CLOSE_S = 5.0


class Gatt:
    """An open connection. Every call on it ends with the connection, or at its deadline."""

    def __init__(self, where: str, radio: Radio) -> None:
        """Prepare a connection that `open_gatt` makes."""
        self._loop = asyncio.get_running_loop()
        self._where = where
        self._radio = radio
        self._client: BleakClient | None = None
        self._lost: str | None = None
        self._limits: set[asyncio.Timeout] = set()
        self._on_lost: list[Callable[[], None]] = []

    @property
    def lost(self) -> str | None:
        """Why the connection is gone; None while it is there."""
        return self._lost

    def when_lost(self, tell: Callable[[], None]) -> None:
        """Have `tell` called once when the connection goes, at once if it went already."""
        if self._lost is not None:
            tell()
        else:
            self._on_lost.append(tell)

    def offers(self, *characteristics: str) -> bool:
        """Whether the device has all these characteristics, given as lower-case UUIDs."""
        return None not in map(self._find, characteristics)

    def value_bytes(self, characteristic: str) -> int:
        """Return how many bytes one write or notification of it carries now: ATT MTU - 3.

        Asked of the characteristic: BlueZ says 23 for the connection's MTU, whatever it is.
        """
        target = self._characteristic(characteristic)
        with self._mapped():
            return target.max_write_without_response_size

    async def read(self, characteristic: str) -> bytes:
        """Read a value.

        Raises:
            LinkLost: The connection is gone, or the device does not answer.
        """
        async with self._bounded():
            return bytes(
                await self._connected().read_gatt_char(self._characteristic(characteristic))
            )

    async def write(self, characteristic: str, value: bytes, *, answered: bool = False) -> None:
        """Write a value, without response where the device offers that and nobody wants one.

        Raises:
            LinkLost: The connection is gone, or the device does not answer.
        """
        target = self._characteristic(characteristic)
        answered = answered or "write-without-response" not in target.properties
        async with self._bounded():
            await self._connected().write_gatt_char(target, value, response=answered)

    async def subscribe(self, characteristic: str, notified: Callable[[bytes], None]) -> None:
        """Have `notified` called with every value that the device sends from now on.

        BlueZ begins to pair by itself where the device wants encryption. Without an agent that
        fails, and then it leaves the call unanswered on a connection that lives.

        Raises:
            LinkUnavailable: The device refuses; it wants to be paired, most likely.
            LinkLost: The connection is gone, or the device does not answer.
        """

        def call(_: "BleakGATTCharacteristic", value: bytearray) -> None:
            notified(bytes(value))

        try:
            async with self._bounded():
                await self._connected().start_notify(self._characteristic(characteristic), call)
        except LinkLost as error:
            cause = error.__cause__
            if self._lost is None and isinstance(cause, TimeoutError):
                raise bluetooth_errors.unpaired(self._where) from cause
            if self._lost is None and isinstance(cause, Exception):
                raise bluetooth_errors.unavailable(cause, self._where) from cause
            raise

    async def connect(self, device: "BLEDevice", adapter: str | None) -> None:
        """Connect and discover. Called once, by `open_gatt`.

        Raises:
            LinkUnavailable: It does not come about.
        """
        from bleak import BleakClient  # noqa: PLC0415 - only Bluetooth recorders need it

        self._client = BleakClient(
            device,
            disconnected_callback=lambda _: self._lose("the other side, or the distance, ended it"),
            timeout=CONNECT_S,
            bluez={"adapter": adapter} if adapter else {},
        )
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._client.connect()
        except bluetooth_errors.foreign() as error:
            raise bluetooth_errors.unavailable(error, self._where) from error
        if self._lost is not None:
            raise LinkUnavailable(
                f"{self._where}: {self._lost} at once", reason=LinkReason.NO_ANSWER
            )
        self._radio.connections += 1
        self.when_lost(self._count_down)

    async def aclose(self) -> None:
        """End the connection. Idempotent, never raises."""
        client, self._client = self._client, None
        self._lose("closed here")
        if client is None:
            return
        try:
            async with asyncio.timeout(CLOSE_S):
                await client.disconnect()
        except bluetooth_errors.foreign() as error:
            logger.debug(
                "disconnecting failed", extra={"recorder": self._where, "problem": str(error)}
            )

    @asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        """Bound calls by a deadline and by the connection's end, whichever comes first.

        A stack may leave a call unanswered when the connection goes, so its end moves the deadline.
        """
        self._connected()
        limit = asyncio.timeout(CALL_S)
        self._limits.add(limit)
        try:
            with self._mapped():
                async with limit:
                    yield
        finally:
            self._limits.discard(limit)

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            raise bluetooth_errors.gone(
                self._lost or f"{self._where}: no answer in {CALL_S:.0f} s"
            ) from error
        except bluetooth_errors.foreign() as error:
            if self._lost is not None:
                raise bluetooth_errors.gone(self._lost) from error
            raise bluetooth_errors.lost(error, self._where) from error

    def _connected(self) -> "BleakClient":
        if self._client is None or self._lost is not None:
            raise bluetooth_errors.gone(self._lost or f"{self._where}: not connected")
        return self._client

    def _find(self, characteristic: str) -> "BleakGATTCharacteristic | None":
        client = self._connected()
        with self._mapped():  # services are gone before we are told of a loss
            return client.services.get_characteristic(characteristic)

    def _characteristic(self, characteristic: str) -> "BleakGATTCharacteristic":
        found = self._find(characteristic)
        if found is None:
            raise bluetooth_errors.gone(f"{self._where}: the device no longer has {characteristic}")
        return found

    def _count_down(self) -> None:
        self._radio.connections -= 1

    def _lose(self, why: str) -> None:
        if self._lost is not None:
            return
        self._lost = f"{self._where}: the Bluetooth connection is gone ({why})"
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(self._loop.time())
        for tell in self._on_lost:
            tell()
        self._on_lost.clear()


async def open_gatt(place: Place, *characteristics: str, recovers: bool = True) -> Gatt:
    """Find a device, connect, and see that it offers these characteristics.

    One of these runs at a time on an adapter. A failure that a stuck Bluetooth stack gives makes
    the adapter's recovery take its next step, for the caller's next try; but not with `recovers`
    off, for who tries once: the connection in the way may be that of an agent at work.

    Raises:
        LinkUnavailable: It does not come about; its reason says why.
    """
    radio = radio_of(place.adapter)
    gatt = Gatt(f"ble://{place.target}", radio)
    async with radio.turn, contextlib.AsyncExitStack() as undo:
        undo.push_async_callback(gatt.aclose)
        address = place.address
        try:
            device = await scan(place)
            address = device.address
            await gatt.connect(device, place.adapter)
        except LinkUnavailable as error:
            if recovers:
                await radio.failed(place.target, address, error)
            raise
        radio.reached(place.target)
        try:
            offered = gatt.offers(*characteristics)
        except LinkLost as error:
            raise LinkUnavailable(str(error), reason=LinkReason.NO_ANSWER) from error
        if not offered:
            raise LinkUnavailable(
                f"ble://{place.target}: this device does not speak the recorder's protocol",
                reason=LinkReason.NOT_A_DEVICE,
                hint="check the address, and the driver named in the configuration",
            )
        undo.pop_all()
        return gatt
