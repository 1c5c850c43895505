"""Recordings and media over SQLAlchemy Core (see `gateway.store.Recordings`)."""

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, exists, insert, select, update

from gateway.errors import RecordingDeleted, TooManySessions
from gateway.model import (
    Intent,
    MediaStatus,
    Medium,
    Recording,
    RecordingFilter,
    RecordingStatus,
)
from gateway.model_events import EventType
from gateway.store import Asked, Made, event_data
from gateway.store.database import Database
from gateway.store.events import SqlEvents, note_event
from gateway.store.finishing import Finishing
from gateway.store.intents import claim
from gateway.store.just_made import JustMade
from gateway.store.media import (
    add_media,
    finish_medium,
    medium_of,
    reopen_medium,
    size_medium,
    touch,
    withdraw_media,
)
from gateway.store.recording_rows import (
    deleted_ones,
    page_of,
    recording_of,
    recordings_of,
    to_recording,
)
from gateway.store.schema import media, recordings
from gateway.store.schema_watching import waveforms
from gateway.store.usage import Owners, count_recording, keep

# What is asked for every recording is built once: see `gateway.store.media`.
_ADD = insert(recordings).inline()
_COMPLETE = (
    update(recordings)
    .where(
        recordings.c.id == bindparam("wanted"),
        recordings.c.deleted_at.is_(None),
        recordings.c.status != RecordingStatus.UPLOADED,
        ~exists().where(
            media.c.recording_id == bindparam("wanted"),
            media.c.status != MediaStatus.UPLOADED,
        ),
        exists().where(
            media.c.id == bindparam("vouched"), media.c.content_sha256 == bindparam("digest")
        ),
    )
    .values(
        status=RecordingStatus.UPLOADED,
        content_sha256=bindparam("digest"),
        content_sha256_verified_at=bindparam("now"),
    )
    .returning(*recordings.c)
)


_SHOWN_S = 1.0
"""So long whoever only looks waits for what is being noted."""


class SqlRecordings:
    """Recordings and media in a database."""

    def __init__(self, database: Database, events: SqlEvents) -> None:
        self._database = database
        self._bell = events.bell
        self._just_made = JustMade()
        self._finishing = Finishing(database)

    async def create(self, recording: Recording, intent: Intent | None) -> Made[Recording]:
        """See `Recordings.create`."""
        made = await self._database.writing_of(
            (recording.id, *_owners(recording).subjects()), _create, recording, intent
        )
        if not made.replayed:
            self._bell.ring()
        elif (shown := await self.recording(made.value.id)) is not None:
            return Made(shown, replayed=True)
        return made

    async def recording(self, recording_id: str) -> Recording | None:
        """See `Recordings.recording`."""
        await self.settled(_SHOWN_S)
        return await self._database.asking(recording_of, recording_id)

    async def page(self, which: RecordingFilter, limit: int, offset: int) -> list[Recording]:
        """See `Recordings.page`."""
        await self.settled(_SHOWN_S)
        return await self._database.reading(page_of, which, limit, offset)

    async def delete(self, recording_id: str, at: datetime) -> Recording | None:
        """See `Recordings.delete`."""
        await self.settled()
        deleted = await self._database.writing(_delete, recording_id, at)
        if deleted is not None:
            self._just_made.drop(medium.id for medium in deleted.media)
            self._finishing.forget(medium.id for medium in deleted.media)
            self._bell.ring()
        return deleted

    async def deleted(self) -> list[Recording]:
        """See `Recordings.deleted`."""
        return await self._database.reading(deleted_ones)

    async def purged(self, recording_id: str, at: datetime) -> None:
        """See `Recordings.purged`."""
        await self._database.writing_of(recording_id, _purged, recording_id, at)

    async def add_media(
        self, recording_id: str, asked: Sequence[Asked], *, of_device: str | None, limit: int
    ) -> list[Made[Medium]]:
        """See `Recordings.add_media`."""
        keys = (recording_id,) if of_device is None else (recording_id, of_device)

        async def add() -> list[Made[Medium]]:
            return await self._database.writing_of(
                keys, add_media, recording_id, asked, of_device=of_device, limit=limit
            )

        if any(each.intent is not None for each in asked):
            # What was made before is told as it is.
            await self.settled(_SHOWN_S)
        try:
            made = await add()
        except TooManySessions:
            # Some of them may be finished, and not noted yet.
            await self.settled(_SHOWN_S)
            made = await add()
        # Writes come back in their order: what was deleted afterwards is dropped afterwards.
        self._just_made.keep(each.value for each in made if not each.replayed)
        self._just_made.drop(each.value.id for each in made if each.replayed)
        return made

    async def withdraw_media(self, media_ids: Sequence[str]) -> None:
        """See `Recordings.withdraw_media`."""
        self._just_made.drop(media_ids)
        await self._settled_for(media_ids)
        await self._database.writing(withdraw_media, media_ids)

    async def touch_medium(self, medium_id: str, at: datetime) -> None:
        """See `Recordings.touch_medium`."""
        await self._database.writing_of(medium_id, touch, medium_id, at)

    async def size_medium(self, medium_id: str, size_bytes: int) -> None:
        """See `Recordings.size_medium`."""
        await self._database.writing_of(medium_id, size_medium, medium_id, size_bytes)

    async def medium(self, medium_id: str) -> Medium | None:
        """See `Recordings.medium`."""
        await self.settled(_SHOWN_S)
        return await self._database.asking(medium_of, medium_id)

    async def awaited(self, medium_id: str) -> tuple[Medium | None, bool]:
        """See `Recordings.awaited`."""
        made = self._just_made.take(medium_id)
        return (await self.medium(medium_id), False) if made is None else (made, True)

    async def finish_medium(
        self, medium: Medium, *, size_bytes: int, sha256: str, mark: str | None = None
    ) -> Medium:
        """See `Recordings.finish_medium`."""
        finished = _finished(medium, size_bytes=size_bytes, sha256=sha256, mark=mark)
        if _is_counted(medium, size_bytes):
            await self._finishing.finish(finished)
        else:
            await self._database.writing_of(medium.recording_id, finish_medium, finished)
        return finished

    async def finish_soon(self, medium: Medium, *, size_bytes: int, sha256: str) -> Medium:
        """See `Recordings.finish_soon`."""
        if not _is_counted(medium, size_bytes):
            return await self.finish_medium(medium, size_bytes=size_bytes, sha256=sha256)
        finished = _finished(medium, size_bytes=size_bytes, sha256=sha256, mark=None)
        self._finishing.finish_soon(finished)
        return finished

    async def settled(self, at_most_s: float | None = None) -> None:
        """See `Recordings.settled`."""
        await self._finishing.settled(at_most_s)

    async def _settled_for(self, media_ids: Iterable[str]) -> None:
        """See that no note of media comes after what changes them."""
        await self._finishing.settled()
        self._finishing.forget(media_ids)

    async def reopen_medium(self, medium_id: str, *, blame: bool) -> None:
        """See `Recordings.reopen_medium`."""
        self._just_made.drop([medium_id])
        await self._settled_for([medium_id])
        await self._database.writing(reopen_medium, medium_id, blame=blame)

    async def complete(
        self,
        recording_id: str,
        medium: Medium,
        intent: Intent | None,
        at: datetime,
        *,
        origin: str | None = None,
    ) -> bool:
        """See `Recordings.complete`."""
        await self.settled()
        done = await self._database.writing_of(
            recording_id, _complete, recording_id, medium, intent, at, origin=origin
        )
        if done:
            self._bell.ring()
        return done


def _finished(medium: Medium, *, size_bytes: int, sha256: str, mark: str | None) -> Medium:
    return dataclasses.replace(
        medium,
        status=MediaStatus.UPLOADED,
        file_size_bytes=size_bytes,
        content_sha256=sha256,
        store_mark=mark,
        expired_at=None,
    )


def _is_counted(medium: Medium, size_bytes: int) -> bool:
    """Say whether a medium counts in quotas as it is, as far as is known here."""
    return medium.file_size_bytes == size_bytes and medium.expired_at is None


def _create(connection: Connection, recording: Recording, intent: Intent | None) -> Made[Recording]:
    if intent is not None and (made := claim(connection, intent, recording.id)):
        known = recording_of(connection, made)
        if known is None:
            raise RecordingDeleted("the recording of this Idempotency-Key was deleted")
        return Made(known, replayed=True)
    count_recording(connection, _owners(recording), recording.created_at)
    values = dataclasses.asdict(recording)
    del values["media"]
    connection.execute(_ADD, values)
    note_event(
        connection,
        EventType.RECORDING_CREATED,
        data=event_data.recording_created(recording),
        at=recording.created_at,
        recording_id=recording.id,
        device_id=recording.device_id,
    )
    return Made(recording, replayed=False)


def _delete(connection: Connection, recording_id: str, at: datetime) -> Recording | None:
    now_deleted = connection.execute(
        update(recordings)
        .where(recordings.c.id == recording_id, recordings.c.deleted_at.is_(None))
        .values(deleted_at=at)
    )
    # In the same transaction: no medium can be added after this, and none is overlooked.
    query = select(recordings).where(
        recordings.c.id == recording_id, recordings.c.purged_at.is_(None)
    )
    found = recordings_of(connection, query)
    if not found:
        return None
    if now_deleted.rowcount:
        sizes = [each.file_size_bytes or 0 for each in found[0].media if each.expired_at is None]
        keep(connection, _owners(found[0]), -sum(sizes))
        note_event(
            connection,
            EventType.RECORDING_DELETED,
            data=event_data.recording_deleted(found[0], at),
            at=at,
            recording_id=recording_id,
            device_id=found[0].device_id,
        )
    return found[0]


def _purged(connection: Connection, recording_id: str, at: datetime) -> None:
    its_media = select(media.c.id).where(media.c.recording_id == recording_id)
    connection.execute(delete(waveforms).where(waveforms.c.medium_id.in_(its_media)))
    connection.execute(
        update(recordings).where(recordings.c.id == recording_id).values(purged_at=at)
    )


def _complete(  # noqa: PLR0913 - a completion says all that the event tells
    connection: Connection,
    recording_id: str,
    medium: Medium,
    intent: Intent | None,
    at: datetime,
    *,
    origin: str | None,
) -> bool:
    if intent is not None:
        claim(connection, intent, recording_id)
    # Alone with the recording: no medium is just being added, or begins anew.
    row = connection.execute(
        _COMPLETE,
        {
            "wanted": recording_id,
            "vouched": medium.id,
            "digest": medium.content_sha256,
            "now": at,
        },
    ).one_or_none()
    if row is None:
        return False
    uploaded = to_recording(row, ())
    note_event(
        connection,
        EventType.RECORDING_UPLOADED,
        data=event_data.recording_uploaded(uploaded, medium, at),
        at=at,
        recording_id=recording_id,
        device_id=uploaded.device_id,
        origin=origin,
    )
    return True


def _owners(recording: Recording) -> Owners:
    return Owners(recording.device_id, recording.key_id)
