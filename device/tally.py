"""Counts what leaves this machine on a set of connections: TLS, headers and retransmissions too."""

import socket

from device.meter import sent_bytes


class Tally:
    """What all connections together have sent; `take` gives what is new since it was last asked."""

    def __init__(self) -> None:
        self._counted: dict[CountedSocket, int] = {}
        self._over_bytes = 0

    def open_socket(self, family: int, kind: int, protocol: int) -> "CountedSocket":
        """Make a socket that is counted until it is closed."""
        opened = CountedSocket(family, kind, protocol)
        opened.tally = self
        self._counted[opened] = 0
        return opened

    def take(self) -> int:
        """Return the bytes that have left since the last call."""
        new_bytes, self._over_bytes = self._over_bytes, 0
        for each, known_bytes in self._counted.items():
            now_bytes = max(known_bytes, sent_bytes(each))
            self._counted[each] = now_bytes
            new_bytes += now_bytes - known_bytes
        return new_bytes

    def over(self, closing: "CountedSocket") -> None:
        """Take the last measure of a socket that is about to be closed."""
        known_bytes = self._counted.pop(closing, None)
        if known_bytes is not None:
            self._over_bytes += max(0, sent_bytes(closing) - known_bytes)


class CountedSocket(socket.socket):
    """A socket that tells its tally before it goes.

    No second descriptor does that: as long as one is open the other side hears of no close.
    """

    tally: Tally | None = None

    def close(self) -> None:
        """Close; the kernel forgets its figures with the descriptor."""
        if self.tally is not None and self.fileno() >= 0:
            self.tally.over(self)
        super().close()
