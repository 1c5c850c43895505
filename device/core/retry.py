"""How long to wait before trying again: one value, full jitter."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A back-off policy: before attempt n, uniform in (0, min(max_s, first_s * factor^n)]."""

    first_s: float
    factor: float
    max_s: float

    def delay_s(self, attempt: int, fraction: float, *, asked_s: float | None = None) -> float:
        """Say how long to wait.

        Args:
            attempt: Failures in a row without progress, from 1.
            fraction: A random number in [0, 1).
            asked_s: What the other side asked for (`Retry-After`); it wins, plus jitter on top.
        """
        ceiling = min(self.max_s, self.first_s * self.factor ** min(attempt - 1, 64))
        if asked_s is not None:
            return asked_s + fraction * self.first_s
        return max(self.first_s / 2, fraction * ceiling)
