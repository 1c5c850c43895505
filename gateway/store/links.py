"""Connections to PostgreSQL that are kept: the driver's own transactions, SQLAlchemy's statements.

SQLAlchemy would ask for each: once to begin, once to end, and once more for a lock. Here what can
be asked together is, and a single statement needs no transaction around it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

ENDED = {"57P01", "57P02"}
"""The server's last words before it closes a connection: told to, or fallen over."""

_ROLLBACK_S = 5.0

_T = TypeVar("_T")


class LinkLost(ConnectionError):
    """The connection turned out to be gone."""


class Link:
    """One connection, in autocommit for all that SQLAlchemy knows."""

    def __init__(self, connection: AsyncConnection, driver: Any) -> None:
        self._connection = connection
        self._driver = driver

    @property
    def is_closed(self) -> bool:
        """Whether it is known to be gone."""
        return bool(self._driver.is_closed())

    async def ask(self, statements: str) -> str:
        """Run statements without values, between semicolons, in one go.

        Returns:
            What the server says that it did last.

        Raises:
            LinkLost: The connection is gone.
        """
        try:
            return str(await self._driver.execute(statements))
        except Exception as error:
            if getattr(error, "sqlstate", None) in ENDED:
                # That it is closed may be heard later than why.
                self._driver.terminate()
            if self.is_closed:
                raise LinkLost("the connection to the database was lost") from error
            raise

    async def run(self, work: Callable[[Connection], _T]) -> _T:
        """Run work within the transaction that is open, or each statement by itself."""
        return await self._connection.run_sync(_bounded, work)

    async def is_good_as_new(self) -> bool:
        """Undo what was begun; False where that is not possible."""
        try:
            async with asyncio.timeout(_ROLLBACK_S):
                await self.ask("ROLLBACK" if self._driver.is_in_transaction() else "SELECT 1")
        except Exception:  # noqa: BLE001 - whatever it is, the connection is not used again
            return False
        return not self.is_closed

    async def aclose(self) -> None:
        """Close it; idempotent, never raises."""
        with suppress(OSError, SQLAlchemyError):
            await self._connection.close()

    async def cut(self) -> None:
        """Close it without a word to the server, which may not listen; never raises."""
        self._driver.terminate()
        with suppress(OSError, SQLAlchemyError):
            await self._connection.invalidate()
            await self._connection.close()


class Links:
    """A few links, lent out; the one that came back last first, whose statements are warm."""

    def __init__(self, engine: AsyncEngine, most: int) -> None:
        self._engine = engine
        self._free = asyncio.Semaphore(most)
        self._idle: list[Link] = []

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[Link]:
        """Lend a link; waits while all are lent. A block that fails is rolled back."""
        async with self._free:
            link = await self._one()
            try:
                yield link
            except Exception:
                if await link.is_good_as_new():
                    self._idle.append(link)
                else:
                    await self._lost(link)
                raise
            except BaseException:
                # Cut short: the server may still be at it.
                await link.cut()
                raise
            self._idle.append(link)

    async def aclose(self) -> None:
        """Close those that are not lent."""
        while self._idle:
            await self._idle.pop().aclose()

    async def _one(self) -> Link:
        while self._idle:
            link = self._idle.pop()
            if not link.is_closed:
                return link
            await link.cut()
        connection = await self._engine.connect()
        return Link(connection, (await connection.get_raw_connection()).driver_connection)

    async def _lost(self, link: Link) -> None:
        """Trust none of those that lay idle: what ended one most often ended all."""
        idle, self._idle = self._idle, []
        for each in [link, *idle]:
            await each.cut()


def _bounded(connection: Connection, work: Callable[[Connection], _T]) -> _T:
    # Nothing that the server hears of: SQLAlchemy forgets what it noted of the work.
    with connection.begin():
        return work(connection)
