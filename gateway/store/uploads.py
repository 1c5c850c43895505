"""Uploads that an object store keeps itself, over SQLAlchemy Core (see `gateway.store.Uploads`)."""

from sqlalchemy import Connection, delete, insert, select

from gateway.store.database import Database
from gateway.store.schema import store_uploads


class SqlUploads:
    """Names of uploads in a database, one for each medium at most."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def handle(self, medium_id: str) -> str | None:
        """See `Uploads.handle`."""
        return await self._database.asking(_handle, medium_id)

    async def keep(self, medium_id: str, handle: str) -> str:
        """See `Uploads.keep`."""
        return await self._database.writing_of(medium_id, _keep, medium_id, handle)

    async def drop(self, medium_id: str, handle: str) -> None:
        """See `Uploads.drop`."""
        await self._database.writing_of(medium_id, _drop, medium_id, handle)

    async def all(self) -> dict[str, str]:
        """See `Uploads.all`."""
        return await self._database.reading(_all)


def _handle(connection: Connection, medium_id: str) -> str | None:
    query = select(store_uploads.c.handle).where(store_uploads.c.medium_id == medium_id)
    return connection.execute(query).scalar_one_or_none()


def _keep(connection: Connection, medium_id: str, handle: str) -> str:
    known = _handle(connection, medium_id)
    if known is None:
        connection.execute(insert(store_uploads).values(medium_id=medium_id, handle=handle))
    return known or handle


def _drop(connection: Connection, medium_id: str, handle: str) -> None:
    connection.execute(
        delete(store_uploads).where(
            store_uploads.c.medium_id == medium_id, store_uploads.c.handle == handle
        )
    )


def _all(connection: Connection) -> dict[str, str]:
    rows = connection.execute(select(store_uploads)).all()
    return {row.medium_id: row.handle for row in rows}
