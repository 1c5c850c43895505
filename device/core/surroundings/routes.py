"""The kernel's own tables of the way out: /proc/net/route, ipv6_route and wireless."""

from collections.abc import Iterator
from dataclasses import dataclass

_UP = 0x1
_REJECT = 0x200
_NOWHERE = "0" * 32


@dataclass(frozen=True, slots=True, kw_only=True)
class _Route:
    family: int
    metric: int
    interface: str


def default_interfaces(ipv4: str, ipv6: str) -> tuple[str, ...]:
    """Name the interfaces that default routes lead through, the preferred one first.

    IPv4 comes before IPv6: their metrics are not made to be compared.

    Args:
        ipv4: What /proc/net/route holds (fields: proc_pid_net(5)).
        ipv6: What /proc/net/ipv6_route holds. The kernel keeps a route there that refuses all.
    """
    routes = sorted((*_ipv4(ipv4), *_ipv6(ipv6)), key=lambda route: (route.family, route.metric))
    return tuple(dict.fromkeys(route.interface for route in routes))


def level_dbm(wireless: str, interface: str) -> int | None:
    """Return how strong the station hears its access point, of what /proc/net/wireless holds."""
    for line in wireless.splitlines():
        name, colon, rest = line.strip().partition(":")
        fields = rest.split()
        if colon and name == interface and len(fields) > 2:  # noqa: PLR2004 - status, link, level
            level = _number(fields[2].removesuffix("."), 10)
            # A level that is no negative number is in units of the driver's own.
            return level if level is not None and level < 0 else None
    return None


def _ipv4(table: str) -> Iterator[_Route]:
    for line in table.splitlines()[1:]:
        match line.split():
            case [interface, "00000000", _, flags, _, _, metric, "00000000", *_]:
                yield from _route(4, interface, flags, _number(metric, 10))
            case _:
                continue


def _ipv6(table: str) -> Iterator[_Route]:
    for line in table.splitlines():
        match line.split():
            case [to, "00", _, _, _, metric, _, _, flags, interface] if to == _NOWHERE:
                yield from _route(6, interface, flags, _number(metric, 16))
            case _:
                continue


def _route(family: int, interface: str, flags: str, metric: int | None) -> Iterator[_Route]:
    bits = _number(flags, 16)
    if metric is None or bits is None or not bits & _UP or bits & _REJECT or interface == "lo":
        return
    yield _Route(family=family, metric=metric, interface=interface)


def _number(text: str, base: int) -> int | None:
    try:
        return int(text, base)
    except ValueError:
        return None
