"""API keys over SQLAlchemy Core (see `gateway.store.Keys`)."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from gateway.model import ApiKey, Scope
from gateway.store.database import Database
from gateway.store.schema import api_keys


class SqlKeys:
    """API keys in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, key: ApiKey) -> None:
        """See `Keys.add`."""
        async with self._database.writing() as connection:
            await connection.execute(
                insert(api_keys).values(
                    id=key.id,
                    name=key.name,
                    key_hash=key.key_hash,
                    scopes=sorted(key.scopes),
                    created_at=key.created_at,
                )
            )

    async def key(self, key_hash: str) -> ApiKey | None:
        """See `Keys.key`."""
        query = select(api_keys).where(api_keys.c.key_hash == key_hash)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _to_key(row)

    async def all(self) -> list[ApiKey]:
        """See `Keys.all`."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(api_keys).order_by(api_keys.c.seq))).all()
        return [_to_key(row) for row in rows]

    async def revoke(self, key_id: str, at: datetime) -> bool:
        """See `Keys.revoke`."""
        async with self._database.writing() as connection:
            known = await connection.execute(select(api_keys.c.id).where(api_keys.c.id == key_id))
            if known.one_or_none() is None:
                return False
            await connection.execute(
                update(api_keys)
                .where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
                .values(revoked_at=at)
            )
            return True


def _to_key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id,
        name=row.name,
        key_hash=row.key_hash,
        scopes=frozenset(Scope(scope) for scope in row.scopes),
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )
