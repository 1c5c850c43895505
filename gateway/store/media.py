"""Media inside a transaction: what `SqlRecordings` does about them, as plain SQL functions."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from gateway.errors import (
    AlreadyUploaded,
    IdempotencyMismatch,
    NotFound,
    RecordingDeleted,
    TooManySessions,
    Verifying,
)
from gateway.model import MediaStatus, MediaType, Medium, RecordingStatus
from gateway.store import Asked, Made
from gateway.store.intents import claim_all, claimed
from gateway.store.schema import media, recordings, store_uploads
from gateway.store.schema_shared import leases
from gateway.store.shared import refusing
from gateway.store.usage import Owners, correct_media, count_media, keep

# What every image costs is built once: to build a statement takes longer than to run it.
_RECORDING = select(recordings.c.device_id, recordings.c.key_id, recordings.c.status).where(
    recordings.c.id == bindparam("wanted"), recordings.c.deleted_at.is_(None)
)
_MEDIUM = (
    select(media)
    .join(recordings, media.c.recording_id == recordings.c.id)
    .where(media.c.id == bindparam("wanted"), recordings.c.deleted_at.is_(None))
)
FINISH = (
    update(media)
    .where(
        media.c.id == bindparam("wanted"),
        exists().where(recordings.c.id == media.c.recording_id, recordings.c.deleted_at.is_(None)),
    )
    .values(
        status=MediaStatus.UPLOADED,
        file_size_bytes=bindparam("counted_bytes"),
        content_sha256=bindparam("counted_sha256"),
        store_mark=bindparam("mark"),
        expired_at=None,
    )
)
_STANDING = (
    select(
        recordings.c.device_id,
        recordings.c.key_id,
        recordings.c.deleted_at,
        media.c.status,
        media.c.file_size_bytes,
        media.c.created_at,
        media.c.expired_at,
    )
    .join(recordings, media.c.recording_id == recordings.c.id)
    .where(media.c.id == bindparam("wanted"))
    .with_for_update(of=media)
)
_REFUSING = select(leases.c.holder).where(
    leases.c.name == bindparam("lease"), leases.c.until > func.now()
)
_FINISH_SHARED = FINISH.where(~_REFUSING.exists())
_UNFINISHED = (
    select(func.count())
    .select_from(media.join(recordings, media.c.recording_id == recordings.c.id))
    .where(
        media.c.status == MediaStatus.PENDING,
        media.c.expired_at.is_(None),
        recordings.c.deleted_at.is_(None),
    )
)
_OWNED = _UNFINISHED.where(recordings.c.device_id == bindparam("owner"))
_UNOWNED = _UNFINISHED.where(recordings.c.device_id.is_(None))
_ADD = insert(media)
_COLUMNS = tuple(column.name for column in media.c if column.name not in {"seq", "touched_at"})


def add_media(
    connection: Connection,
    recording_id: str,
    asked: Sequence[Asked],
    *,
    of_device: str | None,
    limit: int,
) -> list[Made[Medium]]:
    """See `Recordings.add_media`."""
    # Alone with the recording: it is not just being completed, nor asked the same.
    recording = connection.execute(_RECORDING, {"wanted": recording_id}).one_or_none()
    if recording is None or of_device not in (None, recording.device_id):
        raise NotFound("there is no such recording")
    known = claimed(connection, [each.intent for each in asked if each.intent is not None])
    made: list[Made[Medium]] = []
    for each in asked:
        if each.intent is not None and each.intent.key in known:
            again = _same_medium(connection, known[each.intent.key], each.medium)
            touch(connection, again.id, each.medium.created_at)
            made.append(Made(dataclasses.replace(again, expired_at=None), replayed=True))
        else:
            made.append(Made(each.medium, replayed=False))
    new = [each for each, one in zip(asked, made, strict=True) if not one.replayed]
    if new:
        if recording.status == RecordingStatus.UPLOADED:
            raise AlreadyUploaded("the recording is complete and takes no more media")
        if _unfinished(connection, recording.device_id) + len(new) > limit:
            raise TooManySessions(
                f"{limit} media are unfinished; finish or delete some of them first"
            )
        count_media(
            connection,
            Owners(recording.device_id, recording.key_id),
            [each.medium.file_size_bytes for each in new],
            new[0].medium.created_at,
        )
        claim_all(connection, {a.medium.id: a.intent for a in new if a.intent is not None})
        connection.execute(_ADD, [_values(each.medium) for each in new])
    return made


def withdraw_media(connection: Connection, media_ids: Sequence[str]) -> None:
    """See `Recordings.withdraw_media`."""
    connection.execute(delete(store_uploads).where(store_uploads.c.medium_id.in_(media_ids)))
    for medium_id in media_ids:
        row = connection.execute(_STANDING, {"wanted": medium_id}).one_or_none()
        if row is not None and row.status == MediaStatus.PENDING:
            _resize(connection, row, 0)
    connection.execute(
        delete(media).where(media.c.id.in_(media_ids), media.c.status == MediaStatus.PENDING)
    )


def touch(connection: Connection, medium_id: str, at: datetime) -> None:
    """See `Recordings.touch_medium`."""
    row = connection.execute(_STANDING, {"wanted": medium_id}).one_or_none()
    if row is not None:
        _resize(connection, row, row.file_size_bytes)
    connection.execute(
        update(media).where(media.c.id == medium_id).values(touched_at=at, expired_at=None)
    )


def size_medium(connection: Connection, medium_id: str, size_bytes: int) -> None:
    """See `Recordings.size_medium`."""
    row = connection.execute(_STANDING, {"wanted": medium_id}).one_or_none()
    if row is not None and row.file_size_bytes is None:
        _resize(connection, row, size_bytes)
        connection.execute(
            update(media).where(media.c.id == medium_id).values(file_size_bytes=size_bytes)
        )


def medium_of(connection: Connection, medium_id: str) -> Medium | None:
    """See `Recordings.medium`."""
    row = connection.execute(_MEDIUM, {"wanted": medium_id}).one_or_none()
    return None if row is None else to_medium(row)


def finish_medium(connection: Connection, finished: Medium) -> None:
    """See `Recordings.finish_medium`, of one that is not counted as it is, for all we know."""
    if row := connection.execute(_STANDING, {"wanted": finished.id}).one_or_none():
        _resize(connection, row, finished.file_size_bytes)
    lease = {"lease": refusing(finished.id)}
    # SQLite is one process's, and that knows what it does.
    is_shared = connection.dialect.name != "sqlite"
    done = connection.execute(
        _FINISH_SHARED if is_shared else FINISH,
        {**finishing(finished), **(lease if is_shared else {})},
    )
    if done.rowcount == 0:
        if connection.execute(_REFUSING, lease).first() is not None:
            raise Verifying("another gateway puts the medium aside; ask again")
        raise NotFound("the recording was deleted")


def finishing(finished: Medium) -> dict[str, Any]:
    """Give the values of `FINISH`."""
    return {
        "wanted": finished.id,
        "counted_bytes": finished.file_size_bytes,
        "counted_sha256": finished.content_sha256,
        "mark": finished.store_mark,
    }


def reopen_medium(connection: Connection, medium_id: str, *, blame: bool) -> None:
    """See `Recordings.reopen_medium`."""
    status = RecordingStatus.INTEGRITY_FAILURE if blame else recordings.c.status
    touched = connection.execute(
        update(recordings)
        .where(
            recordings.c.id.in_(select(media.c.recording_id).where(media.c.id == medium_id)),
            recordings.c.status != RecordingStatus.UPLOADED,
        )
        .values(status=status)
    )
    if touched.rowcount == 0:
        raise AlreadyUploaded("the recording is complete; its media stay as they are")
    connection.execute(
        update(media)
        .where(media.c.id == medium_id)
        .values(status=MediaStatus.PENDING, content_sha256=None, store_mark=None)
    )


def to_medium(row: Row[Any]) -> Medium:
    """Read a row of media."""
    return medium_from(dict(row._mapping))  # noqa: SLF001 - the documented accessor


def medium_from(values: dict[str, Any]) -> Medium:
    """Read the columns of media, by name."""
    values["type"] = MediaType(values["type"])
    values["status"] = MediaStatus(values["status"])
    del values["touched_at"]
    return Medium(**values)


def _resize(connection: Connection, row: Any, size_bytes: int | None) -> None:
    """Count a medium as it is from now on, and as not expired."""
    if row.deleted_at is not None:
        return
    owners = Owners(row.device_id, row.key_id)
    if row.expired_at is not None:
        keep(connection, owners, row.file_size_bytes or 0)
    if more_bytes := (size_bytes or 0) - (row.file_size_bytes or 0):
        correct_media(connection, owners, more_bytes, row.created_at)


def _values(medium: Medium) -> dict[str, Any]:
    return {name: getattr(medium, name) for name in _COLUMNS}


def _unfinished(connection: Connection, owner: str | None) -> int:
    """Count the pending media of a device, or of all API keys together."""
    query, values = (_UNOWNED, {}) if owner is None else (_OWNED, {"owner": owner})
    count: int = connection.execute(query, values).scalar_one()
    return count


def _same_medium(connection: Connection, medium_id: str, asked: Medium) -> Medium:
    """Return the medium a key made, after agreeing on its declared digest."""
    known = medium_of(connection, medium_id)
    if known is None:
        raise RecordingDeleted("the recording of this Idempotency-Key was deleted")
    if asked.declared_sha256 is None or asked.declared_sha256 == known.declared_sha256:
        return known
    if known.declared_sha256 is not None:
        raise IdempotencyMismatch("this Idempotency-Key was used for a medium of another digest")
    if known.status is MediaStatus.UPLOADED:
        return known
    connection.execute(
        update(media).where(media.c.id == medium_id).values(declared_sha256=asked.declared_sha256)
    )
    return dataclasses.replace(known, declared_sha256=asked.declared_sha256)
