"""Bars and sparklines out of letters: readable without colour, and without Unicode if need be."""

from collections.abc import Sequence
from dataclasses import dataclass

_FULL_PERCENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The letters that a terminal can show."""

    full: str
    empty: str
    left: str
    right: str
    steps: str
    """Heights of a sparkline, nothing first."""

    @classmethod
    def of(cls, encoding: str | None) -> "Marks":
        """Choose by the encoding of a stream."""
        return _BLOCKS if (encoding or "").lower().replace("-", "") == "utf8" else _ASCII

    def bar(self, done: int, total: int, columns: int) -> str:
        """Draw how much of something is done."""
        room = max(1, columns - 2)
        filled = room * min(done, total) // total if total > 0 else 0
        return f"{self.left}{self.full * filled}{self.empty * (room - filled)}{self.right}"

    def sparkline(self, figures: Sequence[float]) -> str:
        """Draw figures against the largest of them; any that is not nothing shows."""
        most = max(figures, default=0.0)
        if most <= 0:
            return self.steps[0] * len(figures)
        top = len(self.steps) - 1
        return "".join(
            self.steps[max(1, round(top * each / most))] if each > 0 else self.steps[0]
            for each in figures
        )


_BLOCKS = Marks(full="█", empty="░", left="▕", right="▏", steps=" ▁▂▃▄▅▆▇█")
_ASCII = Marks(full="#", empty="-", left="[", right="]", steps=" .:-=+*#")


def percent(done: int, total: int) -> str:
    """Write a share, right-aligned; 100 % is when all is done."""
    share = _FULL_PERCENT * min(done, total) // total if total > 0 else 0
    return f"{share:>3} %"
