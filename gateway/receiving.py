"""Receive media: what one request brings, checked, made durable, sealed and noted."""

import asyncio
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.core.brought import Append, Begin, Brought, Chunk, Query, Whole
from gateway.core.fitting import (
    agreed_total,
    body_bytes,
    check_announced,
    check_digest,
    check_repeats,
    small_whole,
)
from gateway.errors import (
    AlreadyUploaded,
    DigestRefused,
    GatewayError,
    LengthMismatch,
    NotFound,
    OffsetMismatch,
    StorageFailed,
)
from gateway.intake import offer_of, ref_of
from gateway.keeping import Keeper
from gateway.live import Live
from gateway.model import MediaStatus, Medium, RecordingStatus
from gateway.objects import Arrived, CarriedObjectStore, Part, SignedFor, Stored, UploadTarget
from gateway.pumping import Ahead, Body, Pump, Wanted
from gateway.store import Store
from gateway.turns import Slot, Turn, Turns

logger = logging.getLogger(__name__)


_EVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Held:
    """So many bytes are durable; more are awaited, up to `total` where it is known."""

    size_bytes: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Received:
    """The medium is whole."""

    medium: Medium


class Receiving:
    """All upload sessions of this gateway."""

    def __init__(
        self,
        store: Store,
        objects: CarriedObjectStore,
        pump: Pump,
        live: Live,
        *,
        max_medium_bytes: int,
    ) -> None:
        self._store = store
        self._objects = objects
        self._max_medium_bytes = max_medium_bytes
        self._turns = Turns()
        self._keeper = Keeper(objects)
        self._pump = pump
        self._live = live

    async def receive(self, medium_id: str, brought: Brought, body: Body) -> Held | Received:
        """Take what one request brings.

        Nothing is acknowledged before it is durable; what arrived before a cut counts.

        Raises:
            NotFound: No such medium, or it was deleted.
            InvalidContentRange, LengthMismatch: It does not fit the medium's size.
            InvalidRequest: Neither the body's size nor the medium's is known.
            OffsetMismatch: An append does not begin where what is held ends.
            MediumTooLarge: It is larger than this gateway takes.
            DigestRefused: The last byte is in and the declared digest is another; empty again.
                Or the client announces another digest than was declared.
            AlreadyUploaded: Another whole body for a recording that is complete.
            Superseded: A newer request took over.
            TooSlow: The body stopped coming.
            Draining: The gateway is about to stop.
            SessionBusy: The previous writer did not let go in time.
            StorageFull, StorageFailed: The disk.
            ConnectionError: The client is gone; what arrived is kept.
        """
        if self._turns.is_claimed(medium_id):
            # Looked at before the claim, so that a bad request does not cost a good one its turn.
            agreed_total(await self._medium(medium_id), brought, self._max_medium_bytes)
        async with self._turns.claim(medium_id) as turn:
            slot = turn.slot
            found, is_new = await self._store.recordings.awaited(medium_id)
            medium = _there(found)
            total = agreed_total(medium, brought, self._max_medium_bytes)
            body = self._live.watched(body, medium, brought, total)
            if slot.part is None and (size_bytes := small_whole(medium, brought, total)):
                body = await self._pump.ahead(turn, body, size_bytes)
                if (kept := await self._kept(medium, body, size_bytes, is_new)) is not None:
                    return Received(kept)
            if isinstance(brought, Whole):
                await self._refuse_if_complete(medium)
                if not is_new:
                    # Then it is replaced, and only by what is whole.
                    medium = await self._found(slot, medium) or medium
            elif (found := await self._found(slot, medium)) is not None:
                check_announced(found, brought)
                check_repeats(found, brought)
                return Received(found)
            check_announced(medium, brought)
            if medium.status is MediaStatus.UPLOADED:
                return await self._replaced(turn, medium, brought, body, total)
            return await self._resumed(turn, medium, brought, body, total)

    async def target(self, medium: Medium, signed: SignedFor) -> UploadTarget:
        """See `Intake.target`."""
        return await self._objects.target(ref_of(medium), offer_of(medium), signed)

    async def path(self, medium: Medium) -> Path:
        """Say where a whole medium can be read.

        Raises:
            StorageFailed: It is not there, though it was stored.
        """
        path = self._objects.path(ref_of(medium))
        if not await asyncio.to_thread(os.access, path, os.R_OK):
            logger.error("A stored object is missing.", extra={"medium_id": medium.id})
            raise StorageFailed("the object store does not find the object")
        return path

    async def recover(self, medium: Medium) -> Medium:
        """Notice a pending medium whose object is whole already, after a crash between the two."""
        if medium.status is MediaStatus.UPLOADED or self._turns.is_open(medium.id):
            return medium
        async with self._turns.claim(medium.id) as turn:
            return await self._found(turn.slot, medium) or medium

    async def reopen(self, medium: Medium) -> None:
        """Begin a medium anew whose object has a wrong digest; the object is put aside.

        Leaves a medium alone that was replaced since `medium` was looked up.

        Raises:
            AlreadyUploaded: The recording is complete.
            NotFound: It was deleted.
        """
        async with self._turns.claim(medium.id) as turn:
            now = await self._medium(medium.id)
            if (now.status, now.content_sha256) != (medium.status, medium.content_sha256):
                return
            # The row first: until the object is moved it is found again, and refused again.
            await self._store.recordings.reopen_medium(medium.id, blame=True)
            await self._objects.reject(ref_of(medium))
            part = await self._opened(turn.slot, medium)
            await asyncio.to_thread(part.restart)

    async def forget(self, media: Sequence[Medium]) -> None:
        """Stop the writers of deleted media and let go of their parts."""
        for medium in media:
            async with self._turns.claim(medium.id, insists=True) as turn:
                await turn.slot.drop()
            self._turns.forget(medium.id)

    async def clear(self, medium: Medium, handle: str | None) -> None:
        """See `Intake.clear`."""
        del handle
        async with self._turns.claim(medium.id, insists=True) as turn:
            now = await self._store.recordings.medium(medium.id)
            if now is not None and now.expired_at is None:
                return
            await turn.slot.drop()
            await asyncio.to_thread(self._objects.discard_part, medium.id)
        self._turns.forget(medium.id)

    async def tidy(self) -> None:
        """Remove parts that nobody goes on with, left by a crash while sealing; at start-up."""
        for medium_id in sorted(await asyncio.to_thread(self._objects.part_ids)):
            medium = await self._store.recordings.medium(medium_id)
            over = medium is None or medium.status is MediaStatus.UPLOADED or medium.expired_at
            if over:
                await asyncio.to_thread(self._objects.discard_part, medium_id)
        # Those that were answered and not noted: nobody would ask for them again.
        for medium in await self._named(await self._store.idle.media(_EVER)):
            try:
                await self.recover(medium)
            except GatewayError as error:
                # One that cannot be read keeps nobody else's waiting, and no gateway from starting.
                logger.warning(
                    "A medium that is whole is not noted.",
                    extra={"medium_id": medium.id, "reason": str(error)},
                )

    def drain(self) -> None:
        """Ask every writer to stop now; what arrived is made durable and kept."""
        self._turns.drain()

    async def aclose(self) -> None:
        """Close all parts; idempotent."""
        await self._keeper.aclose()
        await self._turns.aclose()
        await self._store.recordings.settled()

    async def _replaced(
        self, turn: Turn, medium: Medium, brought: Brought, body: Body, total: int | None
    ) -> Held | Received:
        """Take another whole body for a medium that is whole; the old one stays until then."""
        try:
            return await self._resumed(turn, medium, brought, body, total)
        finally:
            # Of a replacement that failed nothing is gone on with, and nobody would remove it.
            await turn.slot.drop()
            await asyncio.to_thread(self._objects.discard_part, medium.id)

    async def _resumed(
        self, turn: Turn, medium: Medium, brought: Brought, body: Body, total: int | None
    ) -> Held | Received:
        """Go on with what is held of a medium that is not whole, or begin to hold it."""
        part = await self._opened(turn.slot, medium)
        match brought:
            case Begin() | Append():
                size_bytes = body_bytes(brought, total)
                skip = await _skip(medium, part, brought)
                # Of what fits alone: a size that was once noted cannot be taken back.
                await self._note_total(medium, total)
                wanted = Wanted(body, skip, max(0, size_bytes - skip))
                await self._pump.run(turn, part, wanted)
                if brought.size_bytes is None and part.held_bytes == total:
                    await self._check_end(turn, part, wanted)
            case Chunk(first=first, size_bytes=size_bytes):
                skip = part.held_bytes - first
                # A chunk beyond what is held would leave a hole; one within brings nothing.
                if 0 <= skip < size_bytes:
                    await self._pump.run(turn, part, Wanted(body, skip, size_bytes - skip))
            case Whole(size_bytes=size_bytes):
                await asyncio.to_thread(part.restart)
                await self._pump.run(turn, part, Wanted(body, 0, size_bytes))
            case Query():
                pass
        if part.held_bytes == total:
            return Received(await self._finish(turn.slot, medium, part))
        return Held(await asyncio.to_thread(part.sync), total)

    async def _named(self, media: Sequence[Medium]) -> list[Medium]:
        """Pick those whose objects are there."""
        paths = [self._objects.path(ref_of(medium)) for medium in media]
        there = await asyncio.to_thread(lambda: [os.access(path, os.R_OK) for path in paths])
        return [medium for medium, is_there in zip(media, there, strict=True) if is_there]

    async def _medium(self, medium_id: str) -> Medium:
        return _there(await self._store.recordings.medium(medium_id))

    async def _refuse_if_complete(self, medium: Medium) -> None:
        recording = await self._store.recordings.recording(medium.recording_id)
        if recording is None or recording.status is RecordingStatus.UPLOADED:
            raise AlreadyUploaded("the recording is complete; its media stay as they are")

    async def _note_total(self, medium: Medium, total: int | None) -> None:
        """Keep a size that only the client knows: it will ask for it, and not say it again."""
        if total is not None and medium.file_size_bytes is None:
            await self._store.recordings.size_medium(medium.id, total)

    async def _check_end(self, turn: Turn, part: Part, wanted: Wanted) -> None:
        """Refuse a body that goes on beyond the medium's end: it is not what was announced."""
        if not await self._pump.ends(turn, wanted):
            await asyncio.to_thread(part.restart)
            raise LengthMismatch("the body goes on beyond the medium's end; send it again")

    async def _opened(self, slot: Slot, medium: Medium) -> Part:
        if slot.part is None:
            slot.part = await asyncio.to_thread(self._objects.part, ref_of(medium))
        return slot.part

    async def _found(self, slot: Slot | None, medium: Medium) -> Medium | None:
        """Finish a medium whose object was sealed before its row could say so."""
        if medium.status is MediaStatus.UPLOADED:
            return medium
        if slot is not None and slot.part is not None:
            return None
        stored = await self._objects.verify(ref_of(medium))
        if stored is None:
            return None
        return await self._store.recordings.finish_medium(
            medium, size_bytes=stored.size_bytes, sha256=stored.sha256
        )

    async def _finish(self, slot: Slot, medium: Medium, part: Part) -> Medium:
        """Check the declared digest, seal the object, then note it."""
        digest = await asyncio.to_thread(part.sha256)
        try:
            check_digest(medium, digest)
        except DigestRefused:
            await asyncio.to_thread(part.restart)
            raise
        if medium.status is MediaStatus.UPLOADED:
            # Replacing: the row must not vouch for the old digest while the object changes.
            await self._store.recordings.reopen_medium(medium.id, blame=False)
        stored = await asyncio.to_thread(part.seal)
        await slot.drop()
        return await self._noted(medium, stored)

    async def _kept(
        self, medium: Medium, body: Ahead, size_bytes: int, is_new: bool
    ) -> Medium | None:
        """Keep a small medium that came whole; None where it did not, or goes through its part."""
        if body.size_bytes != size_bytes:
            return None
        arrived = Arrived(ref_of(medium), body.blocks, medium.declared_sha256, is_new)
        stored = await self._keeper.keep(arrived)
        if stored is None:
            return None
        check_digest(medium, stored.sha256)
        # Its row need not be on disk before the answer: its name is, and says the same.
        finished = await self._store.recordings.finish_soon(
            medium, size_bytes=stored.size_bytes, sha256=stored.sha256
        )
        _tell(finished)
        return finished

    async def _noted(self, medium: Medium, stored: Stored) -> Medium:
        """Note that the object is there."""
        finished = await self._store.recordings.finish_medium(
            medium, size_bytes=stored.size_bytes, sha256=stored.sha256
        )
        _tell(finished)
        return finished


def _tell(finished: Medium) -> None:
    # The access log has a line of its own for it, and the recording one when it is complete.
    logger.debug(
        "A medium is whole.",
        extra={
            "recording_id": finished.recording_id,
            "medium_id": finished.id,
            "size_bytes": finished.file_size_bytes,
        },
    )


def _there(medium: Medium | None) -> Medium:
    if medium is None:
        raise NotFound("there is no such upload session")
    return medium


async def _skip(medium: Medium, part: Part, brought: Begin | Append) -> int:
    """Say how much of a body is held already.

    A creation goes on with what is held where a declared digest refuses a mixture of two media in
    the end: a client that lost its notes sends nothing twice. Else it begins at byte 0.

    Raises:
        OffsetMismatch: An append does not begin where what is held ends.
    """
    if isinstance(brought, Begin):
        if medium.declared_sha256 is None:
            await asyncio.to_thread(part.restart)
        return part.held_bytes
    if brought.first != part.held_bytes:
        raise OffsetMismatch(await asyncio.to_thread(part.sync), brought.first)
    return 0
