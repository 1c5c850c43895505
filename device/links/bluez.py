"""BlueZ's own switches over D-Bus, for when it is stuck: disconnect, forget, power off and on."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dbus_fast.message import Message

_BLUEZ = "org.bluez"
_ADAPTER = "org.bluez.Adapter1"
_DEVICE = "org.bluez.Device1"
_PROPERTIES = "org.freedesktop.DBus.Properties"

SWITCH_S = 4.0
"""What BlueZ may take to switch an adapter off, and to switch it on."""

Objects = dict[str, dict[str, dict[str, Any]]]
Call = Callable[["Message"], Awaitable["Message"]]


class Bluez:
    """The switches. `call` sends one D-Bus message and returns its answer."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def disconnect(self, address: str) -> bool:
        """End a connection to this device that nobody of us holds; False: there is none.

        Raises:
            OSError: BlueZ refuses, or is not there.
        """
        connected = False
        for path, device in await self._devices(address):
            if device.get("Connected"):
                await self._ask(path, _DEVICE, "Disconnect")
                connected = True
        return connected

    async def forget(self, address: str) -> bool:
        """Remove what BlueZ remembers of this device; False: it knows nothing, or has a bond.

        A bond is never removed: the owner would have to pair the recorder again.

        Raises:
            OSError: BlueZ refuses, or is not there.
        """
        forgotten = False
        for path, device in await self._devices(address):
            if not (device.get("Paired") or device.get("Bonded")):
                await self._ask(path.rpartition("/")[0], _ADAPTER, "RemoveDevice", "o", [path])
                forgotten = True
        return forgotten

    async def power_cycle(self, adapter: str | None) -> bool:
        """Switch the adapter (None: the only one) off and on; False: there is not just one.

        Raises:
            OSError: BlueZ refuses, or is not there.
        """
        paths = [path for path, each in (await self._objects()).items() if _ADAPTER in each]
        paths = [path for path in paths if adapter in (None, path.rpartition("/")[2])]
        if len(paths) != 1:
            return False
        # Whoever waits may be stopped; an adapter that stays off is of use to nobody, and no step
        # of the recovery would turn it on again: that could have been its owner's wish.
        cycling = asyncio.create_task(self._off_and_on(paths[0]), name="power cycle")
        try:
            await asyncio.shield(cycling)
        except asyncio.CancelledError:
            await asyncio.gather(cycling, return_exceptions=True)
            raise
        return True

    async def _off_and_on(self, path: str) -> None:
        try:
            async with asyncio.timeout(SWITCH_S):
                await self._set_powered(path, on=False)
        finally:
            async with asyncio.timeout(SWITCH_S):
                await self._set_powered(path, on=True)

    async def _set_powered(self, path: str, *, on: bool) -> None:
        from dbus_fast.signature import Variant  # noqa: PLC0415 - rarely needed

        await self._ask(path, _PROPERTIES, "Set", "ssv", [_ADAPTER, "Powered", Variant("b", on)])

    async def _devices(self, address: str) -> list[tuple[str, dict[str, Any]]]:
        return [
            (path, each[_DEVICE])
            for path, each in (await self._objects()).items()
            if each.get(_DEVICE, {}).get("Address") == address
        ]

    async def _objects(self) -> Objects:
        """Return BlueZ's objects by path, interface and property, without their D-Bus wrapping."""
        manager = "org.freedesktop.DBus.ObjectManager"
        (found,) = await self._ask("/", manager, "GetManagedObjects")
        return {
            path: {
                interface: {name: each.value for name, each in properties.items()}
                for interface, properties in interfaces.items()
            }
            for path, interfaces in found.items()
        }

    async def _ask(
        self, path: str, interface: str, member: str, signature: str = "", body: Any = ()
    ) -> list[Any]:
        from dbus_fast.constants import MessageType  # noqa: PLC0415 - rarely needed
        from dbus_fast.message import Message  # noqa: PLC0415 - as above

        message = Message(
            destination=_BLUEZ,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
        )
        answer = await self._call(message)
        if answer.message_type is MessageType.ERROR:
            raise OSError(f"{member}: {answer.error_name} {answer.body}")
        return answer.body


async def call_system_bus(message: "Message") -> "Message":
    """Send one message over a connection of its own to the system bus.

    Raises:
        OSError: There is no bus, or it ended.
    """
    from dbus_fast.aio import MessageBus  # noqa: PLC0415 - rarely needed
    from dbus_fast.constants import BusType  # noqa: PLC0415 - as above
    from dbus_fast.errors import DBusFastError  # noqa: PLC0415 - as above

    bus = MessageBus(bus_type=BusType.SYSTEM)
    try:
        await bus.connect()
        answer = await bus.call(message)
    except (DBusFastError, EOFError) as error:
        raise OSError(str(error)) from error
    finally:
        bus.disconnect()
    if answer is None:
        raise OSError("the bus gave no answer")
    return answer
