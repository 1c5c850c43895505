"""Read what a simulated Bota recorder shall do wrong, as a person writes it: `cuts=200,400`."""

import types
from collections.abc import Iterable
from dataclasses import fields
from difflib import get_close_matches
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

from device.core.bota_ble.switches import Switches
from device.errors import UsageInvalid

_NAME_BYTES = 26
"""An advertisement's 31, less flags and the name's own header."""
_LEAST_MTU, _LARGEST_MTU = 23, 517

NAMES = tuple(sorted(field.name.replace("_", "-") for field in fields(Switches)))


def read_faults(written: Iterable[str]) -> Switches:
    """Read `NAME` or `NAME=VALUE` each; numbers may be `7`, `0x21`, `7,9` or `100-111`.

    Raises:
        UsageInvalid: No such switch, or a value that it cannot have.
    """
    hints = get_type_hints(Switches)
    values: dict[str, Any] = {}
    for each in written:
        name, given, value = each.partition("=")
        switch = name.replace("-", "_")
        if switch not in hints:
            near = get_close_matches(name, NAMES, 1)
            raise UsageInvalid(
                f"a Bota recorder has no fault {name!r}",
                hint=f"did you mean {near[0]}?" if near else f"there are {', '.join(NAMES)}",
            )
        try:
            values[switch] = _read(hints[switch], value if given else None)
        except (ValueError, KeyError) as error:
            raise UsageInvalid(
                f"{each!r} is no value of this fault", hint=_wanted(name, hints[switch])
            ) from error
    switches = Switches(**values)
    if len(switches.name.encode()) > _NAME_BYTES:
        raise UsageInvalid(f"an advertisement has room for a name of {_NAME_BYTES} bytes")
    if any(not _LEAST_MTU <= mtu <= _LARGEST_MTU for mtu in switches.mtus):
        raise UsageInvalid(f"an ATT MTU is from {_LEAST_MTU} to {_LARGEST_MTU}")
    return switches


def _read(kind: Any, value: str | None) -> Any:
    if kind is bool:
        if value is not None:
            raise ValueError("it is there or not")
        return True
    if value is None:
        raise ValueError("it needs a value")
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind[value.replace("-", "_").upper()]
    if get_origin(kind) in (frozenset, tuple):
        return get_origin(kind)(_numbers(value))
    if get_origin(kind) in (Union, types.UnionType):
        kind = next(each for each in get_args(kind) if each is not types.NoneType)
    return int(value, 0) if kind is int else kind(value)


def _numbers(value: str) -> Iterable[int]:
    for part in value.split(","):
        first, ranged, last = part.partition("-")
        yield from range(int(first, 0), int(last if ranged else first, 0) + 1)


def _wanted(name: str, kind: Any) -> str:
    if kind is bool:
        return f"{name} alone"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"{name}= one of {', '.join(each.name.lower().replace('_', '-') for each in kind)}"
    return (
        f"{name}=7,9 or {name}=100-111" if get_origin(kind) in (frozenset, tuple) else f"{name}=1"
    )
