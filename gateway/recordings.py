"""What can be done with recordings: create, find, hand out URLs, complete, delete."""

import asyncio
import dataclasses
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from device.clock import Clock
from gateway.access import new_id
from gateway.core.completion import Complete, Mismatch, NoMedia, Pending, decide
from gateway.core.ids import Prefix
from gateway.errors import (
    Conflict,
    DigestConflict,
    Forbidden,
    GatewayError,
    InvalidRequest,
    MediaPending,
    NoMediaUploaded,
    NotFound,
    Unavailable,
)
from gateway.intake import Intake, ref_of
from gateway.metrics import Metrics
from gateway.model import (
    Caller,
    DeviceCaller,
    Intent,
    KeyCaller,
    MediaStatus,
    Medium,
    Recording,
    RecordingFilter,
    RecordingStatus,
)
from gateway.objects import ObjectStore, SignedFor, UploadTarget
from gateway.store import Asked, Made, Store

logger = logging.getLogger(__name__)

TRIAL = "fieldpost_trial"
"""Metadata of what `fieldpost doctor` and `probe` create, fill and delete again."""

_DECISIONS = 4
_AT_ONCE = 8

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOut:
    """A medium and where it goes up."""

    made: Made[Medium]
    target: UploadTarget
    expires_at: datetime


class RecordingDesk:
    """The use cases of recordings; each says for whom it acts."""

    def __init__(  # noqa: PLR0913 - the composition root wires seams by keyword
        self,
        store: Store,
        objects: ObjectStore,
        intake: Intake,
        metrics: Metrics,
        clock: Clock,
        *,
        url_ttl_s: int,
        max_sessions: int,
    ) -> None:
        self._store = store
        self._objects = objects
        self._intake = intake
        self._metrics = metrics
        self._clock = clock
        self._url_ttl = timedelta(seconds=url_ttl_s)
        self._max_sessions = max_sessions

    @property
    def most_unfinished(self) -> int:
        """How many unfinished media one device may have: it never gets URLs of more at once."""
        return self._max_sessions

    async def create(
        self, caller: Caller, wanted: Recording, intent: Intent | None
    ) -> Made[Recording]:
        """Create a recording; `wanted` carries what the client said, ids and times are ours."""
        device_id, end_user_id = wanted.device_id, wanted.end_user_id
        if isinstance(caller, DeviceCaller):
            device_id, end_user_id = caller.device_id, None
        if device_id is not None:
            device = await self._store.devices.device(device_id)
            if device is None:
                raise InvalidRequest("there is no such device", details={"field": "device_id"})
            end_user_id = end_user_id or device.end_user_id
        recording = dataclasses.replace(
            wanted,
            id=new_id(Prefix.RECORDING),
            created_at=self._clock.now(),
            device_id=device_id,
            key_id=caller.key_id if isinstance(caller, KeyCaller) else None,
            end_user_id=end_user_id,
        )
        made = await self._store.recordings.create(recording, intent)
        if not made.replayed:
            logger.info(
                "A recording was created.",
                extra={"recording_id": recording.id, "device_id": device_id},
            )
        return made

    async def find(self, caller: Caller, recording_id: str) -> Recording:
        """Look up a recording the caller may see.

        Raises:
            NotFound: No such recording, or another device's: that looks the same.
        """
        recording = await self._store.recordings.recording(recording_id)
        if recording is None or (
            isinstance(caller, DeviceCaller) and recording.device_id != caller.device_id
        ):
            raise NotFound("there is no such recording")
        return recording

    async def page(
        self, caller: Caller, which: RecordingFilter, *, limit: int, offset: int
    ) -> tuple[list[Recording], bool]:
        """List recordings the caller may see, newest first, and whether there are more."""
        if isinstance(caller, DeviceCaller):
            which = dataclasses.replace(which, device_id=caller.device_id)
        found = await self._store.recordings.page(which, limit + 1, offset)
        return found[:limit], len(found) > limit

    async def delete(self, caller: Caller, recording_id: str) -> None:
        """Delete a recording and its objects; a device can withdraw what it sent to try us out.

        Raises:
            NotFound: See `find`.
            Forbidden: A device asks for it, and this is no trial.
        """
        recording = await self.find(caller, recording_id)
        if isinstance(caller, DeviceCaller) and not _is_trial(recording):
            raise Forbidden("a device deletes nothing but its own trials; this needs an API key")
        await self.expire(recording.id)

    async def expire(self, recording_id: str) -> None:
        """Delete a recording and its objects, whoever wants it; repeatable."""
        doomed = await self._store.recordings.delete(recording_id, self._clock.now())
        if doomed is not None:
            logger.info("A recording was deleted.", extra={"recording_id": recording_id})
            await self._purge(doomed)

    async def purge_deleted(self) -> None:
        """Remove the objects of recordings whose deletion was interrupted; at start-up.

        Ends early where the store is away: each question to it would wait in vain.
        """
        for recording in await self._store.recordings.deleted():
            # Its heirs are about this recording alone.
            if type(await self._purge(recording)) is Unavailable:
                return

    async def upload_urls(
        self, caller: Caller, recording_id: str, asked: Sequence[Asked], *, base_url: str
    ) -> list[HandedOut]:
        """Hand out where new media go up, all or none; a known intent gives its medium again.

        Raises:
            NotFound: No such recording, or another device's: that looks the same.
        """
        now = self._clock.now()
        made = await self._store.recordings.add_media(
            recording_id,
            [
                dataclasses.replace(
                    each,
                    medium=dataclasses.replace(
                        each.medium, id=new_id(Prefix.MEDIUM), created_at=now
                    ),
                )
                for each in asked
            ],
            of_device=caller.device_id if isinstance(caller, DeviceCaller) else None,
            limit=self._max_sessions,
        )
        expires_at = self._expiry()
        signed = self._signed(base_url, expires_at)
        try:
            targets = await self._each(
                [one.value for one in made], lambda medium: self._intake.target(medium, signed)
            )
        except GatewayError:
            # Without a key nobody can ask for them again: they would hold up the recording for
            # ever. With one the same request finds the same media.
            lost = [
                one.value.id for one, each in zip(made, asked, strict=True) if each.intent is None
            ]
            if lost:
                await self._store.recordings.withdraw_media(lost)
            raise
        return [
            HandedOut(made=one, target=target, expires_at=expires_at)
            for one, target in zip(made, targets, strict=True)
        ]

    async def download_url(
        self, caller: Caller, recording_id: str, medium_id: str, *, base_url: str
    ) -> tuple[Medium, str, datetime]:
        """Hand out where a whole medium can be fetched.

        Raises:
            NotFound: No such recording or medium.
            Conflict: The medium is not whole.
        """
        recording = await self.find(caller, recording_id)
        medium = next((m for m in recording.media if m.id == medium_id), None)
        if medium is None:
            raise NotFound("the recording has no such medium")
        if medium.status is not MediaStatus.UPLOADED:
            raise MediaPending("the medium is not uploaded yet", details={"media_ids": [medium.id]})
        expires_at = self._expiry()
        url = await self._objects.download_url(ref_of(medium), self._signed(base_url, expires_at))
        return medium, url, expires_at

    async def download_urls(
        self, recording: Recording, *, base_url: str
    ) -> tuple[dict[str, str], datetime]:
        """Hand out where all whole media of a recording can be fetched, by id, and until when."""
        expires_at = self._expiry()
        signed = self._signed(base_url, expires_at)
        whole = [m for m in recording.media if m.status is MediaStatus.UPLOADED]
        urls = await self._each(
            whole, lambda medium: self._objects.download_url(ref_of(medium), signed)
        )
        return {medium.id: url for medium, url in zip(whole, urls, strict=True)}, expires_at

    async def complete(
        self,
        caller: Caller,
        recording_id: str,
        claimed_sha256: str | None,
        intent: Intent | None,
        *,
        base_url: str | None = None,
    ) -> Recording:
        """Mark a recording as uploaded, once every medium is whole and the digest is right.

        Repeatable: the same claim gives the same answer. `base_url` is where whoever is told of it
        can fetch its media.

        Raises:
            NoMediaUploaded, MediaPending, DigestConflict: Why it is not.
        """
        for _ in range(_DECISIONS):
            recording = await self.find(caller, recording_id)
            if recording.status is RecordingStatus.UPLOADED:
                return await self._repeated(recording, claimed_sha256, intent)
            media = await self._each(recording.media, self._intake.recover)
            match decide(media, claimed_sha256):
                case NoMedia():
                    raise NoMediaUploaded("the recording has no medium; upload one first")
                case Pending(media_ids=media_ids):
                    raise MediaPending(
                        f"{len(media_ids)} media are not uploaded yet",
                        details={"media_ids": list(media_ids)},
                    )
                case Mismatch(medium=medium):
                    await self._refuse(medium, claimed_sha256)
                case Complete(medium=medium):
                    now = self._clock.now()
                    done = await self._store.recordings.complete(
                        recording_id, medium, intent, now, origin=base_url
                    )
                    if done:
                        self._metrics.completed.inc()
                        logger.info(
                            "A recording is uploaded.", extra={"recording_id": recording_id}
                        )
                        return dataclasses.replace(
                            recording,
                            status=RecordingStatus.UPLOADED,
                            content_sha256=medium.content_sha256,
                            content_sha256_verified_at=now,
                            media=tuple(media),
                        )
        recording = await self.find(caller, recording_id)
        if recording.status is RecordingStatus.UPLOADED:
            return await self._repeated(recording, claimed_sha256, intent)
        raise Conflict("the recording is being changed by another request; try again")

    async def _repeated(
        self, recording: Recording, claimed_sha256: str | None, intent: Intent | None
    ) -> Recording:
        if intent is not None:
            # Changes nothing any more, but refuses a key that was used with another body.
            await self._store.recordings.complete(
                recording.id, recording.media[0], intent, self._clock.now()
            )
        # Any audio medium's digest may stand for the recording, and only one of them is kept.
        if claimed_sha256 is None or isinstance(decide(recording.media, claimed_sha256), Complete):
            return recording
        raise DigestConflict(
            "the recording was completed with another digest",
            details={"content_sha256": recording.content_sha256},
        )

    async def _each(
        self, media: Sequence[Medium], act: Callable[[Medium], Awaitable[_T]]
    ) -> list[_T]:
        """Do something about each medium, several at a time."""
        found: list[_T] = []
        for some in (media[at : at + _AT_ONCE] for at in range(0, len(media), _AT_ONCE)):
            done = await asyncio.gather(*(act(one) for one in some), return_exceptions=True)
            for one in done:
                if isinstance(one, BaseException):
                    raise one
                found.append(one)
        return found

    async def _refuse(self, medium: Medium, claimed_sha256: str | None) -> None:
        """Refuse a digest; a medium that nobody vouched for begins anew, the others stay."""
        if medium.declared_sha256 is None:
            await self._intake.reopen(medium)
        logger.warning(
            "The claimed digest is not that of the stored medium.",
            extra={"recording_id": medium.recording_id, "medium_id": medium.id},
        )
        raise DigestConflict(
            "content_sha256 is not the digest of the stored medium",
            details={
                "media_id": medium.id,
                "content_sha256": medium.content_sha256,
                "claimed_sha256": claimed_sha256,
                "reopened": medium.declared_sha256 is None,
            },
        )

    async def _purge(self, recording: Recording) -> Unavailable | None:
        """Remove a deleted recording's objects; answers why it could not."""
        try:
            await self._intake.forget(recording.media)
            await self._objects.delete(recording.id, [ref_of(m) for m in recording.media])
        except Unavailable as error:
            # Tried again at the next start. It is deleted all the same, and one folder that cannot
            # be removed must not keep everybody else from uploading.
            logger.warning(
                "The objects of a deleted recording are still there.",
                extra={"recording_id": recording.id, "reason": str(error)},
            )
            return error
        await self._store.recordings.purged(recording.id, self._clock.now())
        return None

    def _expiry(self) -> datetime:
        return (self._clock.now() + self._url_ttl).replace(microsecond=0)

    def _signed(self, base_url: str, expires_at: datetime) -> SignedFor:
        return SignedFor(
            base_url=base_url,
            expires=int(expires_at.timestamp()),
            life_s=int(self._url_ttl.total_seconds()),
        )


def _is_trial(recording: Recording) -> bool:
    return TRIAL in recording.metadata and recording.status is RecordingStatus.PENDING
