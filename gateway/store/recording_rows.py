"""Recordings with their media as they are read, as plain SQL functions."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, select

from gateway.model import Medium, Recording, RecordingFilter, RecordingStatus
from gateway.store.media import medium_from, to_medium
from gateway.store.schema import media, recordings

_WANTED = (
    select(*recordings.c, *media.c)
    .select_from(recordings.outerjoin(media, media.c.recording_id == recordings.c.id))
    .where(recordings.c.id == bindparam("wanted"), recordings.c.deleted_at.is_(None))
    .order_by(media.c.seq)
)
_WIDTH = len(recordings.c)


def page_of(
    connection: Connection, which: RecordingFilter, limit: int, offset: int
) -> list[Recording]:
    """See `Recordings.page`."""
    query = select(recordings).where(recordings.c.deleted_at.is_(None))
    if which.device_id is not None:
        query = query.where(recordings.c.device_id == which.device_id)
    if which.end_user_id is not None:
        query = query.where(recordings.c.end_user_id == which.end_user_id)
    if which.status is not None:
        query = query.where(recordings.c.status == which.status)
    query = query.order_by(recordings.c.seq.desc()).limit(limit).offset(offset)
    return recordings_of(connection, query)


def deleted_ones(connection: Connection) -> list[Recording]:
    """See `Recordings.deleted`."""
    query = select(recordings).where(
        recordings.c.deleted_at.is_not(None), recordings.c.purged_at.is_(None)
    )
    return recordings_of(connection, query)


def recording_of(connection: Connection, recording_id: str) -> Recording | None:
    """See `Recordings.recording`; one statement."""
    # One statement, the recording again beside each medium: two would need a snapshot.
    rows = connection.execute(_WANTED, {"wanted": recording_id}).all()
    if not rows:
        return None
    beside = [dict(zip(media.c.keys(), row[_WIDTH:], strict=True)) for row in rows]
    return _from_columns(
        dict(zip(recordings.c.keys(), rows[0][:_WIDTH], strict=True)),
        [medium_from(each) for each in beside if each["id"] is not None],
    )


def recordings_of(connection: Connection, query: Select[Any]) -> list[Recording]:
    """Read the recordings that a query of rows gives, with their media."""
    rows = connection.execute(query).all()
    if not rows:
        return []
    ids = [row.id for row in rows]
    beside: dict[str, list[Medium]] = defaultdict(list)
    of_these = select(media).where(media.c.recording_id.in_(ids)).order_by(media.c.seq)
    for row in connection.execute(of_these).all():
        beside[row.recording_id].append(to_medium(row))
    return [to_recording(row, beside[row.id]) for row in rows]


def to_recording(row: Row[Any], beside: Sequence[Medium]) -> Recording:
    """Read a row of recordings."""
    return _from_columns(dict(row._mapping), beside)  # noqa: SLF001 - the documented accessor


def _from_columns(values: dict[str, Any], beside: Sequence[Medium]) -> Recording:
    del values["seq"], values["purged_at"]
    values["status"] = RecordingStatus(values["status"])
    return Recording(**values, media=tuple(beside))
