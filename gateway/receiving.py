"""Receive the bytes of media: one writer per medium, a newer request evicts the older one."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from gateway.core.content_range import Brought, Chunk, Query, Whole
from gateway.errors import (
    AlreadyUploaded,
    DigestRefused,
    Draining,
    InvalidContentRange,
    MediumTooLarge,
    NotFound,
    SessionBusy,
    StorageFailed,
    Superseded,
    TooSlow,
)
from gateway.metrics import Metrics
from gateway.model import MediaStatus, Medium, RecordingStatus
from gateway.objects import CarriedObjectStore, ObjectRef, Part
from gateway.store import Store

logger = logging.getLogger(__name__)

_BLOCK_BYTES = 1024 * 1024
_OPEN_PARTS = 128
_LET_GO_S = 30.0
_LAST_BYTES_S = 1.0
_GAP_S = 0.05


class Body(Protocol):
    """The body of a PUT as it arrives."""

    async def next(self) -> bytes:
        """Give what is there, at least one byte; empty at the end.

        Raises:
            ConnectionError: The client is gone.
        """
        ...

    def rest(self) -> bytes:
        """Give what had arrived before the client was gone and was not handed out yet."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """So many bytes are durable; more are awaited."""

    size_bytes: int


@dataclass(frozen=True, slots=True)
class Received:
    """The medium is whole."""

    medium: Medium


@dataclass(slots=True)
class _Slot:
    """Who writes one medium, and the part it writes to."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    newest: int = 0
    reading: asyncio.Timeout | None = None
    part: Part | None = None


@dataclass(slots=True)
class _Turn:
    """One request's time with a medium; over as soon as a newer one comes."""

    slot: _Slot
    number: int
    ends_at: float | None = None

    @property
    def is_over(self) -> bool:
        return self.number != self.slot.newest


@dataclass(slots=True)
class _Wanted:
    """Which bytes of a body are new: the first `skip` are held, then at most `most_bytes`."""

    body: Body
    skip: int
    most_bytes: int

    def take(self, block: bytes) -> bytes:
        taken = block[self.skip : self.skip + self.most_bytes]
        self.skip = max(0, self.skip - len(block))
        self.most_bytes -= len(taken)
        return taken


class Receiving:
    """All upload sessions of this gateway."""

    def __init__(
        self,
        store: Store,
        objects: CarriedObjectStore,
        metrics: Metrics,
        *,
        max_medium_bytes: int,
        idle_s: float,
    ) -> None:
        self._store = store
        self._objects = objects
        self._metrics = metrics
        self._max_medium_bytes = max_medium_bytes
        self._idle_s = idle_s
        self._slots: OrderedDict[str, _Slot] = OrderedDict()
        self._draining = False

    async def receive(self, medium_id: str, brought: Brought, body: Body) -> Held | Received:
        """Take what one PUT brings.

        Nothing is acknowledged before it is durable; what arrived before a cut counts.

        Raises:
            NotFound: No such medium, or it was deleted.
            InvalidContentRange: It does not fit the medium's size.
            MediumTooLarge: It is larger than this gateway takes.
            DigestRefused: The last byte is in and the declared digest is another; empty again.
            AlreadyUploaded: Another whole body for a recording that is complete.
            Superseded: A newer request took over.
            TooSlow: The body stopped coming.
            Draining: The gateway is about to stop.
            SessionBusy: The previous writer did not let go in time.
            StorageFull, StorageFailed: The disk.
            ConnectionError: The client is gone; what arrived is kept.
        """
        # Looked at before the claim, so that a bad request does not cost a good one its turn.
        self._agreed_total(await self._medium(medium_id), brought)
        async with self._claim(medium_id) as turn:
            slot = turn.slot
            medium = await self._medium(medium_id)
            total = self._agreed_total(medium, brought)
            replaces = isinstance(brought, Whole)
            if medium.status is MediaStatus.UPLOADED and not replaces:
                return Received(medium)
            if replaces:
                await self._refuse_if_complete(medium)
            elif (found := await self._found(slot, medium)) is not None:
                return Received(found)
            part = await self._opened(slot, medium)
            match brought:
                case Chunk(first=first, size_bytes=size_bytes):
                    skip = part.held_bytes - first
                    # A chunk beyond what is held would leave a hole; one within brings nothing.
                    if 0 <= skip < size_bytes:
                        await self._pump(turn, part, _Wanted(body, skip, size_bytes - skip))
                case Whole(size_bytes=size_bytes):
                    await asyncio.to_thread(part.restart)
                    await self._pump(turn, part, _Wanted(body, 0, size_bytes))
                case Query():
                    pass
            if part.held_bytes == total:
                return Received(await self._finish(slot, medium, part))
            return Held(await asyncio.to_thread(part.sync))

    async def recover(self, medium: Medium) -> Medium:
        """Notice a pending medium whose object is whole already, after a crash between the two."""
        slot = self._slots.get(medium.id)
        if slot is not None and (slot.lock.locked() or slot.part is not None):
            return medium
        async with self._claim(medium.id) as turn:
            return await self._found(turn.slot, medium) or medium

    async def reopen(self, medium: Medium) -> None:
        """Begin a medium anew whose object has a wrong digest; the object is put aside.

        Raises:
            AlreadyUploaded: The recording is complete.
        """
        async with self._claim(medium.id):
            # The row first: until the object is moved it is found again, and refused again.
            await self._store.recordings.reopen_medium(medium.id, blame=True)
            await self._objects.reject(_ref(medium))

    async def forget(self, medium_ids: tuple[str, ...]) -> None:
        """Stop the writers of deleted media and let go of their parts."""
        for medium_id in medium_ids:
            async with self._claim(medium_id) as turn:
                await self._drop(turn.slot)
            self._slots.pop(medium_id, None)

    def drain(self) -> None:
        """Ask every writer to stop now; what arrived is made durable and kept."""
        self._draining = True
        for slot in self._slots.values():
            _interrupt(slot)

    async def aclose(self) -> None:
        """Close all parts; idempotent."""
        for slot in self._slots.values():
            await self._drop(slot)
        self._slots.clear()

    async def _medium(self, medium_id: str) -> Medium:
        medium = await self._store.recordings.medium(medium_id)
        if medium is None:
            raise NotFound("there is no such upload session")
        return medium

    async def _refuse_if_complete(self, medium: Medium) -> None:
        recording = await self._store.recordings.recording(medium.recording_id)
        if recording is None or recording.status is RecordingStatus.UPLOADED:
            raise AlreadyUploaded("the recording is complete; its media stay as they are")

    def _agreed_total(self, medium: Medium, brought: Brought) -> int | None:
        """Say how large the medium is to be, as far as anybody knows."""
        if isinstance(brought, Whole):
            told: int | None = brought.size_bytes
            # A whole body may replace one with a wrong digest, whatever size that had.
            known = None if medium.status is MediaStatus.UPLOADED else medium.file_size_bytes
        else:
            told, known = brought.total, medium.file_size_bytes
        if told is not None and known is not None and told != known:
            raise InvalidContentRange(f"the medium has {known} bytes, the request says {told}")
        total = told if known is None else known
        last = brought.last if isinstance(brought, Chunk) else 0
        if total is not None and last and last >= total:
            raise InvalidContentRange(f"the range ends beyond the medium's {total} bytes")
        if max(last + 1, total or 0) > self._max_medium_bytes:
            raise MediumTooLarge(f"this gateway takes media up to {self._max_medium_bytes} bytes")
        return total

    @asynccontextmanager
    async def _claim(self, medium_id: str) -> AsyncIterator[_Turn]:
        """Be the only one at a medium; whoever was there is asked to stop and waited for."""
        if self._draining:
            raise Draining("the gateway is restarting")
        slot = self._slots.setdefault(medium_id, _Slot())
        self._slots.move_to_end(medium_id)
        slot.newest += 1
        turn = _Turn(slot, slot.newest)
        _interrupt(slot)
        try:
            async with asyncio.timeout(_LET_GO_S):
                await slot.lock.acquire()
        except TimeoutError:
            raise SessionBusy("the previous writer has not let go yet") from None
        try:
            if turn.is_over:
                raise Superseded("a newer request took over this upload session")
            yield turn
        except StorageFailed:
            await self._drop(slot)
            raise
        finally:
            slot.lock.release()
            await self._close_surplus()

    async def _close_surplus(self) -> None:
        """Keep few files open: the parts that rested longest are re-hashed when they go on."""
        surplus = len(self._slots) - _OPEN_PARTS
        if surplus <= 0:
            return
        resting = [key for key, slot in self._slots.items() if not slot.lock.locked()]
        for key in resting[:surplus]:
            slot = self._slots.get(key)
            if slot is not None and not slot.lock.locked():
                del self._slots[key]
                await self._drop(slot)

    async def _opened(self, slot: _Slot, medium: Medium) -> Part:
        if slot.part is None:
            slot.part = await asyncio.to_thread(self._objects.part, _ref(medium))
        return slot.part

    async def _drop(self, slot: _Slot) -> None:
        part, slot.part = slot.part, None
        if part is not None:
            await asyncio.to_thread(part.close)

    async def _found(self, slot: _Slot | None, medium: Medium) -> Medium | None:
        """Finish a medium whose object was sealed before its row could say so."""
        if medium.status is MediaStatus.UPLOADED:
            return medium
        if slot is not None and slot.part is not None:
            return None
        stored = await self._objects.verify(_ref(medium))
        if stored is None:
            return None
        return await self._store.recordings.finish_medium(
            medium.id, size_bytes=stored.size_bytes, sha256=stored.sha256
        )

    async def _pump(self, turn: _Turn, part: Part, wanted: _Wanted) -> None:
        """Move a body into the part: one block is written and hashed while the next arrives."""
        writing: asyncio.Future[None] | None = None
        blocks: list[bytes] = []
        gathered = 0
        interrupted = True
        try:
            while wanted.most_bytes:
                block = await self._next(turn, wanted.body)
                if not block:
                    break
                taken = wanted.take(block)
                blocks.append(taken)
                gathered += len(taken)
                if gathered >= _BLOCK_BYTES:
                    if writing is not None:
                        await writing
                    writing = self._written(part, blocks, gathered)
                    blocks, gathered = [], 0
            interrupted = False
        finally:
            # However it ended (a cut, a rival, a stop): what arrived was paid for and counts.
            if interrupted:
                blocks.append(wanted.take(wanted.body.rest()))
            if writing is not None:
                await writing
            await self._written(part, blocks, sum(map(len, blocks)))
            if interrupted:
                await asyncio.to_thread(part.sync)

    def _written(self, part: Part, blocks: list[bytes], size_bytes: int) -> asyncio.Future[None]:
        self._metrics.received_bytes.inc(size_bytes)
        return asyncio.get_running_loop().run_in_executor(None, part.write, blocks)

    async def _next(self, turn: _Turn, body: Body) -> bytes:
        """Wait for bytes, until they stop coming or somebody else wants the medium."""
        if not (turn.is_over or self._draining):
            try:
                async with asyncio.timeout(self._idle_s) as turn.slot.reading:
                    return await body.next()
            except TimeoutError:
                pass
            finally:
                turn.slot.reading = None
        if not (turn.is_over or self._draining):
            raise TooSlow(f"no byte came for {self._idle_s:.0f} s; what arrived is kept")
        # What has reached this machine already need not be sent again: a client that asks right
        # after a cut is often faster than its own last bytes.
        now = asyncio.get_running_loop().time()
        if turn.ends_at is None:
            turn.ends_at = now + _LAST_BYTES_S
        if now < turn.ends_at:
            with suppress(TimeoutError):
                async with asyncio.timeout(_GAP_S):
                    return await body.next()
        if self._draining:
            raise Draining("the gateway is restarting; what arrived is kept")
        raise Superseded("a newer request took over this upload session")

    async def _finish(self, slot: _Slot, medium: Medium, part: Part) -> Medium:
        """Check the declared digest, seal the object, then note it."""
        digest = await asyncio.to_thread(part.sha256)
        if medium.declared_sha256 not in (None, digest):
            await asyncio.to_thread(part.restart)
            raise DigestRefused(
                "the bytes do not have the declared digest; send the medium again",
                details={"declared_sha256": medium.declared_sha256, "received_sha256": digest},
            )
        if medium.status is MediaStatus.UPLOADED:
            # Replacing: the row must not vouch for the old digest while the object changes.
            await self._store.recordings.reopen_medium(medium.id, blame=False)
        try:
            stored = await asyncio.to_thread(part.seal)
        finally:
            await self._drop(slot)
        finished = await self._store.recordings.finish_medium(
            medium.id, size_bytes=stored.size_bytes, sha256=stored.sha256
        )
        logger.info(
            "A medium is whole.",
            extra={
                "recording_id": medium.recording_id,
                "medium_id": medium.id,
                "size_bytes": stored.size_bytes,
            },
        )
        return finished


def _interrupt(slot: _Slot) -> None:
    if slot.reading is not None and slot.reading.when() is not None:
        with suppress(RuntimeError):
            slot.reading.reschedule(asyncio.get_running_loop().time())


def _ref(medium: Medium) -> ObjectRef:
    return ObjectRef(medium.recording_id, medium.id)
