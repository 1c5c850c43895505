"""Canonical CBOR for small durable records: one value, one encoding, and only that is read."""

from datetime import datetime
from typing import Any, TypeVar

import cbor2
import msgspec

from device.errors import SpoolDamaged

T = TypeVar("T")


def encode(value: Any) -> bytes:
    """Encode a frozen dataclass as a CBOR map with text keys, deterministically (RFC 8949 §4.2).

    Times are RFC 3339 text under tag 0 and keep their microseconds.
    """
    plain = msgspec.to_builtins(value, builtin_types=(datetime,))
    return cbor2.dumps(plain, canonical=True)


def decode_map(blob: bytes, what: str) -> dict[Any, Any]:
    """Decode the outer map without judging what is in it.

    Raises:
        SpoolDamaged: It is no CBOR map.
    """
    try:
        plain = cbor2.loads(blob)
    except (cbor2.CBORError, ValueError, OverflowError, RecursionError) as error:
        raise SpoolDamaged(f"{what} is not CBOR: {error}") from error
    if not isinstance(plain, dict):
        raise SpoolDamaged(f"{what} is CBOR, but no map")
    return plain


def decode(blob: bytes, kind: type[T], what: str) -> T:
    """Decode one record strictly: types, no unknown key, nothing behind the end.

    Raises:
        SpoolDamaged: Not exactly what `encode` writes.
    """
    plain = decode_map(blob, what)
    try:
        value = msgspec.convert(plain, kind)
    except msgspec.ValidationError as error:
        raise SpoolDamaged(f"{what} cannot be understood: {error}") from error
    # Encoding again catches unknown keys, double keys and bytes behind the end in one comparison.
    if encode(value) != blob:
        raise SpoolDamaged(f"{what} holds more than this version writes")
    return value
