"""Notice media that clients put into the object store themselves, and check that they are whole."""

import asyncio
import logging
import secrets
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any

from gateway.errors import Conflict, NotFound, StorageFailed, Unavailable, Verifying
from gateway.intake import offer_of, ref_of
from gateway.metrics import Metrics
from gateway.model import MediaStatus, Medium
from gateway.objects import DirectObjectStore, Found, SignedFor, Stored, UploadTarget
from gateway.store import Store
from gateway.store.shared import refusing

logger = logging.getLogger(__name__)

_PATIENCE_S = 15.0
_PUT_ASIDE_S = 120.0


class Landing:
    """All uploads of an object store that clients reach themselves.

    A medium counts as whole once the store has been asked: its size, and its digest by the store's
    own count where it has one, else by reading all of it. Two processes may both do so and end the
    same; only what puts an object aside is done by one, while none may call it whole.
    """

    def __init__(
        self,
        store: Store,
        objects: DirectObjectStore,
        metrics: Metrics,
        *,
        at_once: int,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self._store = store
        self._objects = objects
        self._metrics = metrics
        self._patience_s = patience_s
        self._readers = asyncio.Semaphore(at_once)
        self._checks: dict[str, asyncio.Task[Medium]] = {}
        self._holder = secrets.token_hex(8)

    async def target(self, medium: Medium, signed: SignedFor) -> UploadTarget:
        """See `Intake.target`."""
        uploads = self._store.uploads
        # Small media have no upload to look for: that would be a look at the database for each.
        begins = self._objects.begins(offer_of(medium))
        known = await uploads.handle(medium.id) if begins else None
        target = await self._objects.target(ref_of(medium), offer_of(medium), signed, handle=known)
        if target.handle is None or target.handle == known:
            return target
        # Kept before anybody hears of it; of two at once the first counts for both.
        if known is not None:
            await uploads.drop(medium.id, known)
        kept = await uploads.keep(medium.id, target.handle)
        if kept == target.handle:
            return target
        await self._objects.abandon(ref_of(medium), target.handle)
        return await self._objects.target(ref_of(medium), offer_of(medium), signed, handle=kept)

    async def recover(self, medium: Medium) -> Medium:
        """See `Intake.recover`; a large medium is read on after the answer `Verifying`."""
        check = self._checks.get(medium.id)
        if check is None:
            check = self._begun(medium.id, self._checked(medium))
        await asyncio.wait([check], timeout=self._patience_s)
        if not check.done():
            raise Verifying(
                "the medium is being read to count its digest; ask again",
                details={"media_id": medium.id},
            )
        return _result(check)

    async def reopen(self, medium: Medium) -> None:
        """See `Intake.reopen`."""
        # Alone at the medium: verified meanwhile, it could complete the recording and then go.
        while (check := self._checks.get(medium.id)) is not None:
            await asyncio.wait([check])
        check = self._begun(medium.id, self._reopened(medium))
        await asyncio.wait([check])
        _result(check)

    async def forget(self, media: Sequence[Medium]) -> None:
        """See `Intake.forget`."""
        for medium in media:
            if (check := self._checks.get(medium.id)) is not None:
                check.cancel()
                await asyncio.wait([check])
            await self._abandon(medium)

    async def clear(self, medium: Medium, handle: str | None) -> None:
        """See `Intake.clear`; a revived medium has another upload."""
        if handle is not None:
            await self._objects.abandon(ref_of(medium), handle)
            await self._store.uploads.drop(medium.id, handle)

    async def tidy(self) -> None:
        """See `Intake.tidy`: what a crash left in the store is the sweeper's."""

    def drain(self) -> None:
        """See `Intake.drain`: checks begin anew with the next process."""

    async def aclose(self) -> None:
        """See `Intake.aclose`."""
        checks = list(self._checks.values())
        for check in checks:
            check.cancel()
        if checks:
            await asyncio.wait(checks)

    def _begun(self, medium_id: str, work: Coroutine[Any, Any, Medium]) -> asyncio.Task[Medium]:
        """Do something about a medium that nobody else is at."""
        check = asyncio.create_task(work, name=f"verify-{medium_id}")
        self._checks[medium_id] = check
        check.add_done_callback(lambda done: self._over(medium_id, done))
        return check

    def _over(self, medium_id: str, check: asyncio.Task[Medium]) -> None:
        del self._checks[medium_id]
        if not check.cancelled():
            # Whoever asked may be gone: a failure is not lost, the next one to ask meets it anew.
            check.exception()

    async def _checked(self, medium: Medium) -> Medium:
        found = await self._objects.look(ref_of(medium))
        if medium.status is MediaStatus.UPLOADED:
            if found is not None and found.mark == medium.store_mark:
                return medium
            # A URL that still lives was used again: what was verified is not what is there.
            await self._store.recordings.reopen_medium(medium.id, blame=False)
            medium = replace(medium, status=MediaStatus.PENDING, content_sha256=None)
        return medium if found is None else await self._judged(medium, found)

    async def _reopened(self, medium: Medium) -> Medium:
        now = await self._store.recordings.medium(medium.id)
        if now is None:
            raise NotFound("the recording was deleted")
        if (now.status, now.content_sha256) != (medium.status, medium.content_sha256):
            return now
        await self._refuse(medium)
        return replace(medium, status=MediaStatus.PENDING, content_sha256=None)

    async def _judged(self, medium: Medium, found: Found) -> Medium:
        """Take a pending medium whose object is there for whole, or put the object aside."""
        if medium.file_size_bytes not in {None, found.size_bytes}:
            return await self._refused(medium, f"{found.size_bytes} bytes")
        stored: Stored | None
        if found.sha256 is not None:
            stored = Stored(found.size_bytes, found.sha256, found.mark)
            self._metrics.verified.labels("checksum").inc()
        else:
            stored = await self._read(medium)
        if stored is None:
            return medium
        if medium.declared_sha256 not in {None, stored.sha256}:
            return await self._refused(medium, "another digest")
        if medium.file_size_bytes not in {None, stored.size_bytes}:
            return await self._refused(medium, f"{stored.size_bytes} bytes")
        finished = await self._store.recordings.finish_medium(
            medium, size_bytes=stored.size_bytes, sha256=stored.sha256, mark=stored.mark
        )
        if self._objects.begins(offer_of(medium)):
            handle = await self._store.uploads.handle(medium.id)
            if handle is not None:
                await self._store.uploads.drop(medium.id, handle)
        logger.info(
            "A medium is whole.",
            extra={
                "recording_id": medium.recording_id,
                "medium_id": medium.id,
                "size_bytes": stored.size_bytes,
            },
        )
        return finished

    async def _read(self, medium: Medium) -> Stored | None:
        async with self._readers:
            stored = await self._objects.verify(ref_of(medium))
        if stored is not None:
            self._metrics.verified.labels("read").inc()
            self._metrics.verified_bytes.inc(stored.size_bytes)
        return stored

    async def _refused(self, medium: Medium, what: str) -> Medium:
        """Put a wrong object aside; the medium is pending and comes again."""
        logger.warning(
            "What is in the object store is not what was announced.",
            extra={"recording_id": medium.recording_id, "medium_id": medium.id, "has": what},
        )
        await self._refuse(medium)
        return medium

    async def _refuse(self, medium: Medium) -> None:
        # While it lasts no process finishes the medium: its object is about to go.
        lease = refusing(medium.id)
        if not await self._store.leases.hold(lease, self._holder, 2 * _PUT_ASIDE_S):
            raise Verifying("another gateway puts the medium aside; ask again")
        try:
            async with asyncio.timeout(_PUT_ASIDE_S):
                # The row first: until the object is moved it is found again, and refused again.
                await self._store.recordings.reopen_medium(medium.id, blame=True)
                await self._abandon(medium)
                await self._objects.reject(ref_of(medium))
        except TimeoutError:
            # The lease stays: the store may still be about to move it.
            raise StorageFailed("the object store did not put a wrong object aside") from None
        except Conflict:
            await self._store.leases.drop(lease, self._holder)
            raise
        await self._store.leases.drop(lease, self._holder)

    async def _abandon(self, medium: Medium) -> None:
        handle = await self._store.uploads.handle(medium.id)
        if handle is None:
            return
        await self._objects.abandon(ref_of(medium), handle)
        await self._store.uploads.drop(medium.id, handle)


def _result(check: asyncio.Task[Medium]) -> Medium:
    if check.cancelled():
        # By a deletion: whoever waited must not look cancelled, the sweeper would end for good.
        raise Unavailable("the medium is being changed by another request; try again")
    return check.result()
