"""NetworkManager's numbers and words, in ours. Source: its D-Bus reference, nm-dbus-types."""

from collections.abc import Mapping
from typing import Any, TypeVar

from device.surroundings import Connectivity, NetworkKind

_CONNECTIVITY = {
    0: Connectivity.UNKNOWN,
    1: Connectivity.NONE,
    2: Connectivity.PORTAL,
    3: Connectivity.LIMITED,
    4: Connectivity.FULL,
}

_METERED = {1: True, 2: False, 3: True, 4: False}
"""Yes, no, and NetworkManager's own guesses at both; 0 is unknown."""

_KINDS = {
    "802-11-wireless": NetworkKind.WIFI,
    "gsm": NetworkKind.CELLULAR,
    "cdma": NetworkKind.CELLULAR,
    "802-3-ethernet": NetworkKind.ETHERNET,
    "pppoe": NetworkKind.ETHERNET,
    "adsl": NetworkKind.ETHERNET,
}

_Ours = TypeVar("_Ours")

_FULL_PERCENT = 100
_STRONGEST_DBM = -20


def connectivity(manager: Mapping[str, object]) -> Connectivity:
    """Return how far the network reaches.

    Where nobody checks (Debian's default), NetworkManager takes any default route for a full
    connection. That is a guess, and no more than the route says.
    """
    found = _known(_CONNECTIVITY, manager.get("Connectivity")) or Connectivity.UNKNOWN
    if found is Connectivity.FULL and manager.get("ConnectivityCheckEnabled") is False:
        return Connectivity.UNKNOWN
    return found


def metered(manager: Mapping[str, object]) -> bool | None:
    """Say whether bytes cost on the primary connection; None: it does not know."""
    return _known(_METERED, manager.get("Metered"))


def kind(connection: Mapping[str, object]) -> NetworkKind | None:
    """Return what carries an active connection; None: its type does not say (bridge, VPN, …)."""
    return _known(_KINDS, connection.get("Type"))


def strength_dbm(access_point: Mapping[str, object]) -> int | None:
    """Estimate the level of an access point from its strength in percent.

    NetworkManager makes -90 to -20 dBm into 30 to 100 %, and clips what is beyond.
    """
    percent = access_point.get("Strength")
    if not isinstance(percent, int) or not 0 < percent <= _FULL_PERCENT:
        return None
    return percent - _FULL_PERCENT + _STRONGEST_DBM


def path(of: object) -> str | None:
    """Return an object's path; None where the property names no object."""
    return of if isinstance(of, str) and of not in {"", "/"} else None


def first_path(of: object) -> str | None:
    """Return the first path of a list of objects."""
    return path(of[0]) if isinstance(of, list | tuple) and of else None


def word(of: object) -> str | None:
    """Return a name; None where there is none."""
    return of if isinstance(of, str) and of else None


def _known(table: Mapping[Any, _Ours], key: object) -> _Ours | None:
    return table.get(key) if isinstance(key, int | str) else None
