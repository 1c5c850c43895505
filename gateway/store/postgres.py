"""A PostgreSQL database that several processes serve from."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from gateway.config_database import PostgresConfig
from gateway.errors import ConfigInvalid
from gateway.store.database import Database
from gateway.store.lanes import Lanes
from gateway.store.links import Links
from gateway.store.postgres_faults import connection_was_lost, mapped, starting

try:
    import asyncpg
except ImportError as error:
    raise ConfigInvalid(
        "PostgreSQL needs a package more", hint="pip install 'fieldpost[gateway,postgres]'"
    ) from error

_READERS = 4
_WRITERS = 2
_CONNECT_S = 5.0
_CALL_S = 15.0
_TURN_S = 60.0
_SETTINGS = {
    "application_name": "fieldpost-gateway",
    # Whatever the server's own default: nothing is announced that a power cut could undo.
    "synchronous_commit": "on",
    "statement_timeout": "10s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "30s",
    "timezone": "UTC",
}
_READING = {
    "default_transaction_isolation": "repeatable read",
    "default_transaction_read_only": "on",
}
_WRITING = {
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
}
_MIGRATING = int.from_bytes(b"fieldpst")

_P = ParamSpec("_P")
_T = TypeVar("_T")


class PostgresDatabase(Database):
    """Runs functions of a connection in the event loop, by few connections that are kept."""

    shared = True

    def __init__(self, config: PostgresConfig) -> None:
        self._config = config
        self._reader = self._links(_READERS, _READING)
        self._writer = self._links(_WRITERS, _WRITING)
        self._lanes = Lanes(self._writer, _WRITERS)

    async def reading(
        self, work: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **more: _P.kwargs
    ) -> _T:
        """See `Database.reading`."""
        return await self._read(
            lambda connection: work(connection, *args, **more), is_snapshot=True
        )

    async def asking(
        self, work: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **more: _P.kwargs
    ) -> _T:
        """See `Database.asking`."""
        return await self._read(
            lambda connection: work(connection, *args, **more), is_snapshot=False
        )

    async def writing(
        self, work: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **more: _P.kwargs
    ) -> _T:
        """See `Database.writing`; how it is run again: `Lanes`."""
        with mapped():
            return await self._lanes.run((), lambda connection: work(connection, *args, **more))

    async def writing_of(
        self,
        key: str | tuple[str, ...],
        work: Callable[Concatenate[Connection, _P], _T],
        *args: _P.args,
        **more: _P.kwargs,
    ) -> _T:
        """See `Database.writing_of`."""
        keys = (key,) if isinstance(key, str) else key
        with mapped():
            return await self._lanes.run(keys, lambda connection: work(connection, *args, **more))

    @asynccontextmanager
    async def migrating(self) -> AsyncIterator[None]:
        """See `Database.migrating`."""
        # A connection of its own: whoever waits for the lock must see what was done meanwhile.
        with starting(self._config):
            connection = await self._connect(_WRITING)
        try:
            with starting(self._config):
                await connection.execute("SET statement_timeout = 0; SET lock_timeout = 0")
                await connection.execute("SELECT pg_advisory_lock($1)", _MIGRATING, timeout=_TURN_S)
            yield
        finally:
            connection.terminate()

    async def aclose(self) -> None:
        """See `Database.aclose`."""
        await self._lanes.aclose()
        await self._reader.aclose()
        await self._writer.aclose()

    async def _read(self, work: Callable[[Connection], _T], *, is_snapshot: bool) -> _T:
        with mapped():
            try:
                return await self._read_once(work, is_snapshot=is_snapshot)
            except Exception as error:
                if not connection_was_lost(error):
                    raise
            # The server was away since: every connection is a new one now.
            return await self._read_once(work, is_snapshot=is_snapshot)

    async def _read_once(self, work: Callable[[Connection], _T], *, is_snapshot: bool) -> _T:
        async with asyncio.timeout(_CALL_S), self._reader.lent() as link:
            if not is_snapshot:
                return await link.run(work)
            await link.ask("BEGIN")
            result = await link.run(work)
            await link.ask("COMMIT")
            return result

    def _links(self, most: int, settings: Mapping[str, str]) -> Links:
        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=partial(self._connect, settings),
            isolation_level="AUTOCOMMIT",
            poolclass=NullPool,
            # What it says goes into the log: never what was to be kept.
            hide_parameters=True,
        )
        return Links(engine, most)

    async def _connect(self, settings: Mapping[str, str]) -> Any:
        return await asyncpg.connect(
            self._config.url,
            timeout=_CONNECT_S,
            command_timeout=_CALL_S,
            server_settings={**_SETTINGS, **settings},
        )
