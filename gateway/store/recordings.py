"""Recordings and media over SQLAlchemy Core (see `gateway.store.Recordings`)."""

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import (
    AlreadyUploaded,
    IdempotencyMismatch,
    NotFound,
    RecordingDeleted,
    TooManySessions,
)
from gateway.model import (
    Intent,
    MediaStatus,
    MediaType,
    Medium,
    Recording,
    RecordingFilter,
    RecordingStatus,
)
from gateway.store import Made
from gateway.store.database import Database
from gateway.store.intents import claim
from gateway.store.schema import media, recordings


class SqlRecordings:
    """Recordings and media in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, recording: Recording, intent: Intent | None) -> Made[Recording]:
        """See `Recordings.create`."""
        async with self._database.writing() as connection:
            if intent is not None and (made := await claim(connection, intent, recording.id)):
                known = await _recording(connection, made)
                if known is None:
                    raise RecordingDeleted("the recording of this Idempotency-Key was deleted")
                return Made(known, replayed=True)
            values = dataclasses.asdict(recording)
            del values["media"]
            await connection.execute(insert(recordings).values(**values))
        return Made(recording, replayed=False)

    async def recording(self, recording_id: str) -> Recording | None:
        """See `Recordings.recording`."""
        async with self._database.reading() as connection:
            return await _recording(connection, recording_id)

    async def page(self, which: RecordingFilter, limit: int, offset: int) -> list[Recording]:
        """See `Recordings.page`."""
        query = select(recordings).where(recordings.c.deleted_at.is_(None))
        if which.device_id is not None:
            query = query.where(recordings.c.device_id == which.device_id)
        if which.end_user_id is not None:
            query = query.where(recordings.c.end_user_id == which.end_user_id)
        if which.status is not None:
            query = query.where(recordings.c.status == which.status)
        query = query.order_by(recordings.c.seq.desc()).limit(limit).offset(offset)
        async with self._database.reading() as connection:
            return await _recordings(connection, query)

    async def delete(self, recording_id: str, at: datetime) -> Recording | None:
        """See `Recordings.delete`."""
        async with self._database.writing() as connection:
            await connection.execute(
                update(recordings)
                .where(recordings.c.id == recording_id, recordings.c.deleted_at.is_(None))
                .values(deleted_at=at)
            )
            # In the same transaction: no medium can be added after this, and none is overlooked.
            query = select(recordings).where(
                recordings.c.id == recording_id, recordings.c.purged_at.is_(None)
            )
            found = await _recordings(connection, query)
            return found[0] if found else None

    async def deleted(self) -> list[Recording]:
        """See `Recordings.deleted`."""
        query = select(recordings).where(
            recordings.c.deleted_at.is_not(None), recordings.c.purged_at.is_(None)
        )
        async with self._database.reading() as connection:
            return await _recordings(connection, query)

    async def purged(self, recording_id: str, at: datetime) -> None:
        """See `Recordings.purged`."""
        async with self._database.writing() as connection:
            await connection.execute(
                update(recordings).where(recordings.c.id == recording_id).values(purged_at=at)
            )

    async def add_medium(
        self, medium: Medium, intent: Intent | None, *, limit: int
    ) -> Made[Medium]:
        """See `Recordings.add_medium`."""
        async with self._database.writing() as connection:
            if intent is not None and (made := await claim(connection, intent, medium.id)):
                known = await _same_medium(connection, made, medium)
                await _touch(connection, known.id, medium.created_at)
                return Made(dataclasses.replace(known, expired_at=None), replayed=True)
            # Touching the row first makes a concurrent complete wait, or lets it be seen here.
            touched = await connection.execute(
                update(recordings)
                .where(
                    recordings.c.id == medium.recording_id,
                    recordings.c.deleted_at.is_(None),
                    recordings.c.status != RecordingStatus.UPLOADED,
                )
                .values(status=recordings.c.status)
            )
            if touched.rowcount == 0:
                raise AlreadyUploaded("the recording is complete and takes no more media")
            if await _unfinished_beside(connection, medium.recording_id) >= limit:
                raise TooManySessions(
                    f"{limit} media are unfinished; finish or delete some of them first"
                )
            values = dataclasses.asdict(medium)
            del values["seq"]
            await connection.execute(insert(media).values(**values))
        return Made(medium, replayed=False)

    async def touch_medium(self, medium_id: str, at: datetime) -> None:
        """See `Recordings.touch_medium`."""
        async with self._database.writing() as connection:
            await _touch(connection, medium_id, at)

    async def size_medium(self, medium_id: str, size_bytes: int) -> None:
        """See `Recordings.size_medium`."""
        async with self._database.writing() as connection:
            await connection.execute(
                update(media)
                .where(media.c.id == medium_id, media.c.file_size_bytes.is_(None))
                .values(file_size_bytes=size_bytes)
            )

    async def medium(self, medium_id: str) -> Medium | None:
        """See `Recordings.medium`."""
        async with self._database.reading() as connection:
            return await _medium(connection, medium_id)

    async def finish_medium(
        self, medium_id: str, *, size_bytes: int, sha256: str, mark: str | None = None
    ) -> Medium:
        """See `Recordings.finish_medium`."""
        async with self._database.writing() as connection:
            await connection.execute(
                update(media)
                .where(media.c.id == medium_id)
                .values(
                    status=MediaStatus.UPLOADED,
                    file_size_bytes=size_bytes,
                    content_sha256=sha256,
                    store_mark=mark,
                    expired_at=None,
                )
            )
            medium = await _medium(connection, medium_id)
            if medium is None:
                raise NotFound("the recording was deleted")
            return medium

    async def reopen_medium(self, medium_id: str, *, blame: bool) -> None:
        """See `Recordings.reopen_medium`."""
        async with self._database.writing() as connection:
            status = RecordingStatus.INTEGRITY_FAILURE if blame else recordings.c.status
            touched = await connection.execute(
                update(recordings)
                .where(
                    recordings.c.id.in_(
                        select(media.c.recording_id).where(media.c.id == medium_id)
                    ),
                    recordings.c.status != RecordingStatus.UPLOADED,
                )
                .values(status=status)
            )
            if touched.rowcount == 0:
                raise AlreadyUploaded("the recording is complete; its media stay as they are")
            await connection.execute(
                update(media)
                .where(media.c.id == medium_id)
                .values(status=MediaStatus.PENDING, content_sha256=None, store_mark=None)
            )

    async def complete(
        self, recording_id: str, medium: Medium, intent: Intent | None, at: datetime
    ) -> bool:
        """See `Recordings.complete`."""
        async with self._database.writing() as connection:
            if intent is not None:
                await claim(connection, intent, recording_id)
            done = await connection.execute(
                update(recordings)
                .where(
                    recordings.c.id == recording_id,
                    recordings.c.deleted_at.is_(None),
                    recordings.c.status != RecordingStatus.UPLOADED,
                    ~exists().where(
                        media.c.recording_id == recording_id,
                        media.c.status != MediaStatus.UPLOADED,
                    ),
                    exists().where(
                        media.c.id == medium.id, media.c.content_sha256 == medium.content_sha256
                    ),
                )
                .values(
                    status=RecordingStatus.UPLOADED,
                    content_sha256=medium.content_sha256,
                    content_sha256_verified_at=at,
                )
            )
            return bool(done.rowcount)


async def _touch(connection: AsyncConnection, medium_id: str, at: datetime) -> None:
    await connection.execute(
        update(media).where(media.c.id == medium_id).values(touched_at=at, expired_at=None)
    )


async def _unfinished_beside(connection: AsyncConnection, recording_id: str) -> int:
    """Count the pending media of whoever owns this recording."""
    owner = (
        await connection.execute(
            select(recordings.c.device_id).where(recordings.c.id == recording_id)
        )
    ).scalar_one()
    same_owner: ColumnElement[bool] = (
        recordings.c.device_id.is_(None) if owner is None else recordings.c.device_id == owner
    )
    count: int = (
        await connection.execute(
            select(func.count())
            .select_from(media.join(recordings, media.c.recording_id == recordings.c.id))
            .where(
                media.c.status == MediaStatus.PENDING,
                media.c.expired_at.is_(None),
                recordings.c.deleted_at.is_(None),
                same_owner,
            )
        )
    ).scalar_one()
    return count


async def _same_medium(connection: AsyncConnection, medium_id: str, asked: Medium) -> Medium:
    """Return the medium a key made, after agreeing on its declared digest."""
    known = await _medium(connection, medium_id)
    if known is None:
        raise RecordingDeleted("the recording of this Idempotency-Key was deleted")
    if asked.declared_sha256 is None or asked.declared_sha256 == known.declared_sha256:
        return known
    if known.declared_sha256 is not None:
        raise IdempotencyMismatch("this Idempotency-Key was used for a medium of another digest")
    if known.status is MediaStatus.UPLOADED:
        return known
    await connection.execute(
        update(media).where(media.c.id == medium_id).values(declared_sha256=asked.declared_sha256)
    )
    return dataclasses.replace(known, declared_sha256=asked.declared_sha256)


async def _recording(connection: AsyncConnection, recording_id: str) -> Recording | None:
    query = select(recordings).where(
        recordings.c.id == recording_id, recordings.c.deleted_at.is_(None)
    )
    found = await _recordings(connection, query)
    return found[0] if found else None


async def _recordings(connection: AsyncConnection, query: Select[Any]) -> list[Recording]:
    rows = (await connection.execute(query)).all()
    if not rows:
        return []
    ids = [row.id for row in rows]
    beside: dict[str, list[Medium]] = defaultdict(list)
    of_these = select(media).where(media.c.recording_id.in_(ids)).order_by(media.c.seq)
    for row in (await connection.execute(of_these)).all():
        beside[row.recording_id].append(to_medium(row))
    return [_to_recording(row, beside[row.id]) for row in rows]


async def _medium(connection: AsyncConnection, medium_id: str) -> Medium | None:
    row = (
        await connection.execute(
            select(media)
            .join(recordings, media.c.recording_id == recordings.c.id)
            .where(media.c.id == medium_id, recordings.c.deleted_at.is_(None))
        )
    ).one_or_none()
    return None if row is None else to_medium(row)


def to_medium(row: Row[Any]) -> Medium:
    """Read a row of media."""
    values = dict(row._mapping)  # noqa: SLF001 - the documented accessor
    values["type"] = MediaType(values["type"])
    values["status"] = MediaStatus(values["status"])
    del values["touched_at"]
    return Medium(**values)


def _to_recording(row: Row[Any], beside: Sequence[Medium]) -> Recording:
    values = dict(row._mapping)  # noqa: SLF001 - the documented accessor
    del values["seq"], values["purged_at"]
    values["status"] = RecordingStatus(values["status"])
    return Recording(**values, media=tuple(beside))
