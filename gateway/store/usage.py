"""What was used of quotas, counted inside the transactions that use it, as plain SQL functions.

A recording is counted for its device and for the API key that made it. Kept bytes are those of all
media that are not expired, of recordings that are not deleted: pending ones count with the size
that was declared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from gateway.errors import QuotaReached, StorageQuotaReached
from gateway.model_bounds import ALL_DEVICES, Quota, Usage
from gateway.store.schema_bounds import kept, quotas, usage

_OWN = select(quotas.c.document).where(quotas.c.subject == bindparam("whose")).scalar_subquery()
_GENERAL = select(quotas.c.document).where(quotas.c.subject == ALL_DEVICES).scalar_subquery()
_QUOTAS = select(_OWN.label("own"), _GENERAL.label("general"))
_USE = (
    update(usage)
    .where(usage.c.subject == bindparam("whose"), usage.c.day == bindparam("that_day"))
    .values(
        recordings=usage.c.recordings + bindparam("more_recordings"),
        media=usage.c.media + bindparam("more_media"),
        media_bytes=usage.c.media_bytes + bindparam("more_bytes"),
    )
    # With what bounds it: to ask for that by itself would cost as much again.
    .returning(
        usage.c.recordings, usage.c.media_bytes, _OWN.label("own"), _GENERAL.label("general")
    )
)
_KEEP = (
    update(kept)
    .where(kept.c.subject == bindparam("whose"))
    .values(media_bytes=kept.c.media_bytes + bindparam("more_bytes"))
    .returning(kept.c.media_bytes)
)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Owners:
    """For whom a recording counts."""

    device_id: str | None
    key_id: str | None

    def subjects(self) -> list[str]:
        """Name them."""
        return [each for each in (self.device_id, self.key_id) if each is not None]


@dataclass(frozen=True, slots=True)
class _Used:
    """What was used of a day, and the quotas that are written for it."""

    subject: str
    recordings: int
    media_bytes: int
    own: Mapping[str, Any] | None
    general: Mapping[str, Any] | None

    def bound(self, owners: Owners) -> Quota:
        """Say what bounds it: what is for all devices is not for keys."""
        own = Quota(**(self.own or {}))
        is_device = self.subject == owners.device_id
        return own.over(Quota(**(self.general or {}))) if is_device else own


def count_recording(connection: Connection, owners: Owners, at: datetime) -> None:
    """Count a new recording.

    Raises:
        QuotaReached: It is one too many of its day.
    """
    for subject in owners.subjects():
        used = _use(connection, subject, Usage(day=at.date(), recordings=1))
        most = used.bound(owners).recordings_per_day
        if most and used.recordings > most:
            raise QuotaReached(f"{most} recordings were made on this day (UTC)", _rest_s(at))


def count_media(
    connection: Connection, owners: Owners, sizes: Sequence[int | None], at: datetime
) -> None:
    """Count new media, with the sizes that are declared.

    Raises:
        QuotaReached: The bytes are too many of their day.
        StorageQuotaReached: They are too many in all.
    """
    size_bytes = sum(each or 0 for each in sizes)
    new = Usage(day=at.date(), media=len(sizes), media_bytes=size_bytes)
    for subject in owners.subjects():
        used = _use(connection, subject, new)
        bound = used.bound(owners)
        if bound.media_bytes_per_day and used.media_bytes > bound.media_bytes_per_day:
            raise QuotaReached(
                f"more than {bound.media_bytes_per_day} bytes of media on this day (UTC)",
                _rest_s(at),
            )
        total = _keep(connection, subject, size_bytes)
        if bound.storage_bytes and total > bound.storage_bytes:
            raise StorageQuotaReached(
                f"more than {bound.storage_bytes} bytes would be kept; "
                "delete recordings or raise the quota"
            )


def correct_media(connection: Connection, owners: Owners, more_bytes: int, at: datetime) -> None:
    """Count what media turned out larger (or smaller) than declared; refuses nothing.

    Args:
        connection: Of the transaction that learned it.
        owners: For whom the recording counts.
        more_bytes: How much larger.
        at: When the media were made: they count on that day.
    """
    for subject in owners.subjects():
        _use(connection, subject, Usage(day=at.date(), media_bytes=more_bytes))
    keep(connection, owners, more_bytes)


def keep(connection: Connection, owners: Owners, more_bytes: int) -> None:
    """Count what is kept again, or (below 0) no more."""
    if more_bytes:
        for subject in owners.subjects():
            _keep(connection, subject, more_bytes)


def _use(connection: Connection, subject: str, used: Usage) -> _Used:
    """Add to a day; answers what that makes of it, and its bounds."""
    row = connection.execute(
        _USE,
        {
            "whose": subject,
            "that_day": used.day,
            "more_recordings": used.recordings,
            "more_media": used.media,
            "more_bytes": used.media_bytes,
        },
    ).one_or_none()
    if row is not None:
        return _Used(subject, row.recordings, row.media_bytes, row.own, row.general)
    connection.execute(
        insert(usage).values(
            subject=subject,
            day=used.day,
            recordings=used.recordings,
            media=used.media,
            media_bytes=used.media_bytes,
        )
    )
    written = connection.execute(_QUOTAS, {"whose": subject}).one()
    return _Used(subject, used.recordings, used.media_bytes, written.own, written.general)


def _keep(connection: Connection, subject: str, more_bytes: int) -> int:
    total: int | None = connection.execute(
        _KEEP, {"whose": subject, "more_bytes": more_bytes}
    ).scalar()
    if total is None:
        connection.execute(insert(kept).values(subject=subject, media_bytes=more_bytes))
        return more_bytes
    return total


def _rest_s(at: datetime) -> int:
    """Say how long the UTC day still is."""
    tomorrow = at.replace(hour=0, minute=0, second=0, microsecond=0) + _DAY
    return max(1, int((tomorrow - at).total_seconds()))
