"""Upload slots: how much is on its way at a time, and whose turn it is when one is free."""

import asyncio
import heapq
from dataclasses import dataclass
from itertools import count


class UploadSlots:
    """So many slots; who began first is served first, however late it asks.

    Recordings that take turns would all be half there when the link goes for good, and would then
    end, and have the next ones begin, all at once. One after the other each ends while the next
    one's media are under way.
    """

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._turns = count()
        self._asked = count()

    def turn(self) -> int:
        """Give the turn of a recording that begins: after all that have begun."""
        return next(self._turns)

    def taken_at_once(self) -> bool:
        """Take a slot if one is free, and say whether it was; nobody is kept waiting by that."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def acquire(self, turn: int) -> None:
        """Take a slot; of those who wait the lowest turn is next, and of one turn who asked first.

        Who is cancelled has none.
        """
        if self.taken_at_once():
            return
        waiting = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (turn, next(self._asked), waiting))
        try:
            await waiting
        except asyncio.CancelledError:
            if not waiting.cancelled():
                # Handed over at the very moment that nobody wanted it any more.
                self.release()
            raise

    def release(self) -> None:
        """Hand a slot to whoever is next."""
        while self._waiting:
            *_, waiting = heapq.heappop(self._waiting)
            if not waiting.done():
                waiting.set_result(None)
                return
        self._free += 1

    def dismiss(self, turn: int) -> None:
        """Cancel those of a turn that wait: their recording has failed.

        It would else be known only when all that began earlier has gone.
        """
        for waiting_turn, _, waiting in self._waiting:
            if waiting_turn == turn:
                waiting.cancel()

    def held(self, turn: int) -> "_Held":
        """Hold a slot for the time of an `async with`; see `acquire`."""
        return _Held(self, turn)


@dataclass(frozen=True, slots=True)
class _Held:
    slots: UploadSlots
    turn: int

    async def __aenter__(self) -> None:
        await self.slots.acquire(self.turn)

    async def __aexit__(self, *_: object) -> None:
        self.slots.release()
