"""What moves at this moment: each medium that is pulled or goes up, how far, and how fast."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from device.clock import Clock
from device.model import Entry, EntryId, State

RATE_OVER_S = 10.0
"""A rate is that of the last seconds: one of all that went before says little on a bad link."""
TOTAL_OVER_S = 5.0
"""What all uploads bring together is counted over one window: rates of single ones, each over a
time of its own, add up to more than the link carries."""
STEP_S = 0.25
SHOWN_S = 2.0
"""What has landed is shown as done for so long."""
QUIET_S = 120.0
"""What has not moved for so long is not told any more: it waits, or its recorder is away."""

_Key = tuple[EntryId, int, str]


@dataclass(slots=True)
class _Transfer:
    total_bytes: int
    steps: deque[tuple[float, int]]
    """Monotonic time and bytes done, for as far back as the rate looks."""
    most_bytes: int
    """The most that was ever done: what goes up a second time counts once."""

    @property
    def landed(self) -> bool:
        """Whether all is there; more than was announced is still on its way."""
        return self.steps[-1][1] == self.total_bytes

    def is_over(self, now_s: float) -> bool:
        """Whether nobody need hear of it any more."""
        return now_s - self.steps[-1][0] > (SHOWN_S if self.landed else QUIET_S)


@dataclass(kw_only=True)
class Transfers:
    """A `Progress` that remembers."""

    clock: Clock
    changed: Callable[[], None]
    """Called at every step; what listens gathers."""
    _moving: dict[_Key, _Transfer] = field(default_factory=dict, init=False)
    _went_up: deque[tuple[float, int]] = field(default_factory=deque, init=False)
    """Monotonic time, and bytes acknowledged from then on until the next step."""

    def pulling(self, entry: EntryId, index: int, done_bytes: int, total_bytes: int) -> None:
        """See `Progress.pulling`."""
        self._step((entry, index, "pull"), done_bytes, total_bytes)

    def uploading(self, entry: EntryId, index: int, done_bytes: int, total_bytes: int) -> None:
        """See `Progress.uploading`."""
        more_bytes = self._step((entry, index, "upload"), done_bytes, total_bytes)
        self._count(more_bytes, self.clock.monotonic())

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
        for key in [key for key, each in self._moving.items() if each.is_over(now_s)]:
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

    def upload_rate(self) -> int:
        """Return how many bytes a second all uploads brought in the last seconds."""
        self._count(0, self.clock.monotonic())
        return round(sum(more_bytes for _, more_bytes in self._went_up) / TOTAL_OVER_S)

    def _count(self, more_bytes: int, now_s: float) -> None:
        if self._went_up and now_s - self._went_up[-1][0] < STEP_S:
            since_s, before_bytes = self._went_up.pop()
            self._went_up.append((since_s, before_bytes + more_bytes))
        elif more_bytes:
            self._went_up.append((now_s, more_bytes))
        while self._went_up and now_s - self._went_up[0][0] > TOTAL_OVER_S:
            self._went_up.popleft()

    def _step(self, key: _Key, done_bytes: int, total_bytes: int) -> int:
        """Note how far it is; returns how much further than ever, of a new one nothing."""
        now_s = self.clock.monotonic()
        each = self._moving.setdefault(key, _Transfer(total_bytes, deque(), done_bytes))
        each.total_bytes = total_bytes
        more_bytes = max(0, done_bytes - each.most_bytes)
        each.most_bytes += more_bytes
        steps = each.steps
        # Several steps in an instant are one: a fast pull takes thousands a second.
        if len(steps) > 1 and now_s - steps[-2][0] < STEP_S:
            steps.pop()
        steps.append((now_s, done_bytes))
        while len(steps) > 2 and now_s - steps[1][0] > RATE_OVER_S:  # noqa: PLR2004 - a pair
            steps.popleft()
        self.changed()
        return more_bytes


def _rate(each: _Transfer, now_s: float) -> int:
    if each.landed:
        return 0
    since_s, before_bytes = each.steps[0]
    took_s = now_s - since_s
    return round(max(0, each.steps[-1][1] - before_bytes) / took_s) if took_s > 0 else 0
