"""The Store over SQLAlchemy Core: opened, checked for its version, closed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.config_database import DatabaseConfig
from gateway.errors import DatabaseOutdated
from gateway.store.ageing import SqlAgeing
from gateway.store.agreements import SqlAgreements
from gateway.store.audit import SqlAudit
from gateway.store.changes import SqlChanges
from gateway.store.database import Database
from gateway.store.deliveries import SqlDeliveries
from gateway.store.devices import SqlDevices
from gateway.store.enrolments import SqlEnrolments
from gateway.store.events import SqlEvents
from gateway.store.fleet import SqlFleet
from gateway.store.idle import SqlIdle
from gateway.store.keys import SqlKeys
from gateway.store.leases import SqlLeases
from gateway.store.migrate import Version, upgrade, version
from gateway.store.orders import SqlOrders
from gateway.store.phones import SqlPhones
from gateway.store.quotas import SqlQuotas
from gateway.store.rates import SqlRates
from gateway.store.recordings import SqlRecordings
from gateway.store.reports import SqlReports
from gateway.store.sessions import SqlSessions
from gateway.store.settings import SqlSettings
from gateway.store.sqlite import SqliteDatabase
from gateway.store.uploads import SqlUploads
from gateway.store.waveforms import SqlWaveforms
from gateway.store.webhooks import SqlWebhooks

_FILE = "gateway.db"


class SqlStore:
    """Recordings, devices and keys over one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.leases = SqlLeases(database)
        self.agreements = SqlAgreements(database)
        self.events = SqlEvents(database)
        self.webhooks = SqlWebhooks(database)
        self.deliveries = SqlDeliveries(database, self.events)
        self.recordings = SqlRecordings(database, self.events)
        self.uploads = SqlUploads(database)
        self.idle = SqlIdle(database)
        self.devices = SqlDevices(database, self.events)
        self.orders = SqlOrders(database)
        self.settings = SqlSettings(database)
        self.enrolments = SqlEnrolments(database, self.events)
        self.reports = SqlReports(database)
        self.keys = SqlKeys(database)
        self.phones = SqlPhones(database)
        self.fleet = SqlFleet(database)
        self.changes = SqlChanges(database)
        self.waveforms = SqlWaveforms(database)
        self.sessions = SqlSessions(database)
        self.rates = SqlRates(database)
        self.ageing = SqlAgeing(database)
        self.audit = SqlAudit(database)
        self.quotas = SqlQuotas(database)

    @property
    def shared(self) -> bool:
        """See `Store.shared`."""
        return self._database.shared

    async def ping(self) -> None:
        """See `Store.ping`."""
        await self._database.ping()

    async def aclose(self) -> None:
        """See `Store.aclose`."""
        await self._database.aclose()


@asynccontextmanager
async def open_store(folder: Path, shared: DatabaseConfig = None) -> AsyncIterator[SqlStore]:
    """Open the database: the shared one, or that of a data folder; a new one gets its tables.

    Raises:
        ConfigInvalid: A shared one cannot be reached like this.
        DatabaseOutdated: It is of an older program (migrate it) or of a newer one (upgrade this).
        Unavailable: It cannot be used now.
    """
    database = _database(folder, shared)
    try:
        async with database.migrating():
            standing = await version(database)
            if standing is Version.NEW:
                await upgrade(database)
        if standing is Version.BEHIND:
            raise DatabaseOutdated("the database is older than this program: run migrate")
        if standing is Version.AHEAD:
            raise _newer()
        yield SqlStore(database)
    finally:
        await database.aclose()


async def migrate(folder: Path, shared: DatabaseConfig = None) -> bool:
    """Bring a database to this version; False when it was there already.

    Raises:
        ConfigInvalid, DatabaseOutdated, Unavailable: See `open_store`.
    """
    database = _database(folder, shared)
    try:
        async with database.migrating():
            standing = await version(database)
            if standing is Version.AHEAD:
                raise _newer()
            if standing is Version.CURRENT:
                return False
            await upgrade(database)
            return True
    finally:
        await database.aclose()


def _database(folder: Path, shared: DatabaseConfig) -> Database:
    if shared is None:
        return SqliteDatabase(folder / _FILE)
    from gateway.store.postgres import PostgresDatabase  # noqa: PLC0415 - needs an extra

    return PostgresDatabase(shared)


def _newer() -> DatabaseOutdated:
    return DatabaseOutdated(
        "the database is newer than this program",
        hint="install the fieldpost release that wrote it, or a newer one",
    )
