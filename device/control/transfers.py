"""What moves at this moment: each medium that is pulled or goes up, how far, and how fast."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from device.clock import Clock
from device.model import Entry, EntryId, State

RATE_OVER_S = 10.0
"""A rate is that of the last seconds: one of all that went before says little on a bad link."""
STEP_S = 0.25
QUIET_S = 120.0
"""What has not moved for so long is not told any more: it waits, or its recorder is away."""

_Key = tuple[EntryId, int, str]


@dataclass(slots=True)
class _Transfer:
    total_bytes: int
    steps: deque[tuple[float, int]]
    """Monotonic time and bytes done, for as far back as the rate looks."""


@dataclass(kw_only=True)
class Transfers:
    """A `Progress` that remembers."""

    clock: Clock
    changed: Callable[[], None]
    """Called at every step; what listens gathers."""
    _moving: dict[_Key, _Transfer] = field(default_factory=dict, init=False)

    def pulling(self, entry: EntryId, index: int, done_bytes: int, total_bytes: int) -> None:
        """See `Progress.pulling`."""
        self._step((entry, index, "pull"), done_bytes, total_bytes)

    def uploading(self, entry: EntryId, index: int, done_bytes: int, total_bytes: int) -> None:
        """See `Progress.uploading`."""
        self._step((entry, index, "upload"), done_bytes, total_bytes)

    def moved(self, entry: Entry) -> None:
        """See `Progress.moved`: what is done, or waits, does not move."""
        over = {"pull"} if entry.state is not State.PULLING else set()
        if entry.state is not State.SEALED or entry.wait is not None:
            over.add("upload")
        for key in [key for key in self._moving if key[0] == entry.id and key[2] in over]:
            del self._moving[key]

    def note(self, sentence: str) -> None:
        """See `Progress.note`."""

    def objects(self) -> list[dict[str, Any]]:
        """Describe all, in the order in which they began."""
        now_s = self.clock.monotonic()
        for key in [k for k, each in self._moving.items() if now_s - each.steps[-1][0] > QUIET_S]:
            del self._moving[key]
        return [
            {
                "entry": entry,
                "medium": index,
                "direction": direction,
                "done_bytes": each.steps[-1][1],
                "total_bytes": each.total_bytes,
                "rate_bytes_per_s": _rate(each, now_s),
            }
            for (entry, index, direction), each in self._moving.items()
        ]

    def _step(self, key: _Key, done_bytes: int, total_bytes: int) -> None:
        now_s = self.clock.monotonic()
        each = self._moving.setdefault(key, _Transfer(total_bytes, deque()))
        each.total_bytes = total_bytes
        steps = each.steps
        # Several steps in an instant are one: a fast pull takes thousands a second.
        if len(steps) > 1 and now_s - steps[-2][0] < STEP_S:
            steps.pop()
        steps.append((now_s, done_bytes))
        while len(steps) > 2 and now_s - steps[1][0] > RATE_OVER_S:  # noqa: PLR2004 - a pair
            steps.popleft()
        self.changed()


def _rate(each: _Transfer, now_s: float) -> int:
    since_s, before_bytes = each.steps[0]
    took_s = now_s - since_s
    return round(max(0, each.steps[-1][1] - before_bytes) / took_s) if took_s > 0 else 0
