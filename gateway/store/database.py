"""The seam of a database: functions of a connection, run for reading and for writing.

All SQL is written as plain functions of a connection, each one transaction, in SQL that every
database understands. They look before they insert and catch no error of the database: where two
meet, the second is refused and run again, and then it sees what the first one did.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, text

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Database(ABC):
    """Runs functions of a connection."""

    shared: bool
    """Whether other processes serve from it too."""

    @abstractmethod
    async def reading(
        self, work: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **more: _P.kwargs
    ) -> _T:
        """Run `work` on one consistent snapshot.

        Raises:
            Unavailable: The database cannot be used now.
        """

    @abstractmethod
    async def asking(
        self, work: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **more: _P.kwargs
    ) -> _T:
        """Run `work` as `reading` does; it asks one statement, which needs no snapshot.

        Raises:
            Unavailable: The database cannot be used now.
        """

    @abstractmethod
    async def writing(
        self, work: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **more: _P.kwargs
    ) -> _T:
        """Run `work` while nobody else writes; it may be run again.

        What it changed is committed and on disk when this returns, nothing of it when this raises;
        except that a commit whose answer was lost may count, and is `Unavailable` all the same.

        Raises:
            Unavailable: The database cannot be used now.
        """

    @abstractmethod
    async def writing_of(
        self,
        key: str | tuple[str, ...],
        work: Callable[Concatenate[Connection, _P], _T],
        *args: _P.args,
        **more: _P.kwargs,
    ) -> _T:
        """Run `work` as `writing` does, while nobody else writes with the same `key`.

        For what is done all day long: work with other keys may run at the same time where the
        database can. So it changes rows that belong to the key; and of others only by adding, or
        by one statement that looks and changes at once, or after locking the row. Whose rows it
        changes like that is better named by another key: then nobody waits in a circle.
        """

    @abstractmethod
    def migrating(self) -> AbstractAsyncContextManager[None]:
        """Let one program at a time look at and change the version of the database."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close all connections; idempotent."""

    async def ping(self) -> None:
        """Ask the database for nothing."""
        await self.asking(_nothing)


def _nothing(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))
