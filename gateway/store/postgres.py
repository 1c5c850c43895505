"""A PostgreSQL database that several processes serve from."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gateway.config_database import PostgresConfig
from gateway.errors import ConfigInvalid
from gateway.store.database import Database
from gateway.store.lanes import Lanes
from gateway.store.postgres_faults import connection_was_lost, mapped, starting

try:
    import asyncpg
except ImportError as error:
    raise ConfigInvalid(
        "PostgreSQL needs a package more", hint="pip install 'fieldpost[gateway,postgres]'"
    ) from error

_READERS = 4
_WRITERS = 4
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
_MIGRATING = int.from_bytes(b"fieldpst")

_P = ParamSpec("_P")
_T = TypeVar("_T")


class PostgresDatabase(Database):
    """Runs functions of a connection in the event loop, by few connections that are kept."""

    shared = True

    def __init__(self, config: PostgresConfig) -> None:
        self._config = config
        self._reader = self._engine(_READERS, isolation="REPEATABLE READ", readonly=True)
        self._writer = self._engine(_WRITERS, isolation="READ COMMITTED")
        self._lanes = Lanes(self._writer, _WRITERS)

    async def reading(
        self, work: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **more: _P.kwargs
    ) -> _T:
        """See `Database.reading`."""
        with mapped():
            try:
                return await self._read(lambda connection: work(connection, *args, **more))
            except Exception as error:
                if not connection_was_lost(error):
                    raise
            # The server was away since: every connection is a new one now.
            return await self._read(lambda connection: work(connection, *args, **more))

    async def writing(
        self, work: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **more: _P.kwargs
    ) -> _T:
        """See `Database.writing`; how it is run again: `Lanes`."""
        with mapped():
            return await self._lanes.run(None, lambda connection: work(connection, *args, **more))

    async def writing_of(
        self,
        key: str,
        work: Callable[Concatenate[Connection, _P], _T],
        *args: _P.args,
        **more: _P.kwargs,
    ) -> _T:
        """See `Database.writing_of`."""
        with mapped():
            return await self._lanes.run(key, lambda connection: work(connection, *args, **more))

    @asynccontextmanager
    async def migrating(self) -> AsyncIterator[None]:
        """See `Database.migrating`."""
        # A connection of its own: whoever waits for the lock must see what was done meanwhile.
        with starting(self._config):
            connection = await self._connect()
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
        await self._reader.dispose()
        await self._writer.dispose()

    async def _read(self, work: Callable[[Connection], _T]) -> _T:
        async with asyncio.timeout(_CALL_S), self._reader.begin() as connection:
            return await connection.run_sync(work)

    def _engine(self, size: int, *, isolation: Any, readonly: bool = False) -> AsyncEngine:
        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connect,
            isolation_level=isolation,
            pool_size=size,
            max_overflow=0,
            pool_timeout=_CALL_S,
        )

        @event.listens_for(engine.sync_engine, "connect")
        def on_connect(connection: Any, _record: Any) -> None:
            connection.readonly = readonly

        @event.listens_for(engine.sync_engine, "checkout")
        def on_checkout(connection: Any, _record: Any, _proxy: Any) -> None:
            if connection.driver_connection.is_closed():
                raise DisconnectionError

        return engine

    async def _connect(self) -> Any:
        return await asyncpg.connect(
            self._config.url,
            timeout=_CONNECT_S,
            command_timeout=_CALL_S,
            server_settings=_SETTINGS,
        )
