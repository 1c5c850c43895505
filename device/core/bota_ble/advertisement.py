"""Recognise a Bota recorder by what it advertises (§2); who it is only its serial number says."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

NAME_PREFIX = "Bota"
COMPANY_ID = 0xB07A
MAC_BYTES = 6
LEGACY_BYTES = 2
"""Of the legacy form, behind what passes for a company id: minor version and pairing state."""


class Model(StrEnum):
    """What kind of recorder it is."""

    PIN = "Bota Pin"
    PIN_4G = "Bota Pin 4G"
    NOTE = "Bota Note"


class Pairing(IntEnum):
    """PAIRING_STATE: whether a recorder has been given a token."""

    UNPAIRED = 0
    PAIRING = 1
    PAIRED = 2
    ERROR = 3

    @classmethod
    def _missing_(cls, value: object) -> "Pairing":
        """Take what nobody has written down for unpaired, as the SDKs do."""
        del value
        return cls.UNPAIRED


_MODELS = {1: Model.PIN, 2: Model.PIN_4G, 3: Model.NOTE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One advertisement or one scan response; `manufacturer` is by company id, as bleak gives."""

    name: str | None
    manufacturer: Mapping[int, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What a Bota recorder has told of itself on the air. `mac` is in the order transmitted."""

    name: str | None = None
    model: Model = Model.PIN
    mac: str | None = None
    firmware: str | None = None
    pairing: Pairing | None = None
    battery_percent: int | None = None


def recognise(reports: Iterable[Report]) -> Sighting | None:
    """Merge the reports of one address; None if it is no Bota recorder.

    The name comes in the advertisement and the manufacturer's bytes in the scan response, so that
    neither report alone says everything, and a first one may say nothing.
    """
    name: str | None = None
    manufacturer: dict[int, bytes] = {}
    for report in reports:
        name = report.name or name
        manufacturer |= report.manufacturer
    named = name is not None and name.startswith(NAME_PREFIX)
    mac = manufacturer.get(COMPANY_ID, b"")
    if len(mac) == MAC_BYTES and (named or name is None):
        return Sighting(name=name, model=model_of(name or ""), mac=mac.hex(":").upper())
    if name is None or not named:
        return None
    return _legacy(name, manufacturer) or Sighting(name=name, model=model_of(name))


def model_of(name: str) -> Model:
    """Tell the model by a name; Pin 4G before Pin, and Pin before Note (`Bota_notepin_…`)."""
    lower = name.lower()
    if "pin4g" in lower or "pin_4g" in lower:
        return Model.PIN_4G
    if "pin" in lower:
        return Model.PIN
    return Model.NOTE if "note" in lower else Model.PIN


def _legacy(name: str, manufacturer: Mapping[int, bytes]) -> Sighting | None:
    """Read `[type, major, minor, pairing, battery]`, whose first two bytes pass for a company."""
    for key, rest in manufacturer.items():
        model = _MODELS.get(key & 0xFF)
        if model is None or len(rest) < LEGACY_BYTES:
            continue
        return Sighting(
            name=name,
            model=model,
            firmware=f"{key >> 8}.{rest[0]}",
            pairing=Pairing(rest[1]),
            battery_percent=rest[2] if len(rest) > LEGACY_BYTES else None,
        )
    return None
