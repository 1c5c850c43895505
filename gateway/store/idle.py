"""What nobody works at any more, over SQLAlchemy Core (see `gateway.store.Idle`)."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select, update

from gateway.model import MediaStatus, Medium
from gateway.store.database import Database
from gateway.store.media import to_medium
from gateway.store.schema import media, recordings, store_uploads
from gateway.store.usage import Owners, keep


class SqlIdle:
    """Idle media and deleted recordings in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def media(self, since: datetime) -> list[Medium]:
        """See `Idle.media`."""
        return await self._database.reading(_media, since)

    async def expire(self, medium_id: str, *, since: datetime, at: datetime) -> bool:
        """See `Idle.expire`."""
        return await self._database.writing(_expire, medium_id, since=since, at=at)

    async def knows(self, medium_id: str) -> bool:
        """See `Idle.knows`."""
        return await self._database.reading(_knows, medium_id)

    async def was_deleted(self, recording_id: str) -> bool:
        """See `Idle.was_deleted`."""
        return await self._database.reading(_was_deleted, recording_id)


def _media(connection: Connection, since: datetime) -> list[Medium]:
    query = (
        select(media)
        .join(recordings, media.c.recording_id == recordings.c.id)
        .where(_idle(since), recordings.c.deleted_at.is_(None))
        .order_by(media.c.seq)
    )
    return [to_medium(row) for row in connection.execute(query).all()]


def _expire(connection: Connection, medium_id: str, *, since: datetime, at: datetime) -> bool:
    expired = connection.execute(
        update(media).where(media.c.id == medium_id, _idle(since)).values(expired_at=at)
    )
    if expired.rowcount:
        row = connection.execute(
            select(recordings.c.device_id, recordings.c.key_id, media.c.file_size_bytes)
            .join(recordings, media.c.recording_id == recordings.c.id)
            .where(media.c.id == medium_id, recordings.c.deleted_at.is_(None))
        ).one_or_none()
        if row is not None:
            keep(connection, Owners(row.device_id, row.key_id), -(row.file_size_bytes or 0))
        # Together: whoever asks from now on begins another upload, not the one that ends.
        connection.execute(delete(store_uploads).where(store_uploads.c.medium_id == medium_id))
    return bool(expired.rowcount)


def _knows(connection: Connection, medium_id: str) -> bool:
    query = select(media.c.id).where(media.c.id == medium_id)
    return connection.execute(query).first() is not None


def _was_deleted(connection: Connection, recording_id: str) -> bool:
    query = select(recordings.c.id).where(
        recordings.c.id == recording_id, recordings.c.deleted_at.is_not(None)
    )
    return connection.execute(query).first() is not None


def _idle(since: datetime) -> ColumnElement[bool]:
    return and_(
        media.c.status == MediaStatus.PENDING,
        media.c.expired_at.is_(None),
        func.coalesce(media.c.touched_at, media.c.created_at) < since,
    )
