"""Leases over SQLAlchemy Core (see `gateway.store.shared.Leases`)."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from gateway.store.database import Database
from gateway.store.schema_shared import leases


class SqlLeases:
    """Leases in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def hold(self, name: str, holder: str, for_s: float) -> bool:
        """See `Leases.hold`."""
        return await self._database.writing_of(name, _hold, name, holder, for_s)

    async def drop(self, name: str, holder: str) -> None:
        """See `Leases.drop`."""
        await self._database.writing_of(name, _drop, name, holder)


def _hold(connection: Connection, name: str, holder: str, for_s: float) -> bool:
    query = select(leases).where(leases.c.name == name).with_for_update()
    held = connection.execute(query).one_or_none()
    now = _now(connection)
    values = {"holder": holder, "until": now + timedelta(seconds=for_s)}
    if held is None:
        connection.execute(insert(leases).values(name=name, **values))
        return True
    if held.holder != holder and held.until > now:
        return False
    connection.execute(update(leases).where(leases.c.name == name).values(**values))
    return True


def _drop(connection: Connection, name: str, holder: str) -> None:
    connection.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))


def _now(connection: Connection) -> datetime:
    """Ask a server that is shared what time it is: clocks of hosts differ."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return now
