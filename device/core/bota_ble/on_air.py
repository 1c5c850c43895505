"""What a simulated Bota recorder advertises, as advertising data structures (§2, §10)."""

from device.core.bota_ble.advertisement import COMPANY_ID, Report
from device.core.bota_ble.switches import Switches

_FLAGS = b"\x02\x01\x06"
_NAME = 0x09
_MANUFACTURER = 0xFF
_LEGACY = bytes((1, 1, 0, 0, 76))
"""Pin, firmware 1.0, unpaired, 76 %."""


def advertising(switches: Switches) -> bytes:
    """Return the advertisement: flags and the name."""
    return _FLAGS + _structure(_NAME, switches.name.encode())


def scan_response(switches: Switches, mac: bytes) -> bytes:
    """Return the scan response: the manufacturer's bytes, which only an active scan sees."""
    if switches.legacy_advertisement:
        return _structure(_MANUFACTURER, _LEGACY)
    return _structure(_MANUFACTURER, COMPANY_ID.to_bytes(2, "little") + mac)


def report_of(structures: bytes) -> Report:
    """Read advertising data as a scanner reports it; what is cut off is left out."""
    name: str | None = None
    manufacturer: dict[int, bytes] = {}
    at = 0
    while at < len(structures):
        size = structures[at]
        kind, body = structures[at + 1 : at + 2], structures[at + 2 : at + 1 + size]
        at += 1 + size
        if kind == bytes((_NAME,)):
            name = body.decode(errors="replace")
        elif kind == bytes((_MANUFACTURER,)) and len(body) > 1:
            manufacturer[int.from_bytes(body[:2], "little")] = body[2:]
    return Report(name=name, manufacturer=manufacturer)


def _structure(kind: int, body: bytes) -> bytes:
    return bytes((1 + len(body), kind)) + body
