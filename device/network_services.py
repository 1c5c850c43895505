"""NetworkManager, ModemManager and UPower: what they say of the network and of the battery."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from device.core.surroundings import modem, network_manager, power
from device.network_bus import SystemBus
from device.surroundings import NetworkKind, NetworkState, PowerState

_NM = "org.freedesktop.NetworkManager"
_NM_PATH = "/org/freedesktop/NetworkManager"
_NM_ACTIVE = "org.freedesktop.NetworkManager.Connection.Active"
_NM_DEVICE = "org.freedesktop.NetworkManager.Device"
_NM_WIRELESS = "org.freedesktop.NetworkManager.Device.Wireless"
_NM_ACCESS_POINT = "org.freedesktop.NetworkManager.AccessPoint"

_MM = "org.freedesktop.ModemManager1"
_MM_PATH = "/org/freedesktop/ModemManager1"
_OBJECTS = "org.freedesktop.DBus.ObjectManager"

_UPOWER = "org.freedesktop.UPower"
_UPOWER_DISPLAY = "/org/freedesktop/UPower/devices/DisplayDevice"
_UPOWER_DEVICE = "org.freedesktop.UPower.Device"

LISTENED = {
    # A wireless device tells of its bit rate every few seconds: it is not listened to.
    _NM: (_NM, _NM_ACTIVE, _NM_DEVICE, _NM_ACCESS_POINT),
    _MM: (_OBJECTS, modem.MODEM, modem.REGISTRATION, modem.SIGNAL),
    _UPOWER: (_UPOWER_DEVICE,),
}
"""What a `SystemBus` for these services listens to."""

MEASURED_S = 30
"""How often a modem shall measure its signal."""


class Services:
    """Puts together what they say.

    Args:
        bus: Where they are.
        kind_of: What an interface is where NetworkManager's word does not say: of a bridge, say.
    """

    def __init__(self, bus: SystemBus, kind_of: Callable[[str], Awaitable[NetworkKind]]) -> None:
        self._bus = bus
        self._kind_of = kind_of

    async def network(self) -> NetworkState | None:
        """Return what NetworkManager knows of the way out; None: it is not there.

        `kind` is None where it knows none. There may be one all the same: interfaces that
        /etc/network/interfaces names are none of its business.
        """
        manager = await self._bus.properties(_NM, _NM_PATH, _NM)
        if manager is None:
            return None
        connectivity = network_manager.connectivity(manager)
        active_path = network_manager.path(manager.get("PrimaryConnection"))
        active = active_path and await self._bus.properties(_NM, active_path, _NM_ACTIVE)
        if not active:
            return NetworkState(connectivity=connectivity)
        device_path = network_manager.first_path(active.get("Devices"))
        device = device_path and await self._bus.properties(_NM, device_path, _NM_DEVICE)
        if not device_path or not device:
            return NetworkState(connectivity=connectivity)
        control = network_manager.word(device.get("Interface"))
        interface = network_manager.word(device.get("IpInterface")) or control
        kind = network_manager.kind(active)
        if kind is None:
            kind = await self._kind_of(interface) if interface else NetworkKind.OTHER
        state = NetworkState(
            kind=kind,
            connectivity=connectivity,
            metered=network_manager.metered(manager),
            interface=interface,
        )
        match kind:
            case NetworkKind.WIFI:
                return replace(state, signal_dbm=await self._strength_dbm(device_path))
            case NetworkKind.CELLULAR:
                return await self.mobile(state, control)
            case _:
                return state

    async def mobile(self, state: NetworkState, control: str | None = None) -> NetworkState:
        """Add what ModemManager knows of the modem behind a mobile network.

        Args:
            state: The network.
            control: The modem's control port, where it is known.
        """
        objects = await self._bus.objects(_MM, _MM_PATH)
        names = frozenset(name for name in (state.interface, control) if name)
        path = modem.carrier(objects, names) if objects else None
        if not objects or path is None:
            return state
        if modem.measures_nothing(objects[path]):
            # Needs the right to control modems (polkit); the quality in percent has to do without.
            await self._bus.once(_MM, path, f"{modem.SIGNAL}.Setup", "u", [MEASURED_S])
        found = modem.mobile(objects[path])
        return replace(state, radio=found.radio, roaming=found.roaming, signal_dbm=found.signal_dbm)

    async def power(self) -> PowerState | None:
        """Return what UPower knows of the battery; None: it is not there."""
        display = await self._bus.properties(_UPOWER, _UPOWER_DISPLAY, _UPOWER_DEVICE)
        return None if display is None else power.of_upower(display)

    async def _strength_dbm(self, device_path: str) -> int | None:
        wireless = await self._bus.properties(_NM, device_path, _NM_WIRELESS) or {}
        path = network_manager.path(wireless.get("ActiveAccessPoint"))
        heard = path and await self._bus.properties(_NM, path, _NM_ACCESS_POINT)
        return network_manager.strength_dbm(heard) if heard else None
