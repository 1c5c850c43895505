"""Strict CBOR maps to and from message classes, driven by their annotations (PROTOCOL.md §4)."""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from typing import Any, NoReturn, TypeVar, get_type_hints

import cbor2

from device.core.link.wire import At
from device.errors import ProtocolViolation

MAX_DEPTH = 4
"""A message, its array or map, and one level that a newer version may add."""

_END = b"end of map"

T = TypeVar("T")


def pack(message: Any) -> dict[int, object]:
    """Return the map of a message's fields, absent ones left out, in ascending key order."""
    return {
        at.key: value
        for name, at, _ in layout(type(message))
        if (value := getattr(message, name)) is not None
    }


def unpack(kind: type[T], found: Mapping[object, object]) -> T:
    """Build a message from a decoded map; unknown keys are ignored.

    Raises:
        ProtocolViolation: A field is missing or is not what the specification allows there.
    """
    values = {}
    for name, at, needed in layout(kind):
        value = found.get(at.key)
        if value is None:
            if needed:
                raise ProtocolViolation(f"{kind.__name__} without its {name} (key {at.key})")
        elif at.fits(value):
            values[name] = value
        else:
            raise ProtocolViolation(f"{kind.__name__} with an impossible {name} (key {at.key})")
    return kind(**values)


def encode_map(found: Mapping[int, object]) -> bytes:
    """Encode a map in CBOR's deterministic form (shortest heads, definite lengths)."""
    return cbor2.dumps(dict(sorted(found.items())))


def decode_map(encoded: bytes) -> Mapping[object, object]:
    """Decode exactly one CBOR map of the subset that the specification allows.

    Raises:
        ProtocolViolation: It is something else: no map, tags, indefinite lengths, keys twice, bytes
            behind it, nested too deep, cut short.
    """
    try:
        # Inside an array of two, so that anything behind the map stands where the mark should.
        found, mark = cbor2.loads(
            b"\x82" + encoded + cbor2.dumps(_END),
            semantic_decoders=_NoTags(),
            max_depth=MAX_DEPTH + 1,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            immutable=True,
        )
    except (cbor2.CBORError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise ProtocolViolation("a control message that is no plain CBOR") from error
    if mark != _END:
        raise ProtocolViolation("a control message with bytes behind it")
    if not isinstance(found, Mapping):
        raise ProtocolViolation("a control message that is no map")
    return found


def layout(kind: type) -> tuple[tuple[str, At, bool], ...]:
    """Return (field name, place on the wire, whether it is required) by ascending key."""
    if kind not in _LAYOUTS:
        hints = get_type_hints(kind, include_extras=True)
        _LAYOUTS[kind] = tuple(sorted(_places(kind, hints), key=lambda place: place[1].key))
    return _LAYOUTS[kind]


_LAYOUTS: dict[type, tuple[tuple[str, At, bool], ...]] = {}


def _places(kind: Any, hints: Mapping[str, Any]) -> Iterator[tuple[str, At, bool]]:
    for field in fields(kind):
        (at,) = (extra for extra in hints[field.name].__metadata__ if isinstance(extra, At))
        yield field.name, at, field.default is MISSING


class _NoTags(dict[int, Any]):
    """Stands in for the decoders of CBOR tags, of which some compile or fetch: none is allowed."""

    def __contains__(self, tag: object) -> bool:
        return True

    def __getitem__(self, tag: int) -> Any:
        return self.get(tag)

    def get(self, tag: int, default: Any = None) -> Any:  # noqa: ARG002 - the mapping's signature
        def refuse(*_: object) -> NoReturn:
            raise ProtocolViolation(f"CBOR tag {tag} in a control message")

        return refuse
