"""The Store over SQLAlchemy Core: opened, checked for its version, closed."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.errors import DatabaseOutdated
from gateway.store.database import Database
from gateway.store.devices import SqlDevices
from gateway.store.enrolments import SqlEnrolments
from gateway.store.idle import SqlIdle
from gateway.store.keys import SqlKeys
from gateway.store.migrate import Version, upgrade, version
from gateway.store.orders import SqlOrders
from gateway.store.rates import SqlRates
from gateway.store.recordings import SqlRecordings
from gateway.store.reports import SqlReports
from gateway.store.settings import SqlSettings
from gateway.store.uploads import SqlUploads

_FILE = "gateway.db"


class SqlStore:
    """Recordings, devices and keys over one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.recordings = SqlRecordings(database)
        self.uploads = SqlUploads(database)
        self.idle = SqlIdle(database)
        self.devices = SqlDevices(database)
        self.orders = SqlOrders(database)
        self.settings = SqlSettings(database)
        self.enrolments = SqlEnrolments(database)
        self.reports = SqlReports(database)
        self.keys = SqlKeys(database)
        self.rates = SqlRates(database)

    async def ping(self) -> None:
        """See `Store.ping`."""
        await self._database.ping()

    async def aclose(self) -> None:
        """See `Store.aclose`."""
        await self._database.aclose()


@asynccontextmanager
async def open_store(folder: Path) -> AsyncIterator[SqlStore]:
    """Open the database of a data folder; a new one gets its tables at once.

    Raises:
        DatabaseOutdated: It is of an older program (migrate it) or of a newer one (upgrade this).
    """
    database = Database.sqlite(folder / _FILE)
    try:
        async with _migrating(folder):
            standing = await version(database)
            if standing is Version.NEW:
                await upgrade(database)
        if standing is Version.BEHIND:
            raise DatabaseOutdated("the database is older than this program: run migrate")
        if standing is Version.AHEAD:
            raise DatabaseOutdated(
                "the database is newer than this program",
                hint="install the fieldpost release that wrote it, or a newer one",
            )
        yield SqlStore(database)
    finally:
        await database.aclose()


async def migrate(folder: Path) -> bool:
    """Bring the database of a data folder to this version; False when it was there already.

    Raises:
        DatabaseOutdated: It is of a newer program.
    """
    database = Database.sqlite(folder / _FILE)
    try:
        async with _migrating(folder):
            standing = await version(database)
            if standing is Version.AHEAD:
                raise DatabaseOutdated(
                    "the database is newer than this program",
                    hint="install the fieldpost release that wrote it, or a newer one",
                )
            if standing is Version.CURRENT:
                return False
            await upgrade(database)
            return True
    finally:
        await database.aclose()


@asynccontextmanager
async def _migrating(folder: Path) -> AsyncIterator[None]:
    """Let one program at a time look at and change the version of a data folder's database."""
    fd = os.open(folder / "migrate.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        await asyncio.to_thread(fcntl.flock, fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
