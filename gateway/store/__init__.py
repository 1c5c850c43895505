"""The Store seam: what the gateway remembers, with every write idempotent or conditional."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.model import Intent, Medium, Recording, RecordingFilter
from gateway.store.bounds import Ageing, Audit, Quotas, Rates
from gateway.store.callers import Devices, Keys, Sessions
from gateway.store.life import Enrolments, Orders, Reports, SettingsLevels
from gateway.store.made import Made
from gateway.store.outgoing import Deliveries, Events, Webhooks
from gateway.store.phones import Phones
from gateway.store.shared import Agreements, Leases
from gateway.store.watching import Changes, Fleet, Waveforms

__all__ = ["Asked", "Idle", "Made", "Recordings", "Store", "Uploads"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A medium that is asked for, with its Idempotency-Key if it came with one."""

    medium: Medium
    intent: Intent | None


class Recordings(Protocol):
    """Recordings and their media. Two equal requests at once make one row (a unique constraint)."""

    async def create(self, recording: Recording, intent: Intent | None) -> Made[Recording]:
        """Keep a recording, or return the one that the same `intent` made.

        Raises:
            IdempotencyMismatch: The key is known with another fingerprint.
            RecordingDeleted: What the key made was deleted.
        """
        ...

    async def recording(self, recording_id: str) -> Recording | None:
        """Look one up with its media; None when there is none, or it was deleted."""
        ...

    async def page(self, which: RecordingFilter, limit: int, offset: int) -> list[Recording]:
        """List with media, newest first."""
        ...

    async def delete(self, recording_id: str, at: datetime) -> Recording | None:
        """Mark as deleted; answers what now is to be purged, None when nothing is (any more)."""
        ...

    async def deleted(self) -> list[Recording]:
        """List what is deleted and whose objects are not yet known to be gone."""
        ...

    async def purged(self, recording_id: str, at: datetime) -> None:
        """Note that the objects of a deleted recording are gone; repeatable."""
        ...

    async def add_media(
        self, recording_id: str, asked: Sequence[Asked], *, of_device: str | None, limit: int
    ) -> list[Made[Medium]]:
        """Keep media of one recording, or return those that the same intents made; all or nothing.

        Args:
            recording_id: Whose media they are.
            asked: What to keep, pending; the intents are of one caller and one operation, no key
                is there twice.
            of_device: Only if the recording is this device's; None: whosever it is.
            limit: How many unfinished media one device (or all API keys together) may have.

        Raises:
            NotFound: No such recording, or it was deleted, or is not that device's.
            AlreadyUploaded: The recording is complete and takes no more media.
            IdempotencyMismatch: A key is known with another fingerprint or declared digest.
            TooManySessions: `limit` is reached.
        """
        ...

    async def withdraw_media(self, media_ids: Sequence[str]) -> None:
        """Forget pending media that nobody has heard of, and their uploads; repeatable."""
        ...

    async def touch_medium(self, medium_id: str, at: datetime) -> None:
        """Note that somebody still works at a medium; an expired one is awaited again."""
        ...

    async def size_medium(self, medium_id: str, size_bytes: int) -> None:
        """Note how large a medium is to be, where nobody had said it."""
        ...

    async def medium(self, medium_id: str) -> Medium | None:
        """Look a medium up; None when there is none, or its recording was deleted."""
        ...

    async def awaited(self, medium_id: str) -> tuple[Medium | None, bool]:
        """Look up a medium whose bytes come now: as `medium`, or as it was just made.

        `finish_medium` notices what happened to it meanwhile.

        Returns:
            The medium, and whether it was just made and nobody has asked for it before.
        """
        ...

    async def finish_medium(
        self, medium: Medium, *, size_bytes: int, sha256: str, mark: str | None = None
    ) -> Medium:
        """Note that the object store holds the medium whole, and answer it as such; repeatable.

        Raises:
            NotFound: It was deleted meanwhile.
        """
        ...

    async def finish_soon(self, medium: Medium, *, size_bytes: int, sha256: str) -> Medium:
        """Say that the object of a medium is there, as `finish_medium`, and note it in a moment.

        Only where the object by itself proves that, should this process end before: whoever
        completes the recording finds it. Every question to this process waits for the note.
        """
        ...

    async def settled(self, at_most_s: float | None = None) -> None:
        """Wait until everything of `finish_soon` is noted, or was tried once in vain."""
        ...

    async def reopen_medium(self, medium_id: str, *, blame: bool) -> None:
        """Set a medium back to pending before its object is replaced or rejected.

        With `blame` its recording becomes `integrity_failure` until it is completed after all.

        Raises:
            AlreadyUploaded: The recording is complete.
        """
        ...

    async def complete(
        self,
        recording_id: str,
        medium: Medium,
        intent: Intent | None,
        at: datetime,
        *,
        origin: str | None = None,
    ) -> bool:
        """Mark a recording as uploaded under the digest of `medium`, and note that event.

        Returns False when anything changed since the decision (a medium was reopened or added);
        then decide again. Repeatable. `origin` is this gateway as the client sees it.

        Raises:
            IdempotencyMismatch: The key is known with another fingerprint.
        """
        ...


class Uploads(Protocol):
    """Uploads that an object store keeps itself: a multipart upload's id, a session's URL."""

    async def handle(self, medium_id: str) -> str | None:
        """Give what names the upload of a medium; None when none was begun."""
        ...

    async def keep(self, medium_id: str, handle: str) -> str:
        """Keep the name of an upload unless there is one; answers the one that counts."""
        ...

    async def drop(self, medium_id: str, handle: str) -> None:
        """Forget an upload, if it is still this one; repeatable."""
        ...

    async def all(self) -> dict[str, str]:
        """List all, by medium."""
        ...


class Idle(Protocol):
    """What nobody works at any more, for the sweeper."""

    async def media(self, since: datetime) -> list[Medium]:
        """List unfinished media that nobody asked about after `since`, expired ones left out."""
        ...

    async def expire(self, medium_id: str, *, since: datetime, at: datetime) -> bool:
        """Count a medium no more as unfinished and forget its upload, at once.

        False, and nothing changes, if it was asked about after `since`.
        """
        ...

    async def knows(self, medium_id: str) -> bool:
        """Say whether a medium is one of ours, deleted recordings included."""
        ...

    async def was_deleted(self, recording_id: str) -> bool:
        """Say whether a recording is one of ours and was deleted."""
        ...


class Store(Protocol):
    """All of it, over one database."""

    @property
    def shared(self) -> bool:
        """Whether other processes may serve from the same database."""
        ...

    @property
    def leases(self) -> Leases:
        """What only one process may do at a time."""
        ...

    @property
    def agreements(self) -> Agreements:
        """What must be the same for all processes."""
        ...

    @property
    def recordings(self) -> Recordings:
        """Recordings and media."""
        ...

    @property
    def uploads(self) -> Uploads:
        """Uploads that an object store keeps itself."""
        ...

    @property
    def idle(self) -> Idle:
        """What nobody works at any more."""
        ...

    @property
    def devices(self) -> Devices:
        """Devices and tokens."""
        ...

    @property
    def orders(self) -> Orders:
        """Commands for devices."""
        ...

    @property
    def settings(self) -> SettingsLevels:
        """Settings of devices."""
        ...

    @property
    def enrolments(self) -> Enrolments:
        """One-time codes."""
        ...

    @property
    def reports(self) -> Reports:
        """What devices say of themselves."""
        ...

    @property
    def keys(self) -> Keys:
        """API keys."""
        ...

    @property
    def ageing(self) -> Ageing:
        """Recordings by how long they are uploaded."""
        ...

    @property
    def audit(self) -> Audit:
        """Who changed what."""
        ...

    @property
    def quotas(self) -> Quotas:
        """How much each may do, and did."""
        ...

    @property
    def rates(self) -> Rates:
        """How often something may happen."""
        ...

    @property
    def fleet(self) -> Fleet:
        """All devices and how they stand."""
        ...

    @property
    def changes(self) -> Changes:
        """What changes and no event tells."""
        ...

    @property
    def waveforms(self) -> Waveforms:
        """How audio looks."""
        ...

    @property
    def sessions(self) -> Sessions:
        """Who is signed in to the console."""
        ...

    @property
    def events(self) -> Events:
        """What happened."""
        ...

    @property
    def webhooks(self) -> Webhooks:
        """Addresses that events are sent to."""
        ...

    @property
    def deliveries(self) -> Deliveries:
        """Events on their way."""
        ...

    @property
    def phones(self) -> Phones:
        """Phones, their codes and their visits."""
        ...

    async def ping(self) -> None:
        """Prove that the database answers; raises whatever it raises."""
        ...

    async def aclose(self) -> None:
        """Let go; idempotent."""
        ...
