"""Pulses: which loops live: each says when it got on, or until when it rests by design."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from device.clock import Clock


class Pulse(Protocol):
    """One loop's sign of life. Calls are cheap and never fail."""

    def beat(self) -> None:
        """Say that work got on: bytes acknowledged, a turn begun, a step done."""
        ...

    def rest(self, seconds: float) -> None:
        """Say that nothing is to be expected for so long, by design."""
        ...


class Unwatched:
    """Nobody minds."""

    def beat(self) -> None:
        """See `Pulse.beat`."""

    def rest(self, seconds: float) -> None:
        """See `Pulse.rest`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """A loop that should have given a sign of life `by_s` seconds ago."""

    name: str
    by_s: float


@dataclass(kw_only=True)
class Pulses:
    """Those of all loops, on one clock.

    Nothing here waits or judges by itself: a slow link shows by fewer beats, and each loop names
    the bound that its longest honest step needs.
    """

    clock: Clock
    _due_s: dict[str, float] = field(default_factory=dict, init=False)

    def of(self, name: str, *, within_s: float) -> Pulse:
        """Watch a loop from now on; one that begins again under its name begins anew.

        Args:
            name: For the log.
            within_s: The longest that its work may take without getting on.
        """
        pulse = _Watched(self._expect, name, within_s)
        pulse.beat()
        return pulse

    def forget(self, name: str) -> None:
        """Watch a loop no longer: it has ended."""
        self._due_s.pop(name, None)

    def overdue(self) -> list[Overdue]:
        """Name who should have given a sign of life, longest overdue first."""
        now_s = self.clock.monotonic()
        late = [Overdue(name=n, by_s=now_s - due) for n, due in self._due_s.items() if due < now_s]
        return sorted(late, key=lambda each: -each.by_s)

    def _expect(self, name: str, within_s: float) -> None:
        self._due_s[name] = self.clock.monotonic() + within_s


@dataclass(frozen=True, slots=True)
class _Watched:
    expect: Callable[[str, float], None]
    name: str
    within_s: float

    def beat(self) -> None:
        self.expect(self.name, self.within_s)

    def rest(self, seconds: float) -> None:
        self.expect(self.name, seconds + self.within_s)
