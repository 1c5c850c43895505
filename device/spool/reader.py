"""Looking into a spool without its lock: for `status`, while the agent runs and when it does not.

Imports nothing heavy, since a status command is to answer at once.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

from device.core.orders import HeldOrder
from device.errors import EntryUnknown
from device.model import (
    Attempt,
    Entry,
    EntryId,
    Kept,
    LastSeen,
    Lately,
    Spent,
    State,
    Unreached,
    Wait,
)
from device.spool import figures, last_seen, lately, order_rows, rows, schema

P = ParamSpec("P")
T = TypeVar("T")


class SpoolReader:
    """A spool as it was at its last commit. A missing spool is an empty one.

    Writes nothing and takes no lock. Thread-safe. `SpoolTooNew` and `SpoolDamaged` say that the
    index cannot be read; the next start of the agent mends a damaged one.
    """

    def __init__(self, root: Path) -> None:
        self._database = root / "spool.db"
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def entries(self, *states: State) -> list[Entry]:
        """List entries, oldest first; no state means all."""
        return self._read([], rows.entries, states)

    def ids(self, *states: State) -> list[EntryId]:
        """List the ids of entries, oldest first; no state means all."""
        return self._read([], rows.ids, states)

    def count(self, state: State, among: Sequence[EntryId]) -> int:
        """Count the entries in one state among these; each counts once."""
        return self._read(0, rows.count, state, among)

    def counts(self) -> dict[str, dict[State, int]]:
        """Count the entries of each recorder by state; recorders by name."""
        return self._read({}, rows.counts)

    def entry(self, entry: EntryId) -> Entry:
        """Look up one entry.

        Raises:
            EntryUnknown: There is none.
        """
        found = self._read(None, rows.entry, entry)
        if found is None:
            raise EntryUnknown(f"there is no entry {entry} in the spool")
        return found

    def spent(self, day: date) -> tuple[Spent, ...]:
        """Look up what left on one day of the box's own zone, by network."""
        return self._read((), figures.spent, day)

    def paid(self) -> dict[date, int]:
        """Sum up, for each day, what left over networks that cost."""
        return self._read({}, figures.paid)

    def sent_bytes(self, day: date) -> int:
        """Sum up what left on one day."""
        return sum(each.sent_bytes for each in self.spent(day))

    def kept(self, name: str) -> Kept | None:
        """Look up a small fact."""
        return self._read(None, figures.kept, name)

    def attempts(self, entry: EntryId) -> tuple[Attempt, ...]:
        """Look up the last failures of an entry, oldest first."""
        return self._read((), figures.attempts, entry)

    def lately(self, since: datetime) -> Lately:
        """Count what was done from a moment on."""
        return self._read(Lately(since=since), lately.lately, since)

    def orders(self) -> tuple[HeldOrder, ...]:
        """Look up what the cloud asked to be done, as it came."""
        return self._read((), order_rows.held)

    def cooldowns(self) -> dict[str, Wait]:
        """Look up which origins are left alone and until when, passed ones included."""
        return self._read({}, rows.cooldowns)

    def last_seen(self) -> list[LastSeen]:
        """Look up the last that was heard of each recorder, by name."""
        return self._read([], last_seen.last_seen)

    def unreached(self) -> list[Unreached]:
        """Look up which URLs visits fail at, and why."""
        return self._read([], last_seen.unreached)

    def close(self) -> None:
        """Close the file. Idempotent."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read(
        self,
        nothing: T,
        look: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run one look in one snapshot; without a database there is nothing to see."""
        with self._lock:
            if self._connection is not None:
                with _snapshot(self._connection) as connection:
                    return look(connection, *args, **kwargs)
            if not self._database.exists():
                return nothing
            live = schema.is_live(self._database)
            opened = schema.connect_to_read(self._database)
            try:
                with _snapshot(opened) as connection:
                    return look(connection, *args, **kwargs)
            finally:
                # While no agent runs the file is taken as unchanging: true for one look only.
                if live:
                    self._connection = opened
                else:
                    opened.close()


def read_only(root: Path) -> SpoolReader:
    """Open a spool to look at. Never fails here: the first look does, if it must."""
    return SpoolReader(root)


@contextmanager
def _snapshot(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Let several statements see the same commit."""
    try:
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise schema.failure(error) from error
