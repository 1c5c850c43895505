"""Uploaded recordings by their age over SQLAlchemy Core (see `gateway.store.bounds.Ageing`)."""

from datetime import datetime

from sqlalchemy import Connection, select

from gateway.model import RecordingStatus
from gateway.model_bounds import Aged
from gateway.store.database import Database
from gateway.store.schema import recordings


class SqlAgeing:
    """Old recordings in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, before: datetime, *, after_seq: int, limit: int, device_id: str | None = None
    ) -> list[Aged]:
        """See `Ageing.page`."""
        return await self._database.reading(
            _page, before, after_seq=after_seq, limit=limit, device_id=device_id
        )


def _page(
    connection: Connection,
    before: datetime,
    *,
    after_seq: int,
    limit: int,
    device_id: str | None,
) -> list[Aged]:
    query = (
        select(
            recordings.c.seq,
            recordings.c.id,
            recordings.c.device_id,
            recordings.c.content_sha256_verified_at,
        )
        .where(
            recordings.c.status == RecordingStatus.UPLOADED,
            recordings.c.deleted_at.is_(None),
            recordings.c.content_sha256_verified_at < before,
            recordings.c.seq > after_seq,
        )
        .order_by(recordings.c.seq)
        .limit(limit)
    )
    if device_id is not None:
        query = query.where(recordings.c.device_id == device_id)
    return [
        Aged(row.seq, row.id, row.device_id, row.content_sha256_verified_at)
        for row in connection.execute(query).all()
    ]
