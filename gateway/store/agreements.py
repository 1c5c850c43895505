"""Agreements over SQLAlchemy Core (see `gateway.store.shared.Agreements`)."""

from sqlalchemy import Connection, delete, insert, select

from gateway.store.database import Database
from gateway.store.schema_shared import agreements


class SqlAgreements:
    """Agreements in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def agree(self, name: str, value: str) -> bool:
        """See `Agreements.agree`."""
        known = await self._database.asking(_value, name)
        return (known or await self._database.writing(_agree, name, value)) == value

    async def adopt(self, name: str, value: str) -> None:
        """See `Agreements.adopt`."""
        await self._database.writing(_adopt, name, value)


def _value(connection: Connection, name: str) -> str | None:
    query = select(agreements.c.value).where(agreements.c.name == name)
    return connection.execute(query).scalar_one_or_none()


def _agree(connection: Connection, name: str, value: str) -> str:
    known = _value(connection, name)
    if known is None:
        connection.execute(insert(agreements).values(name=name, value=value))
    return known or value


def _adopt(connection: Connection, name: str, value: str) -> None:
    connection.execute(delete(agreements).where(agreements.c.name == name))
    connection.execute(insert(agreements).values(name=name, value=value))
