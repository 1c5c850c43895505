"""What can be done with quotas: read one with what was used of it, replace it."""

from dataclasses import dataclass

from device.clock import Clock
from gateway.errors import InvalidRequest, NotFound
from gateway.model_bounds import ALL_DEVICES, Quota, Usage
from gateway.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A quota as it was written, as it counts (every bound a number), and what was used today."""

    subject: str
    own: Quota
    value: Quota
    usage: Usage


class QuotaDesk:
    """The use cases of quotas; a subject is a device's id, a key's, or `ALL_DEVICES`."""

    def __init__(self, store: Store, clock: Clock, *, retention_days: int) -> None:
        self._store = store
        self._clock = clock
        self._unbounded = Quota(
            recordings_per_day=0, media_bytes_per_day=0, storage_bytes=0, retention_days=0
        )
        self._plain = Quota(retention_days=retention_days).over(self._unbounded)

    async def read(self, subject: str, *, of_key: bool = False) -> Standing:
        """Read the quota of a subject that is there."""
        written = await self._store.quotas.read([subject, ALL_DEVICES])
        own = written.get(subject, Quota())
        general = written.get(ALL_DEVICES, Quota()).over(self._plain)
        return Standing(
            subject=subject,
            own=own,
            value=own.over(self._unbounded if of_key else general),
            usage=await self._store.quotas.used(subject, self._clock.now().date()),
        )

    async def replace(self, subject: str, quota: Quota, *, of_key: bool = False) -> Standing:
        """Put a quota in place of a subject's own; it counts at once.

        Raises:
            InvalidRequest: A key is to delete what devices recorded.
        """
        if of_key and quota.retention_days is not None:
            raise InvalidRequest(
                "recordings are kept for as long as their device says, not the key",
                details={"field": "retention_days"},
            )
        await self._store.quotas.write(subject, quota, self._clock.now())
        return await self.read(subject, of_key=of_key)

    async def key(self, key_id: str) -> str:
        """Give the subject of a key.

        Raises:
            NotFound: There is no such key.
        """
        if not any(key.id == key_id for key in await self._store.keys.all()):
            raise NotFound("there is no such API key")
        return key_id
