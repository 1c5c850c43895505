"""A SQLite file: many readers, one writer, commits on disk before they count."""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from gateway.errors import DatabaseDamaged, Unavailable
from gateway.store.database import Database
from gateway.store.writer import Writer

_BUSY_TIMEOUT_MS = 10_000
_READERS = 4
_OWN = "BEGIN IMMEDIATE"

_P = ParamSpec("_P")
_T = TypeVar("_T")


class SqliteDatabase(Database):
    """Runs functions of a connection in threads.

    Writing goes through one connection: writers queue in order instead of colliding on SQLite's
    one write lock, and other processes (the command line) are waited for with a busy timeout.
    """

    shared = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader, writer = _engine(path, size=_READERS), _engine(path, size=1)
        event.listen(self._reader, "begin", _on_read)
        event.listen(writer, "begin", _on_write)
        self._writer = Writer(writer)
        # Its own threads: those of everybody else wait for the disk.
        self._threads = ThreadPoolExecutor(_READERS, thread_name_prefix="gateway-reader")

    async def reading(
        self, work: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **more: _P.kwargs
    ) -> _T:
        """See `Database.reading`."""
        bound = partial(self._read, lambda connection: work(connection, *args, **more))
        with _mapped():
            return await asyncio.get_running_loop().run_in_executor(self._threads, bound)

    async def asking(
        self, work: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **more: _P.kwargs
    ) -> _T:
        """See `Database.asking`."""
        return await self.reading(work, *args, **more)

    async def writing(
        self, work: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **more: _P.kwargs
    ) -> _T:
        """See `Database.writing`; how it is run again: `Writer`."""
        with _mapped():
            return await self._writer.run(lambda connection: work(connection, *args, **more))

    async def writing_of(
        self,
        key: str | tuple[str, ...],  # noqa: ARG002 - there is one writer for all
        work: Callable[Concatenate[Connection, _P], _T],
        *args: _P.args,
        **more: _P.kwargs,
    ) -> _T:
        """See `Database.writing_of`."""
        return await self.writing(work, *args, **more)

    @asynccontextmanager
    async def migrating(self) -> AsyncIterator[None]:
        """See `Database.migrating`."""
        lock = self._path.with_name("migrate.lock")
        fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            await asyncio.to_thread(fcntl.flock, fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    async def aclose(self) -> None:
        """See `Database.aclose`."""
        await self._writer.aclose()
        await asyncio.to_thread(self._threads.shutdown)
        self._reader.dispose()

    def _read(self, work: Callable[[Connection], _T]) -> _T:
        with self._reader.begin() as connection:
            return work(connection)


def _on_read(connection: Connection) -> None:
    # It waits for nothing and cannot fail; by way of SQLAlchemy it would cost a query.
    connection.connection.cursor().execute("BEGIN")


def _on_write(connection: Connection) -> None:
    # A transaction that reads before it writes must own the write lock from the start:
    # SQLite refuses to upgrade a stale snapshot, whatever the busy timeout.
    try:
        connection.connection.cursor().execute(_OWN)
    except sqlite3.Error as error:
        raise DBAPIError.instance(_OWN, None, error, sqlite3.Error) from error


@contextmanager
def _mapped() -> Iterator[None]:
    """Say that the database cannot be used (locked, full, damaged) in the gateway's words."""
    try:
        yield
    except (OperationalError, PoolTimeout) as error:
        raise Unavailable("the database cannot be used now") from error
    except DatabaseError as error:
        # Exactly this class is SQLite's "malformed" and "not a database"; its heirs are others'.
        if type(error) is not DatabaseError:
            raise
        raise DatabaseDamaged("the database file cannot be read") from error


def _engine(path: Path, *, size: int) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        # The driver must not open transactions on its own: the listeners above do.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    return engine
