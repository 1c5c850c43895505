"""A few connections that write to a shared database, and run again what met somebody else's."""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.store.postgres_faults import connection_was_lost, is_at_fault, met_another

_TRIES = 12
_TOGETHER = 8
_CALL_S = 20.0
_PAUSE_S = 0.005

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Waiting:
    work: Callable[[Connection], Any]
    outcome: asyncio.Future[Any]


class Lanes:
    """Runs pieces of work, each all or nothing, as if they came one after another.

    What waits for a connection together is committed together. If one of those fails nothing of it
    counts, and each is run again by itself, unless the database itself is at fault: then all fail.
    Work that met another's is run again. So it must do nothing but look at the database and change
    it.
    """

    def __init__(self, engine: AsyncEngine, lanes: int) -> None:
        self._engine = engine
        self._lanes = lanes
        self._waiting: deque[_Waiting] = deque()
        self._at_work: set[asyncio.Task[None]] = set()

    async def run(self, work: Callable[[Connection], _T]) -> _T:
        """Run `work`; when this returns, what it did is on disk."""
        outcome: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(work, outcome))
        self._begin()
        return await outcome

    async def aclose(self) -> None:
        """Wait for what is under way and what waits for it; idempotent."""
        while self._at_work:
            await asyncio.wait(self._at_work)

    def _begin(self) -> None:
        """Let a free lane work on what waits; whoever was cancelled while waiting is left out."""
        while self._waiting and len(self._at_work) < self._lanes:
            wave: list[_Waiting] = []
            while self._waiting and len(wave) < _TOGETHER:
                each = self._waiting.popleft()
                if not each.outcome.done():
                    wave.append(each)
            if wave:
                # Not the callers' own task: one who leaves must not stop what others wait for.
                task = asyncio.create_task(self._carry(wave), name="gateway-writer")
                self._at_work.add(task)
                task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._at_work.discard(task)
        self._begin()

    async def _carry(self, wave: Sequence[_Waiting]) -> None:
        """Work on a wave, and give everybody in it an outcome."""
        try:
            results = await self._committed([each.work for each in wave])
        except Exception as error:  # noqa: BLE001 - the callers' to look at
            if len(wave) > 1 and not is_at_fault(error):
                for each in wave:
                    await self._carry([each])
                return
            for each in wave:
                if not each.outcome.done():
                    each.outcome.set_exception(error)
        else:
            for each, result in zip(wave, results, strict=True):
                if not each.outcome.done():
                    each.outcome.set_result(result)

    async def _committed(self, works: Sequence[Callable[[Connection], Any]]) -> list[Any]:
        for attempt in range(_TRIES):
            try:
                return await self._transaction(works)
            except Exception as error:
                if not (met_another(error) or (attempt == 0 and connection_was_lost(error))):
                    raise
            # Apart: those who met would meet again.
            await asyncio.sleep(random.uniform(0, _PAUSE_S * 2 ** min(attempt, 5)))  # noqa: S311
        return await self._transaction(works)

    async def _transaction(self, works: Sequence[Callable[[Connection], Any]]) -> list[Any]:
        async with asyncio.timeout(_CALL_S), self._engine.begin() as connection:
            return await connection.run_sync(lambda c: [work(c) for work in works])
