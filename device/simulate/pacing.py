"""One direction of a UART: bytes in, bytes out no faster than the line, by arithmetic alone."""

import math

from device.simulate.faults import Damage

BITS_PER_BYTE_8N1 = 10


class PacedPipe:
    """A bounded FIFO that empties at the line's rate.

    Time is an argument (seconds, monotonic). Credit is counted from the moment the line became
    busy, so rounding never accumulates, and an idle line saves none up.
    """

    def __init__(self, *, bytes_per_s: float, fifo_bytes: int, damage: Damage) -> None:
        self._rate = bytes_per_s
        self._fifo_bytes = fifo_bytes
        self._damage = damage
        self._waiting = bytearray()
        self._busy_since: float | None = None
        self._busy_bytes = 0
        self.crossed_bytes = 0
        self._stops: list[int] = []

    @property
    def room_bytes(self) -> int:
        """How much more the FIFO takes now."""
        return self._fifo_bytes - len(self._waiting)

    @property
    def waiting_bytes(self) -> int:
        """How much is on its way."""
        return len(self._waiting)

    def stop_at(self, crossed_bytes: int) -> None:
        """Hold the line at this count of bytes, so that something can happen there."""
        self._stops = sorted({*self._stops, crossed_bytes})

    @property
    def at_stop(self) -> bool:
        """Whether the line holds at a stop."""
        return bool(self._stops) and self._stops[0] <= self.crossed_bytes

    def pass_stop(self) -> None:
        """Go on after a stop."""
        self._stops.pop(0)

    def push(self, chunk: bytes, now: float) -> None:
        """Put bytes in; the caller keeps within `room_bytes`."""
        if self._busy_since is None:
            self._busy_since, self._busy_bytes = now, 0
        self._waiting += chunk

    def take(self, now: float) -> bytes:
        """Return what has reached the far end by `now`, damaged as planned."""
        due = min(self._due_bytes(now), len(self._waiting))
        if self._stops:
            due = min(due, self._stops[0] - self.crossed_bytes)
        if due <= 0:
            return b""
        chunk = bytes(self._waiting[:due])
        del self._waiting[:due]
        self.crossed_bytes += due
        self._busy_bytes += due
        return self._damage.apply(chunk)

    def idle(self) -> None:
        """Nothing waits and nothing came: the line rests and earns no credit."""
        if not self._waiting:
            self._busy_since = None

    def stall(self, now: float) -> None:
        """The far end takes nothing more: the line waits, and this time earns no credit."""
        self._busy_since, self._busy_bytes = now, 0

    def clear(self) -> None:
        """Lose what is on its way, as an unplugged cable does."""
        self._waiting.clear()
        self._busy_since = None

    def _due_bytes(self, now: float) -> int:
        if self._busy_since is None:
            return 0
        if math.isinf(self._rate):
            return len(self._waiting)
        return int((now - self._busy_since) * self._rate) - self._busy_bytes
