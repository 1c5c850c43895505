"""Seams of bounds: how often and how much, counted over all processes, and who did what."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from gateway.model_bounds import Aged, AuditEntry, AuditFilter, Quota, Usage


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


class Audit(Protocol):
    """Who changed what, in order; entries are added and, when they are old, removed."""

    async def note(self, entry: AuditEntry) -> None:
        """Keep an entry."""
        ...

    async def page(self, which: AuditFilter, limit: int) -> list[AuditEntry]:
        """List entries, newest first."""
        ...

    async def forget(self, before: datetime) -> int:
        """Remove entries from before a time; answers how many."""
        ...


class Quotas(Protocol):
    """How much each may do, and what it did. Counted where it is done: see `Recordings`."""

    async def read(self, subjects: Sequence[str]) -> dict[str, Quota]:
        """Look up what is written for subjects; those with nothing are left out."""
        ...

    async def all(self) -> dict[str, Quota]:
        """List all that are written."""
        ...

    async def write(self, subject: str, quota: Quota, at: datetime) -> None:
        """Put a quota in place of a subject's own; repeatable."""
        ...

    async def used(self, subject: str, day: date) -> Usage:
        """Say what a subject used on a day, and what is kept for it now."""
        ...

    async def forget(self, before: date) -> None:
        """Remove what was used on days before; repeatable."""
        ...


class Ageing(Protocol):
    """Recordings by how long they are uploaded."""

    async def page(
        self, before: datetime, *, after_seq: int, limit: int, device_id: str | None = None
    ) -> list[Aged]:
        """List uploaded recordings from before a time, of one device or all, oldest first.

        `after_seq` is the `seq` of the last one of the page before, 0 for the first page.
        """
        ...
