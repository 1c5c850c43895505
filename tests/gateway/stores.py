"""Databases for tests: a new one for each, SQLite or PostgreSQL, and stores on them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.config_database import DatabaseConfig, PostgresConfig
from gateway.store.sql import SqlStore, open_store
from tests.servers.postgres import PostgresServer, missing


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """PostgreSQL, one server a worker; skipped where it is not installed."""
    if (reason := missing()) is not None:
        pytest.skip(reason)
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> Iterator[PostgresConfig]:
    """A database with the gateway's tables, for `GatewayConfig.database`."""
    with postgres_server.database() as config:
        yield config


@pytest.fixture
def empty_postgres(postgres_server: PostgresServer) -> Iterator[PostgresConfig]:
    """A database with nothing in it."""
    with postgres_server.database(empty=True) as config:
        yield config


@pytest.fixture(params=["sqlite", "postgres"])
def any_database(request: pytest.FixtureRequest) -> DatabaseConfig:
    """Each kind of database in turn, for `GatewayConfig.database`."""
    return request.getfixturevalue("postgres") if request.param == "postgres" else None


@pytest.fixture
def open_any(
    any_database: DatabaseConfig, tmp_path: Path
) -> Callable[[], AbstractAsyncContextManager[SqlStore]]:
    """Open a store on the test's database, as often as one likes: each is a process of its own."""
    return lambda: open_store(tmp_path, any_database)


@pytest_asyncio.fixture
async def any_store(open_any):
    """A store on each kind of database in turn."""
    async with open_any() as store:
        yield store
