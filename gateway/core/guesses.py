"""How often codes may be tried: per address and by everybody together. Times are arguments."""

import ipaddress
from collections import deque
from math import ceil

WINDOW_S = 60.0
PER_ADDRESS = 10
"""How many failures one address may have within `WINDOW_S`."""

OVERALL = 120
"""How many everybody may have: of 2**40 codes, 1800 are tried within the life of one."""

_SIX_PREFIX = 64


class Guesses:
    """Counts tries; those that turn out right are taken back. Holds `OVERALL` entries at most.

    Each process counts by itself: a hundred of them would let 180,000 of 2**40 codes be tried.
    """

    def __init__(self) -> None:
        self._tries: deque[tuple[float, str]] = deque()

    def begin(self, address: str, now_s: float) -> int | None:
        """Count a try, before it is known to be right.

        Args:
            address: Of whoever tries.
            now_s: Of a monotonic clock.

        Returns:
            None if it may go on, else the whole seconds until the next one may.
        """
        while self._tries and self._tries[0][0] <= now_s - WINDOW_S:
            self._tries.popleft()
        same = [at for at, who in self._tries if who == address]
        waits = [same[0]] if len(same) >= PER_ADDRESS else []
        if len(self._tries) >= OVERALL:
            waits.append(self._tries[0][0])
        if waits:
            return max(1, ceil(max(waits) + WINDOW_S - now_s))
        self._tries.append((now_s, address))
        return None

    def right(self, address: str) -> None:
        """Take the last try of an address back: it was none of somebody who guesses."""
        for at in reversed(range(len(self._tries))):
            if self._tries[at][1] == address:
                del self._tries[at]
                return


def guesser(peer: str | None, forwarded: str | None) -> str:
    """Say who is trying: the peer, or whom a proxy beside this gateway names.

    Args:
        peer: The address of the connection.
        forwarded: `X-Forwarded-For`; what a proxy added itself is its last item. Only a peer on a
            private network can be such a proxy; whoever writes the header there evades the limit
            of one address, not that of all.

    Returns:
        An address; of IPv6 its /64, which is what one customer has.
    """
    named = _address(peer)
    if named is not None and named.is_private and forwarded:
        named = _address(forwarded.rpartition(",")[2].strip()) or named
    if named is None:
        return peer or ""
    if isinstance(named, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((named, _SIX_PREFIX), strict=False))
    return str(named)


def _address(text: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text or "")
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
