"""What a link can carry in one piece, as measured: a PUT that only starting over can repeat.

Drops as a Poisson process with a mean time T between them, at a rate r: a medium of x·r·T bytes
that starts over at every drop costs (eˣ - 1)/x times its size, on the average.
"""

import math
from dataclasses import dataclass

COSTLY = 2.0
"""Times its size that a medium may cost before it is better sent in parts."""
MIN_DROPS = 2
"""One drop says nothing of how often they come."""
SMALLEST_BYTES = 65_536
MOST_PARTS = 100
"""Upload URLs are scarce, and so is the patience of whoever lists a recording's media."""
MOST_ABREAST = 4
"""Requests of one medium at a time."""
_ABREAST_S = 1.0
_PARTS_A_DROP = 64
_MEMORY_S = 3600.0
_HOPELESS = 1000.0
_LARGEST_X = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fares:
    """How request bodies fared on their way to one store: what arrived, how long, how often cut."""

    sent_bytes: float = 0.0
    seconds: float = 0.0
    drops: float = 0.0

    def after(self, sent_bytes: int, seconds: float, *, dropped: bool) -> "Fares":
        """Add one body; of what is longer ago than an hour of sending, half is forgotten."""
        keep = 0.5 if self.seconds > _MEMORY_S else 1.0
        return Fares(
            sent_bytes=self.sent_bytes * keep + sent_bytes,
            seconds=self.seconds * keep + seconds,
            drops=self.drops * keep + dropped,
        )

    @property
    def between_bytes(self) -> float | None:
        """Bytes that arrive between two drops (r·T); None until drops were seen."""
        return self.sent_bytes / self.drops if self.drops >= MIN_DROPS else None


class Links:
    """How the links to stores fare in this run, by origin."""

    def __init__(self) -> None:
        self._fares: dict[str, Fares] = {}

    def note(self, origin: str, sent_bytes: int, seconds: float, *, dropped: bool) -> None:
        """Add what became of one request body."""
        self._fares[origin] = self.fares(origin).after(sent_bytes, seconds, dropped=dropped)

    def fares(self, origin: str) -> Fares:
        """Look up one link; a new one has carried nothing."""
        return self._fares.get(origin, Fares())


def cost(size_bytes: int, fares: Fares) -> float:
    """Expect how many times its size a medium costs in one piece; 1 while nothing was dropped."""
    between = fares.between_bytes
    if between is None or not size_bytes:
        return 1.0
    x = min(size_bytes / max(between, 1.0), _LARGEST_X)
    return math.expm1(x) / x


def largest_part(size_bytes: int, fares: Fares) -> int | None:
    """Say into parts of which size a medium is cut; None while one piece is good enough.

    Half of what arrives between two drops: some links drop by the clock, and parts of all of it
    would then never arrive; and what the other side's kernel took, its program may never have read.
    """
    between = fares.between_bytes
    if between is None or cost(size_bytes, fares) <= COSTLY:
        return None
    part_bytes = max(int(between / 2), SMALLEST_BYTES, -(-size_bytes // MOST_PARTS))
    return part_bytes if part_bytes < size_bytes else None


def abreast(piece_bytes: int, fares: Fares) -> bool:
    """Say whether pieces go up beside each other: a cut then costs a piece for each of them.

    Only where a piece takes a moment, so that waiting for its answer is much of the time, and
    where at least some 64 of them arrive between two drops.
    """
    quick = fares.sent_bytes * _ABREAST_S >= piece_bytes * fares.seconds and fares.sent_bytes > 0
    return quick and fares.sent_bytes >= _PARTS_A_DROP * piece_bytes * fares.drops


def explain(size_bytes: int, fares: Fares) -> str:
    """Say what was measured, and what one piece would cost, for people."""
    costs = cost(size_bytes, fares)
    whole = (
        "a whole PUT would never arrive"
        if costs > _HOPELESS
        else f"a whole PUT would cost {costs:.0f} times its size"
        if costs >= 10  # noqa: PLR2004 - where a digit behind the point says nothing
        else f"a whole PUT would cost {costs:.1f} times its size"
    )
    if not fares.seconds or not fares.drops:
        return f"this link drops every {(fares.between_bytes or 0) / 1000:.0f} kB; {whole}"
    every_s, kb_s = fares.seconds / fares.drops, fares.sent_bytes / fares.seconds / 1000
    return f"this link drops every {_span(every_s)} at {kb_s:.0f} kB/s; {whole}"


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"  # noqa: PLR2004
