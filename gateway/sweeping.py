"""Give up what nobody finishes: idle media, abandoned uploads, objects of deleted recordings.

Nothing is removed that a client could still complete: a medium must have rested for the whole age
limit, far longer than any signed URL lives, and one whose object is whole is noted as such instead.
Asking for an expired medium again revives it, from byte 0.

What this gateway does not know is left alone: another may keep its objects in the same bucket, or
the database may be an older one that was restored.
"""

import logging
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from device.clock import Clock
from gateway.errors import Conflict, GatewayError, NotFound, StorageFailed, Verifying
from gateway.intake import ref_of
from gateway.metrics import Metrics
from gateway.model import MediaStatus, Medium
from gateway.recordings import RecordingDesk
from gateway.store import Store
from gateway.ways_in import WaysIn

logger = logging.getLogger(__name__)

_JITTER = 0.2
_LEASE = "sweep"
_LIST_EVERY = timedelta(days=1)


class Litter(StrEnum):
    """What can be swept."""

    RECORDING = "recording"
    MEDIUM = "medium"
    UPLOAD = "upload"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Swept:
    """One thing that was given up or removed; `name` is the id of a recording or medium."""

    what: Litter
    name: str


class Sweeper:
    """Sweeps one gateway's object store; one sweep at a time."""

    def __init__(  # noqa: PLR0913 - the composition root wires seams by keyword
        self,
        store: Store,
        ways: WaysIn,
        recordings: RecordingDesk,
        metrics: Metrics,
        clock: Clock,
        *,
        age_s: int,
        process_id: str,
    ) -> None:
        self._store = store
        self._ways = ways
        self._recordings = recordings
        self._metrics = metrics
        self._clock = clock
        self._age = timedelta(seconds=age_s)
        self._process_id = process_id
        self._listed_at: datetime | None = None

    async def run(self, every_s: float) -> None:
        """Sweep again and again until cancelled; a store that is away is tried the next time."""
        while True:
            # Spread out: gateways that were started together share a store.
            await self._clock.sleep(every_s * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311 - no secret
            try:
                # Two at once would only do the work twice: every step is decided by the database.
                if await self._store.leases.hold(_LEASE, self._process_id, every_s * (1 - _JITTER)):
                    await self.sweep()
            except GatewayError as error:
                logger.warning("A sweep ended early.", extra={"reason": str(error)})
            except Exception:
                logger.exception("A sweep failed.")

    async def sweep(self, *, dry_run: bool = False) -> list[Swept]:
        """Sweep once; with `dry_run` only say what would go.

        Raises:
            StorageFull, StorageFailed, Unavailable: The object store; what was swept is swept.
        """
        swept = []
        async for each in self._all(dry_run):
            swept.append(each)
            if not dry_run:
                self._metrics.swept.labels(each.what).inc()
                logger.info("Swept.", extra={"what": each.what, "id": each.name})
        return swept

    async def _all(self, dry_run: bool) -> AsyncIterator[Swept]:
        for stage in (self._recordings_deleted, self._media, self._uploads, self._begun):
            async for each in stage(dry_run):
                yield each
        now = self._clock.now()
        # Paid by the page on most stores, and rarely of use: once a day is enough.
        if dry_run or self._listed_at is None or abs(now - self._listed_at) >= _LIST_EVERY:
            async for each in self._objects(dry_run):
                yield each
            self._listed_at = now

    async def _recordings_deleted(self, dry_run: bool) -> AsyncIterator[Swept]:
        """Finish deletions whose objects could not be removed."""
        deleted = self._store.recordings.deleted
        found = [recording.id for recording in await deleted()]
        left: set[str] = set()
        if found and not dry_run:
            await self._recordings.purge_deleted()
            left = {recording.id for recording in await deleted()}
        for recording_id in found:
            if recording_id not in left:
                yield Swept(Litter.RECORDING, recording_id)

    async def _media(self, dry_run: bool) -> AsyncIterator[Swept]:
        """Let media expire that nobody asked about for the whole age."""
        since = self._clock.now() - self._age
        for medium in await self._store.idle.media(since):
            if await self._is_whole(medium, dry_run):
                continue
            if not dry_run:
                handle = await self._store.uploads.handle(medium.id)
                # Decided by the database: whoever asked meanwhile keeps the medium.
                if not await self._store.idle.expire(medium.id, since=since, at=self._clock.now()):
                    continue
                await self._ways.intake.clear(medium, handle)
            yield Swept(Litter.MEDIUM, medium.id)

    async def _is_whole(self, medium: Medium, dry_run: bool) -> bool:
        """Notice an object that was put and never completed: it stays."""
        direct = self._ways.direct
        if dry_run:
            return direct is not None and await direct.look(ref_of(medium)) is not None
        try:
            return (await self._ways.intake.recover(medium)).status is MediaStatus.UPLOADED
        except Verifying:
            return True
        except (StorageFailed, NotFound, Conflict) as error:
            # The next sweep asks again; the media after it must not wait for that.
            logger.warning(
                "A medium cannot be swept.", extra={"id": medium.id, "reason": str(error)}
            )
            return True

    async def _uploads(self, dry_run: bool) -> AsyncIterator[Swept]:
        """End uploads in the store that a crash kept from being ended with their medium."""
        for medium_id, handle in (await self._store.uploads.all()).items():
            medium = await self._store.recordings.medium(medium_id)
            if medium is None or medium.status is MediaStatus.PENDING:
                continue
            if not dry_run:
                await self._ways.intake.clear(medium, handle)
            yield Swept(Litter.UPLOAD, medium_id)

    async def _begun(self, dry_run: bool) -> AsyncIterator[Swept]:
        """End uploads that were begun and never noted, or noted after their recording was deleted.

        By a crash between the two, or by a deletion.
        """
        if self._ways.direct is None:
            return
        since = self._clock.now() - self._age
        begun = await self._ways.direct.begun()
        noted = await self._store.uploads.all()
        for each in begun:
            medium_id = each.ref.medium_id
            if each.begun_at >= since or not await self._store.idle.knows(medium_id):
                continue
            if (
                noted.get(medium_id) == each.handle
                and await self._store.recordings.medium(medium_id) is not None
            ):
                continue
            if not dry_run:
                await self._ways.direct.abandon(each.ref, each.handle)
                await self._store.uploads.drop(medium_id, each.handle)
            yield Swept(Litter.UPLOAD, medium_id)

    async def _objects(self, dry_run: bool) -> AsyncIterator[Swept]:
        """Remove objects that were put by an old URL after their recording was deleted."""
        if self._ways.direct is None:
            return
        async for each in self._ways.direct.listed():
            ref = each.ref
            if await self._store.idle.was_deleted(ref.recording_id):
                if not dry_run:
                    await self._ways.direct.delete(ref.recording_id, [ref])
                yield Swept(Litter.OBJECT, ref.medium_id)
