"""How many bytes were acknowledged when: what the sparkline of a live view shows."""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

STEP_S = 5.0
STEPS = 60
_MOST = 512
"""Transfers that are remembered."""

_Document = Mapping[str, Any]


class Flow:
    """Counts by steps of five seconds; what goes up a second time counts once."""

    def __init__(self, now_s: float) -> None:
        self._steps: deque[float] = deque([0.0], maxlen=STEPS)
        self._step_at_s = now_s
        self._most: dict[tuple[str, int], tuple[int, int]] = {}
        """Of each upload: the most that was ever acknowledged, and all there is."""

    def progress(self, transfers: Iterable[_Document], now_s: float) -> None:
        """Take how far uploads are; what was done before they were first seen is not counted."""
        for each in transfers:
            if each["direction"] != "upload":
                continue
            key = (each["entry"], each["medium"])
            done, total = each["done_bytes"], each["total_bytes"]
            most, _ = self._most.pop(key, (done, total))
            self._add(max(0, done - most), now_s)
            self._most[key] = (max(most, done), total)
        while len(self._most) > _MOST:
            del self._most[next(iter(self._most))]

    def moved(self, entry: _Document, now_s: float) -> None:
        """Take a change of state: of what is stored now, all the bytes are acknowledged."""
        keys = [key for key in self._most if key[0] == entry["id"]]
        if entry["state"] == "stored":
            unseen = 0 if keys else entry["size_bytes"]  # up between two looks
            self._add(unseen + sum(t - m for m, t in map(self._most.__getitem__, keys)), now_s)
        if entry["state"] != "sealed":
            for key in keys:
                del self._most[key]

    def rates(self, now_s: float, steps: int) -> list[float]:
        """Return bytes per second, oldest first; the step that is not over yet comes last."""
        self._add(0, now_s)
        return [each / STEP_S for each in self._steps][-steps:]

    def _add(self, more_bytes: float, now_s: float) -> None:
        passed = int((now_s - self._step_at_s) // STEP_S)
        self._step_at_s += passed * STEP_S
        self._steps.extend([0.0] * min(passed, STEPS))
        self._steps[-1] += more_bytes
