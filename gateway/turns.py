"""Who writes which medium: one at a time, a newer request evicts the older one."""

import asyncio
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

from gateway.errors import Draining, SessionBusy, StorageFailed, Superseded
from gateway.objects import Part

_OPEN_PARTS = 128
_LET_GO_S = 30.0


@dataclass(slots=True)
class Slot:
    """Who is at one medium, and the part that is written to.

    `claims` counts the writer and those who wait: a lock that is just being handed over looks free.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    newest: int = 0
    claims: int = 0
    reading: asyncio.Timeout | None = None
    part: Part | None = None

    async def drop(self) -> None:
        """Let go of the part."""
        part, self.part = self.part, None
        if part is not None:
            await asyncio.to_thread(part.close)

    def interrupt(self) -> None:
        """Wake a writer that waits for bytes."""
        if self.reading is not None and self.reading.when() is not None:
            with suppress(RuntimeError):
                self.reading.reschedule(asyncio.get_running_loop().time())


@dataclass(slots=True)
class Turn:
    """One request's time with a medium; over as soon as a newer one comes."""

    turns: "Turns"
    slot: Slot
    number: int

    @property
    def must_end(self) -> bool:
        """Whether somebody else wants the medium, or the process is about to stop."""
        return self.turns.draining or self.number != self.slot.newest

    def end(self) -> Draining | Superseded:
        """Say why the turn is over."""
        if self.turns.draining:
            return Draining("the gateway is restarting; what arrived is kept")
        return Superseded("a newer request took over this upload session")


class Turns:
    """The slots of all media that are being received."""

    def __init__(self) -> None:
        self._slots: OrderedDict[str, Slot] = OrderedDict()
        self.draining = False

    def claim(self, medium_id: str, *, insists: bool = False) -> "_Claim":
        """Be the only one at a medium; whoever was there is asked to stop and waited for.

        Args:
            medium_id: Which medium.
            insists: Has its turn even if a newer request came while it waited: to end a medium.

        Raises:
            Draining: The process is about to stop.
            SessionBusy: The previous writer did not let go in time.
            Superseded: A newer request came while this one waited.
        """
        return _Claim(self, medium_id, insists=insists)

    def slot(self, medium_id: str) -> Slot:
        """Give the slot of a medium to somebody who claims it."""
        slot = self._slots.setdefault(medium_id, Slot())
        self._slots.move_to_end(medium_id)
        return slot

    def is_claimed(self, medium_id: str) -> bool:
        """Say whether somebody is at a medium."""
        slot = self._slots.get(medium_id)
        return slot is not None and slot.claims > 0

    def is_open(self, medium_id: str) -> bool:
        """Say whether somebody is at a medium, or was and left it half-received."""
        slot = self._slots.get(medium_id)
        return slot is not None and (slot.claims > 0 or slot.part is not None)

    def forget(self, medium_id: str) -> None:
        """Keep nothing of a medium that is gone."""
        slot = self._slots.get(medium_id)
        if slot is not None and not slot.claims and slot.part is None:
            del self._slots[medium_id]

    def drain(self) -> None:
        """Admit nobody any more and ask every writer to stop."""
        self.draining = True
        for slot in self._slots.values():
            slot.interrupt()

    async def aclose(self) -> None:
        """Close all parts; idempotent."""
        while self._slots:
            _, slot = self._slots.popitem()
            await slot.drop()

    async def close_surplus(self) -> None:
        """Keep few files open: the parts that rested longest are re-hashed when they go on."""
        surplus = len(self._slots) - _OPEN_PARTS
        if surplus <= 0:
            return
        resting = [key for key, slot in self._slots.items() if not slot.claims]
        # Out of the table first: whoever comes while the files are closed opens them anew.
        for slot in [self._slots.pop(key) for key in resting[:surplus]]:
            await slot.drop()


class _Claim:
    """See `Turns.claim`; a class, for there is one to each small medium."""

    def __init__(self, turns: Turns, medium_id: str, *, insists: bool) -> None:
        self._turns = turns
        self._medium_id = medium_id
        self._insists = insists
        self._slot: Slot | None = None

    async def __aenter__(self) -> Turn:
        if self._turns.draining:
            raise Draining("the gateway is restarting")
        slot = self._slot = self._turns.slot(self._medium_id)
        slot.newest += 1
        slot.claims += 1
        turn = Turn(self._turns, slot, slot.newest)
        slot.interrupt()
        try:
            await _acquire(slot)
        except BaseException:
            await self._leave(slot)
            raise
        if turn.number != slot.newest and not self._insists:
            slot.lock.release()
            await self._leave(slot)
            raise turn.end()
        return turn

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        slot = self._slot
        assert slot is not None  # noqa: S101 - claimed before
        try:
            if isinstance(error, StorageFailed):
                await slot.drop()
        finally:
            slot.lock.release()
            await self._leave(slot)

    async def _leave(self, slot: Slot) -> None:
        slot.claims -= 1
        self._turns.forget(self._medium_id)
        await self._turns.close_surplus()


async def _acquire(slot: Slot) -> None:
    lock = slot.lock
    if slot.claims == 1:
        # Nobody to wait for, as with nearly every medium: a deadline would cost more than the lock.
        await lock.acquire()
        return
    try:
        async with asyncio.timeout(_LET_GO_S):
            await lock.acquire()
    except TimeoutError:
        raise SessionBusy("the previous writer has not let go yet") from None
