"""A clock that moves only when told: back-off tests are exact and instant."""

import asyncio
import heapq
from datetime import UTC, datetime, timedelta


class FakeClock:
    def __init__(self, start: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed_s = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._serial = 0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed_s)

    def monotonic(self) -> float:
        return self._elapsed_s

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._serial += 1
        heapq.heappush(self._sleepers, (self._elapsed_s + seconds, self._serial, future))
        await future

    def step(self, seconds: float) -> None:
        """Move wall time alone, as an operator or NTP does."""
        self._start += timedelta(seconds=seconds)

    def advance(self, seconds: float) -> None:
        """Let time pass and wake who is due."""
        until = self._elapsed_s + seconds
        while self._sleepers and self._sleepers[0][0] <= until:
            due, _, future = heapq.heappop(self._sleepers)
            self._elapsed_s = max(self._elapsed_s, due)
            if not future.done():
                future.set_result(None)
        self._elapsed_s = until

    @property
    def due_s(self) -> float | None:
        """How long the next who sleeps has left; None while nobody does."""
        due = [due for due, _, future in self._sleepers if not future.done()]
        return min(due) - self._elapsed_s if due else None

    @property
    def sleeping(self) -> int:
        return sum(1 for _, _, future in self._sleepers if not future.done())
