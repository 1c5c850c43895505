"""ModemManager's modems: which one carries a network, and how well. Source: its D-Bus reference."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MODEM = "org.freedesktop.ModemManager1.Modem"
REGISTRATION = "org.freedesktop.ModemManager1.Modem.Modem3gpp"
SIGNAL = "org.freedesktop.ModemManager1.Modem.Signal"

Interfaces = Mapping[str, Mapping[str, object]]

_CONNECTED = 11
"""MM_MODEM_STATE_CONNECTED."""

_RADIOS = (
    "pots",
    "gsm",
    "gsm-compact",
    "gprs",
    "edge",
    "umts",
    "hsdpa",
    "hsupa",
    "hspa",
    "hspa-plus",
    "1xrtt",
    "evdo0",
    "evdoa",
    "evdob",
    "lte",
    "5gnr",
    "lte-cat-m",
    "lte-nb-iot",
)
"""MMModemAccessTechnology, a word a bit."""

_ROAMING = {1: False, 5: True, 6: False, 7: True, 9: False, 10: True}
"""MMModem3gppRegistrationState; the others are no registration, or nobody knows whose it is."""

_MEASURES = ("rssi", "rsrp", "rscp")
"""What a modem hears in all comes first: it is what the quality in percent is made of."""
_TECHNOLOGIES = ("Nr5g", "Lte", "Umts", "Gsm", "Evdo", "Cdma")
_WEAKEST_DBM, _STRONGEST_DBM = -150, 0

_NO_SIGNAL_DBM, _FULL_SIGNAL_DBM = -113, -51


@dataclass(frozen=True, slots=True, kw_only=True)
class Mobile:
    """How a modem is on the air; None: it does not say."""

    radio: str | None
    roaming: bool | None
    signal_dbm: int | None


def carrier(objects: Mapping[str, Interfaces], interfaces: frozenset[str]) -> str | None:
    """Return the path of the modem behind a network.

    Args:
        objects: ModemManager's objects, by path.
        interfaces: Names of the network's interface and, where known, of its control port.

    A modem on a serial line makes a `ppp0` that is none of its ports. So where no port is named,
    the only modem that is connected is taken, or the only one there is.
    """
    modems = {path: each[MODEM] for path, each in objects.items() if MODEM in each}
    for path, modem in modems.items():
        if interfaces & set(_ports(modem)):
            return path
    connected = [path for path, modem in modems.items() if modem.get("State") == _CONNECTED]
    for only in (connected, list(modems)):
        if len(only) == 1:
            return only[0]
    return None


def mobile(modem: Interfaces) -> Mobile:
    """Describe how a modem is on the air."""
    return Mobile(
        radio=_radio(modem.get(MODEM, {}).get("AccessTechnologies")),
        roaming=_roaming(modem.get(REGISTRATION, {}).get("RegistrationState")),
        signal_dbm=_measured_dbm(modem.get(SIGNAL, {})) or _quality_dbm(modem.get(MODEM, {})),
    )


def measures_nothing(modem: Interfaces) -> bool:
    """Say whether a modem can measure its signal, and was not told how often to."""
    return SIGNAL in modem and not modem[SIGNAL].get("Rate")


def _ports(modem: Mapping[str, object]) -> Iterator[str]:
    ports = modem.get("Ports")
    for port in ports if isinstance(ports, list | tuple) else ():
        if isinstance(port, list | tuple) and port and isinstance(port[0], str):
            yield port[0]


def _radio(technologies: object) -> str | None:
    """Name the newest of the technologies in use; a modem may use two at once."""
    if not isinstance(technologies, int) or technologies <= 0:
        return None
    bit = technologies.bit_length() - 1
    return _RADIOS[bit] if bit < len(_RADIOS) else None


def _roaming(state: object) -> bool | None:
    return _ROAMING.get(state) if isinstance(state, int) else None


def _measured_dbm(signal: Mapping[str, object]) -> int | None:
    for measure in _MEASURES:
        for technology in _TECHNOLOGIES:
            values = signal.get(technology)
            value = values.get(measure) if isinstance(values, Mapping) else None
            if isinstance(value, int | float) and _WEAKEST_DBM < value < _STRONGEST_DBM:
                return round(value)
    return None


def _quality_dbm(modem: Mapping[str, object]) -> int | None:
    """Estimate from the percentage, into which ModemManager makes -113 to -51 dBm."""
    match modem.get("SignalQuality"):
        case [int(percent), *_] if 0 < percent <= 100:  # noqa: PLR2004 - percent
            span_db = _FULL_SIGNAL_DBM - _NO_SIGNAL_DBM
            return round(_NO_SIGNAL_DBM + span_db * percent / 100)
        case _:
            return None
