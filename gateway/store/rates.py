"""Windows of time with a limit over SQLAlchemy Core (see `gateway.store.bounds.Rates`)."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from gateway.store.bounds import Grant
from gateway.store.database import Database
from gateway.store.schema_bounds import rate_windows

_TAKEN = (
    select(rate_windows.c.taken)
    .where(
        rate_windows.c.subject == bindparam("whose"), rate_windows.c.begins_s == bindparam("begins")
    )
    .with_for_update()
)
_CHANGE = (
    update(rate_windows)
    .where(
        rate_windows.c.subject == bindparam("whose"), rate_windows.c.begins_s == bindparam("begins")
    )
    .values(taken=bindparam("now_taken"))
)
_OPEN = insert(rate_windows)
_CLOSE = delete(rate_windows).where(
    rate_windows.c.subject == bindparam("whose"), rate_windows.c.begins_s < bindparam("before")
)


class SqlRates:
    """Windows in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(
        self, subject: str, *, at: datetime, window_s: int, limit: int, want: int
    ) -> Grant:
        """See `Rates.take`."""
        return await self._database.writing_of(
            subject, _take, subject, window_of(at, window_s), limit=limit, want=want
        )

    async def give_back(self, subject: str, *, at: datetime, window_s: int, count: int) -> None:
        """See `Rates.give_back`."""
        window = window_of(at, window_s)
        await self._database.writing_of(subject, _give_back, subject, window.start, count)

    async def forget(self, before: datetime) -> None:
        """See `Rates.forget`."""
        await self._database.writing(_forget, int(before.timestamp()))


def window_of(at: datetime, window_s: int) -> range:
    """Give the window that a time is in, in Unix seconds."""
    begins_s = int(at.timestamp()) // window_s * window_s
    return range(begins_s, begins_s + window_s)


def _take(connection: Connection, subject: str, window: range, *, limit: int, want: int) -> Grant:
    this = {"whose": subject, "begins": window.start}
    taken = connection.execute(_TAKEN, this).scalar()
    count = max(0, min(want, limit - (taken or 0)))
    if taken is None:
        # The one before stays: a process whose clock is behind is still in it.
        connection.execute(_CLOSE, {"whose": subject, "before": window.start - len(window)})
        connection.execute(_OPEN, {"subject": subject, "begins_s": window.start, "taken": count})
    elif count:
        connection.execute(_CHANGE, {**this, "now_taken": taken + count})
    return Grant(count, max(0, limit - (taken or 0) - count))


def _give_back(connection: Connection, subject: str, begins_s: int, count: int) -> None:
    connection.execute(
        update(rate_windows)
        .where(
            rate_windows.c.subject == subject,
            rate_windows.c.begins_s == begins_s,
            rate_windows.c.taken >= count,
        )
        .values(taken=rate_windows.c.taken - count)
    )


def _forget(connection: Connection, before_s: int) -> None:
    connection.execute(delete(rate_windows).where(rate_windows.c.begins_s < before_s))
