"""How much to ask for and how long to wait, from what the line has shown (PROTOCOL.md §9)."""

from math import isqrt

SLOWEST_IDLE_S = 5.0
FLOOR_S = 0.2
UNKNOWN_S = 1.0
"""The wait on a line that has not shown its rate yet."""

MIN_WINDOW_BYTES = 16_384
MIN_WINDOW_FRAMES = 16
"""A window need not be larger on a line of small frames, which is a slow one (PROTOCOL.md §14)."""

MAX_WINDOW_BYTES = 65_536
WINDOW_S = 0.25
"""A window holds this much of the line's time, so that a raise arrives before it is used up."""

MIN_PAYLOAD_BYTES = 128
MAX_PAYLOAD_BYTES = 4096
PAYLOAD_STEP_BYTES = 64
FRAME_COST_BYTES = 13
"""Header, CRC-32, COBS and delimiter of one data frame."""


class Pace:
    """What is known of one line: round trip, rate, and bytes between losses. Owns no clock.

    `max_frame_bytes` is what the line carries at once.
    """

    def __init__(self, max_frame_bytes: int = MAX_PAYLOAD_BYTES) -> None:
        self._least_bytes = min(MIN_WINDOW_BYTES, MIN_WINDOW_FRAMES * max_frame_bytes)
        self._rtt_s: float | None = None
        self._rate_bps: float | None = None
        self._run_bytes: float | None = None

    def answered(self, rtt_s: float) -> None:
        """Learn from a request that was answered at its first try."""
        self._rtt_s = rtt_s if self._rtt_s is None else 0.75 * self._rtt_s + 0.25 * rtt_s

    def moved(self, size_bytes: int, seconds: float) -> None:
        """Learn from so many bytes that arrived without a pause in so much time."""
        if seconds > 0:
            rate = size_bytes / seconds
            known = self._rate_bps
            self._rate_bps = rate if known is None else 0.5 * known + 0.5 * rate

    def lost(self, run_bytes: int) -> None:
        """Learn from a loss, this many bytes after the one before."""
        known = self._run_bytes
        self._run_bytes = run_bytes if known is None else 0.75 * known + 0.25 * run_bytes

    def window_bytes(self) -> int:
        """Return how far ahead of its own offset a reader lets the recorder go."""
        wanted = int((self._rate_bps or 0) * WINDOW_S)
        return max(self._least_bytes, min(MAX_WINDOW_BYTES, wanted // 4096 * 4096))

    def idle_s(self) -> float:
        """Return how long the line may be silent before something must have been lost."""
        if self._rate_bps is None:
            return UNKNOWN_S + 4 * (self._rtt_s or 0.0)
        waiting_s = 4 * (self._rtt_s or 0.0) + self.window_bytes() / self._rate_bps
        return max(FLOOR_S, min(SLOWEST_IDLE_S, waiting_s))

    def next_frame_s(self, frame_bytes: int) -> float:
        """Return how long the frame behind a damaged one may take to arrive."""
        if self._rate_bps is None:
            return self.idle_s()
        return min(self.idle_s(), 2 * (self._rtt_s or FLOOR_S) + 2 * frame_bytes / self._rate_bps)

    def payload_bytes(self, run_bytes: int) -> int | None:
        """Return the payload to ask for, None for the most there is.

        Per byte, frames cost overhead / payload and losses cost payload / run: the sum is least at
        the root of overhead times run.

        Args:
            run_bytes: What has arrived since the last loss; a long clean run forgets old losses.
        """
        if self._run_bytes is None:
            return None
        run = int(max(self._run_bytes, run_bytes))
        payload = isqrt(FRAME_COST_BYTES * run) // PAYLOAD_STEP_BYTES * PAYLOAD_STEP_BYTES
        if payload >= MAX_PAYLOAD_BYTES:
            return None
        return max(MIN_PAYLOAD_BYTES, payload)
