"""Waveforms over SQLAlchemy Core (see `gateway.store.watching.Waveforms`)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, or_, select

from gateway.core.watching import Waves
from gateway.store.database import Database
from gateway.store.schema import media, recordings
from gateway.store.schema_watching import waveforms


class SqlWaveforms:
    """Waveforms in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def known(self, medium_ids: Sequence[str], failed_after: datetime) -> dict[str, Waves]:
        """See `Waveforms.known`."""
        return await self._database.reading(_known, medium_ids, failed_after)

    async def keep(self, medium_id: str, waves: Waves, at: datetime) -> None:
        """See `Waveforms.keep`."""
        await self._database.writing_of(medium_id, _keep, medium_id, waves, at)


def _known(
    connection: Connection, medium_ids: Sequence[str], failed_after: datetime
) -> dict[str, Waves]:
    query = select(waveforms).where(
        waveforms.c.medium_id.in_(medium_ids),
        or_(waveforms.c.reason.is_(None), waveforms.c.made_at > failed_after),
    )
    return {
        row.medium_id: Waves(
            sha256=row.sha256,
            duration_ms=row.duration_ms,
            peaks=None if row.peaks is None else tuple(row.peaks),
            reason=row.reason,
        )
        for row in connection.execute(query).all()
    }


def _keep(connection: Connection, medium_id: str, waves: Waves, at: datetime) -> None:
    there = connection.execute(
        select(media.c.id)
        .join(recordings, recordings.c.id == media.c.recording_id)
        .where(media.c.id == medium_id, recordings.c.deleted_at.is_(None))
    ).one_or_none()
    if there is None:
        # Deleted while it was decoded: how it sounded goes with it.
        return
    connection.execute(delete(waveforms).where(waveforms.c.medium_id == medium_id))
    connection.execute(
        insert(waveforms).values(
            medium_id=medium_id,
            sha256=waves.sha256,
            duration_ms=waves.duration_ms,
            peaks=None if waves.peaks is None else list(waves.peaks),
            reason=waves.reason,
            made_at=at,
        )
    )
