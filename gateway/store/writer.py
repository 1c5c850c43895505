"""One thread that writes: transactions that wait at the same time share one commit."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Waiting:
    work: Callable[[Connection], Any]
    outcome: asyncio.Future[Any]


class Writer:
    """Runs pieces of work in the order they come, each all or nothing.

    A commit waits for the disk, far longer than the work took: whatever has come meanwhile is
    committed together afterwards. If one of those fails nothing of it counts, and each is run again
    by itself; so work must do nothing but look at the database and change it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="gateway-writer")
        self._gathered: list[_Waiting] = []
        self._alone: deque[_Waiting] = deque()
        self._busy = False

    async def run(self, work: Callable[[Connection], _T]) -> _T:
        """Run `work`; when this returns, what it did is on disk. When it raises, nothing is."""
        outcome: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._gathered.append(_Waiting(work, outcome))
        if not self._busy:
            self._begin()
        return await outcome

    async def aclose(self) -> None:
        """Wait for what is under way; idempotent."""
        await asyncio.to_thread(self._thread.shutdown)
        self._engine.dispose()

    def _begin(self) -> None:
        """Let the thread work on what waits; whoever was cancelled while waiting is left out."""
        wave: list[_Waiting] = []
        while self._alone and not wave:
            wave = [each for each in (self._alone.popleft(),) if not each.outcome.done()]
        if not wave:
            wave = [each for each in self._gathered if not each.outcome.done()]
            self._gathered = []
        self._busy = bool(wave)
        if wave:
            done = asyncio.get_running_loop().run_in_executor(
                self._thread, self._commit, [each.work for each in wave]
            )
            done.add_done_callback(partial(self._over, wave))

    def _commit(self, works: Sequence[Callable[[Connection], Any]]) -> list[Any]:
        with self._engine.begin() as connection:
            return [work(connection) for work in works]

    def _over(self, wave: Sequence[_Waiting], done: asyncio.Future[list[Any]]) -> None:
        error = done.exception()
        if error is not None and len(wave) > 1:
            self._alone.extend(wave)
        self._begin()
        if error is None:
            for each, result in zip(wave, done.result(), strict=True):
                if not each.outcome.done():
                    each.outcome.set_result(result)
        elif len(wave) == 1 and not wave[0].outcome.done():
            wave[0].outcome.set_exception(error)
