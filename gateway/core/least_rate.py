"""How slowly a body may come before the place it holds is worth more than its bytes."""

WINDOW_S = 60.0
LEAST_BPS = 100
"""Bytes per second: a poor 2G link brings more, a client that only wants to be there does not."""


class LeastRate:
    """Judges window after window by the time spent waiting for the client, and by that alone.

    Args:
        window_s: How long a window is. A pause within one is made up for by what comes after it.
    """

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._waited_s = 0.0
        self._came_bytes = 0

    def too_slow(self, waited_s: float, came_bytes: int) -> bool:
        """Note what came after a wait, and say whether a window ended with too little."""
        self._waited_s += waited_s
        self._came_bytes += came_bytes
        if self._waited_s < self._window_s:
            return False
        too_little = self._came_bytes < LEAST_BPS * self._waited_s
        self._waited_s, self._came_bytes = 0.0, 0
        return too_little
