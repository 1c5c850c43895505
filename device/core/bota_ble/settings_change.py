"""Change single settings of a Bota recorder, and leave every other bit as it was (§5.2)."""

from collections.abc import Mapping
from dataclasses import fields, replace
from enum import Enum

from device.core.bota_ble.settings import (
    LONG_BYTES,
    SHORT_BYTES,
    DeviceSettings,
    Way,
    encode_settings,
    parse_settings,
)

NAMES = tuple(field.name for field in fields(DeviceSettings))
LATE = ("flush_s", "heartbeat_wifi", "heartbeat_lte")
"""What only the long form holds."""

Value = bool | int | tuple[Way, ...]


class Form(Enum):
    """How much a recorder's bytes say."""

    LONG = "long"
    SHORT = "short"
    """Version 1, or version 2 cut to its length."""
    BLANK = "blank"
    """Nothing, or erased memory: the recorder works with its firmware's defaults."""
    UNKNOWN = "unknown"
    """A version that nobody has written down; it must not be overwritten."""


_PLACES = {
    "wifi": (1, 1, 0x01),
    "lte": (1, 1, 0x02),
    "preference": (2, 3, 0xFF),
    "lte_idle_s": (5, 1, 0xFF),
    "wifi_idle_s": (6, 1, 0xFF),
    "streaming": (7, 1, 0xFF),
    "flush_s": (8, 1, 0xFF),
    # Bit 7 says that the others count; one of them cannot be changed without it.
    "heartbeat_wifi": (9, 1, 0x83),
    "heartbeat_lte": (9, 1, 0x83),
}
"""Name → first byte, bytes, bits."""

_ERASED = (0x00, 0xFF)


def form_of(value: bytes) -> Form:
    """Tell which form DEVICE_SETTINGS has."""
    if len(value) < SHORT_BYTES or value[0] in _ERASED:
        return Form.BLANK
    if value[0] not in (1, 2):
        return Form.UNKNOWN
    return Form.LONG if value[0] > 1 and len(value) >= LONG_BYTES else Form.SHORT


def defaulted(form: Form) -> tuple[str, ...]:
    """Return the names of settings that a recorder does not hold; its defaults stand for them."""
    match form:
        case Form.LONG:
            return ()
        case Form.SHORT:
            return LATE
        case _:
            return NAMES


def rewritten(value: bytes, changes: Mapping[str, Value]) -> bytes:
    """Return DEVICE_SETTINGS with some settings changed. The short form grows only if it must.

    Args:
        value: What the recorder holds.
        changes: Values by field name of `DeviceSettings`.

    Raises:
        ValueError: The form is unknown, or a value is not what a recorder can hold.
    """
    form = form_of(value)
    if form is Form.UNKNOWN:
        raise ValueError(f"settings of version {value[0]} are not known")
    held = parse_settings(value)
    if form is Form.BLANK:
        return encode_settings(_with(held, changes))
    # Whatever is preferred now may be what no recorder should hold; it is not ours to refuse.
    fresh = encode_settings(_with(replace(held, preference=()), changes))
    whole = bytearray(value)
    if form is Form.SHORT and not changes.keys().isdisjoint(LATE):
        whole[SHORT_BYTES:] = fresh[SHORT_BYTES:]
        whole[0] = fresh[0]
    for name in changes:
        first, size, bits = _PLACES[name]
        for at in range(first, first + size):
            whole[at] = whole[at] & ~bits | fresh[at] & bits
    return bytes(whole)


def _with(settings: DeviceSettings, changes: Mapping[str, Value]) -> DeviceSettings:
    return replace(settings, **changes)  # type: ignore[arg-type]
