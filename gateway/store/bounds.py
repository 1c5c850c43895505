"""Seams of what is bounded: how often something may happen, counted over all processes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Grant:
    """How many of a window were given to whoever asked, and how many are left in it for all."""

    count: int
    left: int


class Rates(Protocol):
    """Windows of time that begin at whole multiples of their length, each with a limit.

    What is counted is named by `subject`: up to 72 characters, of one length of window.
    """

    async def take(
        self, subject: str, *, at: datetime, window_s: int, limit: int, want: int
    ) -> Grant:
        """Take up to `want` of what is left in the window that `at` is in; none left gives 0."""
        ...

    async def give_back(self, subject: str, *, at: datetime, window_s: int, count: int) -> None:
        """Put back what was taken and not needed; `at` is that of the taking."""
        ...

    async def forget(self, before: datetime) -> None:
        """Remove windows that began before a time; repeatable."""
        ...
