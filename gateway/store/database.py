"""The engines over one database: many readers, one writer, commits on disk before they count."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from gateway.errors import DatabaseDamaged, Unavailable

_BUSY_TIMEOUT_MS = 10_000


class Database:
    """Hands out connections for reading and for writing.

    Writing goes through one connection: writers queue in order instead of colliding on SQLite's
    one write lock, and other processes (the command line) are waited for with a busy timeout.
    """

    def __init__(self, reader: AsyncEngine, writer: AsyncEngine) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    def sqlite(cls, path: Path) -> "Database":
        """Open (or create) a SQLite file."""
        url = f"sqlite+aiosqlite:///{path}"
        reader = create_async_engine(url, poolclass=AsyncAdaptedQueuePool, pool_size=4)
        writer = create_async_engine(
            url, poolclass=AsyncAdaptedQueuePool, pool_size=1, max_overflow=0
        )
        _prepare(reader, begin="BEGIN")
        # A transaction that reads before it writes must own the write lock from the start: SQLite
        # refuses to upgrade a stale snapshot, whatever the busy timeout.
        _prepare(writer, begin="BEGIN IMMEDIATE")
        return cls(reader, writer)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Look at one consistent snapshot."""
        with _mapped():
            async with self._reader.begin() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Change something: committed and on disk when the block ends, nothing if it raises."""
        with _mapped():
            async with self._writer.begin() as connection:
                yield connection

    async def ping(self) -> None:
        """Ask the database for nothing."""
        async with self.reading() as connection:
            await connection.execute(text("SELECT 1"))

    async def aclose(self) -> None:
        """Close all connections; idempotent."""
        await self._reader.dispose()
        await self._writer.dispose()


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


def _prepare(engine: AsyncEngine, *, begin: str) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        # The driver must not open transactions on its own: `on_begin` does.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)
