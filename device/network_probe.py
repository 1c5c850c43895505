"""What the kernel says of the network and the batteries, for boxes without services for that."""

from collections.abc import Iterator
from pathlib import Path

from device.core.surroundings import power, routes
from device.surroundings import Connectivity, NetworkKind, NetworkState, PowerState

_DEEPEST = 4
"""How many interfaces may lie on each other: a VLAN on a bridge on a bond."""

_ETHERNET_FRAMES = "1"
"""ARPHRD_ETHER, if_arp.h."""
_CABLES = {"", "bond", "bridge", "dsa", "gadget", "vlan"}
"""Kinds of devices (DEVTYPE) that speak Ethernet over a cable; a plain card has no kind."""
_MOBILE_NAMES = ("ppp", "wwan")

_DOWN = {"down", "dormant", "lowerlayerdown", "notpresent"}
"""States in which nothing leaves. Tunnels and serial lines do not know theirs (`unknown`)."""


class Probe:
    """Reads /proc and /sys; blocks for some file reads, and never raises.

    Args:
        root: Where they lie. Tests bring their own.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        # Through /proc/self also where the rest of /proc is hidden (ProcSubset=pid).
        self._tables = root / "proc" / "self" / "net"
        self._interfaces = root / "sys" / "class" / "net"
        self._supplies = root / "sys" / "class" / "power_supply"

    def network(self) -> NetworkState:
        """Look for a default route over an interface that works."""
        tables = (_read(self._tables / name) for name in ("route", "ipv6_route"))
        for interface in routes.default_interfaces(*tables):
            if _read(self._interfaces / interface / "operstate") not in _DOWN:
                return self._over(interface)
        return NetworkState(connectivity=Connectivity.NONE)

    def kind(self, interface: str) -> NetworkKind:
        """Tell what an interface is by its files in /sys/class/net."""
        return self._kind(interface, _DEEPEST)

    def power(self) -> PowerState:
        """Read every battery and supply."""
        return power.of_supplies(
            {
                name: _read(folder / name)
                for name in (
                    *("type", "scope", "present", "status", "online", "capacity"),
                    *("energy_now", "energy_full", "charge_now", "charge_full"),
                )
                if (folder / name).exists()
            }
            for folder in _entries(self._supplies)
        )

    def _over(self, interface: str) -> NetworkState:
        kind = self.kind(interface)
        wifi = kind is NetworkKind.WIFI
        return NetworkState(
            kind=kind,
            interface=interface,
            signal_dbm=routes.level_dbm(_read(self._tables / "wireless"), interface)
            if wifi
            else None,
        )

    def _kind(self, interface: str, deepest: int) -> NetworkKind:
        folder = self._interfaces / interface
        lines = _read(folder / "uevent").splitlines()
        device = next((line[8:] for line in lines if line.startswith("DEVTYPE=")), "")
        if device == "wlan" or (folder / "wireless").exists():
            return NetworkKind.WIFI
        if device == "wwan" or interface.startswith(_MOBILE_NAMES):
            return NetworkKind.CELLULAR
        lower = {
            self._kind(each.name.removeprefix("lower_"), deepest - 1)
            for each in (_entries(folder) if deepest else ())
            if each.name.startswith("lower_")
        }
        # The one that may cost: which of them carries is not said.
        for kind in (NetworkKind.CELLULAR, NetworkKind.WIFI, NetworkKind.ETHERNET):
            if kind in lower:
                return kind
        frames = _read(folder / "type") == _ETHERNET_FRAMES
        if frames and device in _CABLES and not (folder / "tun_flags").exists():
            return NetworkKind.ETHERNET
        return NetworkKind.OTHER


def _read(file: Path) -> str:
    try:
        return file.read_text(errors="replace").strip()
    except OSError:
        return ""  # the interface or the supply has just gone, or this kernel knows no such file


def _entries(folder: Path) -> Iterator[Path]:
    try:
        yield from sorted(folder.iterdir())
    except OSError:
        return
