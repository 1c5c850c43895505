"""The Store seam: what the gateway remembers, with every write idempotent or conditional."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.model import (
    ApiKey,
    Device,
    DeviceToken,
    Intent,
    Medium,
    Recording,
    RecordingFilter,
)
from gateway.store.life import Enrolments, Orders, Reports, SettingsLevels
from gateway.store.made import Made

__all__ = ["Asked", "Devices", "Idle", "Keys", "Made", "Recordings", "Store", "Uploads"]


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

    async def finish_medium(
        self, medium_id: str, *, size_bytes: int, sha256: str, mark: str | None = None
    ) -> Medium:
        """Note that the object store holds the medium whole; repeatable.

        Raises:
            NotFound: It was deleted meanwhile.
        """
        ...

    async def reopen_medium(self, medium_id: str, *, blame: bool) -> None:
        """Set a medium back to pending before its object is replaced or rejected.

        With `blame` its recording becomes `integrity_failure` until it is completed after all.

        Raises:
            AlreadyUploaded: The recording is complete.
        """
        ...

    async def complete(
        self, recording_id: str, medium: Medium, intent: Intent | None, at: datetime
    ) -> bool:
        """Mark a recording as uploaded under the digest of `medium`.

        Returns False when anything changed since the decision (a medium was reopened or added);
        then decide again. Repeatable.

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


class Devices(Protocol):
    """Devices and their tokens."""

    async def create(self, device: Device) -> Made[Device]:
        """Keep a device, or return the one with the same serial number."""
        ...

    async def device(self, device_id: str) -> Device | None:
        """Look one up."""
        ...

    async def by_serial(self, serial_number: str) -> Device | None:
        """Look one up by the number on its case."""
        ...

    async def all(self) -> list[Device]:
        """List all, oldest first."""
        ...

    async def bind(
        self, device_id: str, end_user_id: str, token: DeviceToken, intent: Intent | None
    ) -> Made[Device]:
        """Bind to a user under a new token, which is from now on the only one.

        Raises:
            DeviceAlreadyBound: It is bound (and not by the same `intent`).
            IdempotencyMismatch: The key is known with another fingerprint.
        """
        ...

    async def unbind(self, device_id: str, at: datetime) -> Device:
        """Free from its user and revoke its tokens; repeatable."""
        ...

    async def token(self, token_hash: str) -> DeviceToken | None:
        """Look a token up by its hash; what another process revoked may show for a second."""
        ...

    async def issue(self, token: DeviceToken) -> None:
        """Keep a new token that is from now on the only one of its device."""
        ...

    async def succeed(self, parent: DeviceToken, token: DeviceToken) -> None:
        """Keep the successor of `parent` (or note again the one it has); `parent` stays.

        Raises:
            Unauthorized: `parent` was revoked meanwhile.
        """
        ...

    async def used(self, token: DeviceToken, at: datetime) -> None:
        """Note the first use of a token, which revokes those that it replaces; repeatable."""
        ...

    async def revoke(self, device_id: str, at: datetime) -> int:
        """Revoke all tokens of a device, and its codes; answers how many tokens were good."""
        ...


class Keys(Protocol):
    """API keys."""

    async def add(self, key: ApiKey) -> None:
        """Keep a new key."""
        ...

    async def key(self, key_hash: str) -> ApiKey | None:
        """Look one up by its hash; what another process revoked may show for a second."""
        ...

    async def all(self) -> list[ApiKey]:
        """List all, oldest first."""
        ...

    async def revoke(self, key_id: str, at: datetime) -> bool:
        """Revoke one; False when there is no such key."""
        ...


class Store(Protocol):
    """All of it, over one database."""

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

    async def ping(self) -> None:
        """Prove that the database answers; raises whatever it raises."""
        ...

    async def aclose(self) -> None:
        """Let go; idempotent."""
        ...
