"""The types of fields in control messages: each checks one decoded CBOR value strictly."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Check = Callable[[object], bool]


@dataclass(frozen=True, slots=True)
class At:
    """Where a field stands in its map, and what may stand there; used inside `Annotated`."""

    key: int
    fits: Check


def uint(bits: int) -> Check:
    """Accept an unsigned integer of so many bits."""
    top = 1 << bits
    # CBOR's true and false arrive as bool, which Python takes for an int.
    return lambda value: type(value) is int and 0 <= value < top


def between(least: int, most: int) -> Check:
    """Accept an integer from `least` to `most`."""
    return lambda value: type(value) is int and least <= value <= most


U8 = uint(8)
U16 = uint(16)
U32 = uint(32)
U64 = uint(64)


def i64(value: object) -> bool:
    """Accept a signed integer of 64 bits."""
    return type(value) is int and -(1 << 63) <= value < 1 << 63


def flag(value: object) -> bool:
    """Accept true or false."""
    return isinstance(value, bool)


def octets(least: int, most: int | None = None) -> Check:
    """Accept a byte string of exactly `least`, or of `least` to `most`, bytes."""
    top = least if most is None else most
    return lambda value: isinstance(value, bytes) and least <= len(value) <= top


def text(most: int) -> Check:
    """Accept a text string of at most so many bytes of UTF-8."""
    return lambda value: isinstance(value, str) and len(value.encode()) <= most


def items(most: int) -> Check:
    """Accept an array of at most so many byte strings."""
    return lambda value: (
        isinstance(value, tuple)
        and len(value) <= most
        and all(isinstance(item, bytes) for item in value)
    )


def labels(most: int) -> Check:
    """Accept a map of at most so many short texts to short texts."""
    key, label = text(64), text(512)
    return lambda value: (
        isinstance(value, Mapping)
        and len(value) <= most
        and all(key(k) and label(v) for k, v in value.items())
    )


ID = octets(16)
DIGEST = octets(32)
BOOT = octets(8)
"""A number a recorder draws anew each time it starts, so that up-times can be told apart."""
