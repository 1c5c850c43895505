"""What surrounds the box: the network it is on and the power it has, as far as anybody can tell."""

from dataclasses import dataclass
from enum import StrEnum


class NetworkKind(StrEnum):
    """What carries the default route. Words of Bota's `connection_type` but for the last two."""

    WIFI = "wifi"
    CELLULAR = "4g"
    ETHERNET = "ethernet"
    OTHER = "other"


class Connectivity(StrEnum):
    """How far the network reaches, in NetworkManager's terms (NMConnectivityState)."""

    FULL = "full"
    LIMITED = "limited"
    """A network, and no way to the internet."""
    PORTAL = "portal"
    """Somebody must sign in on a page first."""
    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkState:
    """The way out, now. None means that nobody can tell.

    `kind` is None while there is no default route; `radio` is the modem's technology in its own
    word (`lte`), `interface` the kernel's name (`wwan0`).
    """

    kind: NetworkKind | None = None
    connectivity: Connectivity = Connectivity.UNKNOWN
    metered: bool | None = None
    roaming: bool | None = None
    signal_dbm: int | None = None
    radio: str | None = None
    interface: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerState:
    """The battery of the box itself; None where it has none or nobody can tell."""

    battery_percent: int | None = None
    charging: bool | None = None
