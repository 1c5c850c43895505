"""Uploads that an object store keeps itself, over SQLAlchemy Core (see `gateway.store.Uploads`)."""

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.database import Database
from gateway.store.schema import store_uploads


class SqlUploads:
    """Names of uploads in a database, one for each medium at most."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def handle(self, medium_id: str) -> str | None:
        """See `Uploads.handle`."""
        async with self._database.reading() as connection:
            return await _handle(connection, medium_id)

    async def keep(self, medium_id: str, handle: str) -> str:
        """See `Uploads.keep`."""
        async with self._database.writing() as connection:
            known = await _handle(connection, medium_id)
            if known is None:
                await connection.execute(
                    insert(store_uploads).values(medium_id=medium_id, handle=handle)
                )
            return known or handle

    async def drop(self, medium_id: str, handle: str) -> None:
        """See `Uploads.drop`."""
        async with self._database.writing() as connection:
            await connection.execute(
                delete(store_uploads).where(
                    store_uploads.c.medium_id == medium_id, store_uploads.c.handle == handle
                )
            )

    async def all(self) -> dict[str, str]:
        """See `Uploads.all`."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(store_uploads))).all()
            return {row.medium_id: row.handle for row in rows}


async def _handle(connection: AsyncConnection, medium_id: str) -> str | None:
    query = select(store_uploads.c.handle).where(store_uploads.c.medium_id == medium_id)
    return (await connection.execute(query)).scalar_one_or_none()
