"""API keys over SQLAlchemy Core (see `gateway.store.callers.Keys`)."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from gateway.model import ApiKey, Scope
from gateway.store.database import Database
from gateway.store.remembered import Remembered
from gateway.store.schema import api_keys


class SqlKeys:
    """API keys in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._remembered: Remembered[ApiKey] = Remembered()

    async def add(self, key: ApiKey) -> None:
        """See `Keys.add`."""
        await self._database.writing(_add, key)

    async def key(self, key_hash: str) -> ApiKey | None:
        """See `Keys.key`."""
        return await self._remembered.get(key_hash, lambda: self._database.asking(_key, key_hash))

    async def all(self) -> list[ApiKey]:
        """See `Keys.all`."""
        return await self._database.reading(_all)

    async def revoke(self, key_id: str, at: datetime) -> bool:
        """See `Keys.revoke`."""
        with self._remembered.changing():
            return await self._database.writing(_revoke, key_id, at)


def _add(connection: Connection, key: ApiKey) -> None:
    connection.execute(
        insert(api_keys).values(
            id=key.id,
            name=key.name,
            key_hash=key.key_hash,
            scopes=sorted(key.scopes),
            created_at=key.created_at,
        )
    )


def _key(connection: Connection, key_hash: str) -> ApiKey | None:
    query = select(api_keys).where(api_keys.c.key_hash == key_hash)
    row = connection.execute(query).one_or_none()
    return None if row is None else to_key(row)


def _all(connection: Connection) -> list[ApiKey]:
    rows = connection.execute(select(api_keys).order_by(api_keys.c.seq)).all()
    return [to_key(row) for row in rows]


def _revoke(connection: Connection, key_id: str, at: datetime) -> bool:
    known = connection.execute(select(api_keys.c.id).where(api_keys.c.id == key_id))
    if known.one_or_none() is None:
        return False
    connection.execute(
        update(api_keys)
        .where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=at)
    )
    return True


def to_key(row: Row[Any]) -> ApiKey:
    """Read a row of `api_keys`."""
    return ApiKey(
        id=row.id,
        name=row.name,
        key_hash=row.key_hash,
        scopes=frozenset(Scope(scope) for scope in row.scopes),
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )
