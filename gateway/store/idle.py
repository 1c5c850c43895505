"""What nobody works at any more, over SQLAlchemy Core (see `gateway.store.Idle`)."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, func, select, update

from gateway.model import MediaStatus, Medium
from gateway.store.database import Database
from gateway.store.recordings import to_medium
from gateway.store.schema import media, recordings, store_uploads


class SqlIdle:
    """Idle media and deleted recordings in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def media(self, since: datetime) -> list[Medium]:
        """See `Idle.media`."""
        query = (
            select(media)
            .join(recordings, media.c.recording_id == recordings.c.id)
            .where(_idle(since), recordings.c.deleted_at.is_(None))
            .order_by(media.c.seq)
        )
        async with self._database.reading() as connection:
            return [to_medium(row) for row in (await connection.execute(query)).all()]

    async def expire(self, medium_id: str, *, since: datetime, at: datetime) -> bool:
        """See `Idle.expire`."""
        async with self._database.writing() as connection:
            expired = await connection.execute(
                update(media).where(media.c.id == medium_id, _idle(since)).values(expired_at=at)
            )
            if expired.rowcount:
                # Together: whoever asks from now on begins another upload, not the one that ends.
                await connection.execute(
                    delete(store_uploads).where(store_uploads.c.medium_id == medium_id)
                )
            return bool(expired.rowcount)

    async def knows(self, medium_id: str) -> bool:
        """See `Idle.knows`."""
        query = select(media.c.id).where(media.c.id == medium_id)
        async with self._database.reading() as connection:
            return (await connection.execute(query)).first() is not None

    async def was_deleted(self, recording_id: str) -> bool:
        """See `Idle.was_deleted`."""
        query = select(recordings.c.id).where(
            recordings.c.id == recording_id, recordings.c.deleted_at.is_not(None)
        )
        async with self._database.reading() as connection:
            return (await connection.execute(query)).first() is not None


def _idle(since: datetime) -> ColumnElement[bool]:
    return and_(
        media.c.status == MediaStatus.PENDING,
        media.c.expired_at.is_(None),
        func.coalesce(media.c.touched_at, media.c.created_at) < since,
    )
