"""One thread that writes: transactions that wait at the same time share one commit."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Waiting:
    work: Callable[[Connection], Any]
    outcome: asyncio.Future[Any]


class Writer:
    """Runs pieces of work in the order they come, each all or nothing.

    A commit waits for the disk, far longer than the work took: whatever has come meanwhile is
    committed together afterwards. If one of those fails nothing of it counts, and each is run again
    by itself, unless the database itself is at fault: then all fail. So work must do nothing but
    look at the database and change it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="gateway-writer")
        self._gathered: list[_Waiting] = []
        self._alone: deque[_Waiting] = deque()
        self._connection: Connection | None = None
        self._at_work: asyncio.Future[list[Any]] | None = None
        self._is_called = False

    async def run(self, work: Callable[[Connection], _T]) -> _T:
        """Run `work`; when this returns, what it did is on disk. When it raises, nothing is."""
        outcome: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._gathered.append(_Waiting(work, outcome))
        if self._at_work is None and not self._is_called:
            # Not at once: others of this moment come along.
            self._is_called = True
            asyncio.get_running_loop().call_soon(self._begin_if_idle)
        return await outcome

    async def aclose(self) -> None:
        """Wait for what is under way and what waits for it; idempotent."""
        self._begin_if_idle()
        while self._at_work is not None:
            await asyncio.wait([self._at_work])
        with suppress(RuntimeError):  # closed before
            await asyncio.get_running_loop().run_in_executor(self._thread, self._let_go)
        await asyncio.to_thread(self._thread.shutdown)
        self._engine.dispose()

    def _begin_if_idle(self) -> None:
        self._is_called = False
        if self._at_work is None:
            self._begin()

    def _begin(self) -> None:
        """Let the thread work on what waits; whoever was cancelled while waiting is left out."""
        wave: list[_Waiting] = []
        while self._alone and not wave:
            wave = [each for each in (self._alone.popleft(),) if not each.outcome.done()]
        if not wave:
            wave = [each for each in self._gathered if not each.outcome.done()]
            self._gathered = []
        self._at_work = None
        if wave:
            try:
                self._at_work = asyncio.get_running_loop().run_in_executor(
                    self._thread, self._commit, [each.work for each in wave]
                )
            except RuntimeError as error:  # closed, or no thread can be had now
                for each in wave:
                    each.outcome.set_exception(error)
            else:
                self._at_work.add_done_callback(partial(self._over, wave))

    def _commit(self, works: Sequence[Callable[[Connection], Any]]) -> list[Any]:
        # Kept from one to the next: to borrow it and give it back takes as long as a small write.
        connection = self._connection = self._connection or self._engine.connect()
        try:
            with connection.begin():
                return [work(connection) for work in works]
        except BaseException:
            self._let_go()
            raise

    def _let_go(self) -> None:
        """Give the connection back, in its own thread."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _over(self, wave: Sequence[_Waiting], done: asyncio.Future[list[Any]]) -> None:
        error = done.exception()
        again = len(wave) > 1 and error is not None
        if isinstance(error, OperationalError):
            # The database itself is at fault: each by itself would only wait for it in vain.
            again, wave = False, [*wave, *self._alone]
            self._alone.clear()
        elif again:
            self._alone.extend(wave)
        self._begin()
        if again:
            return
        for number, each in enumerate(wave):
            if each.outcome.done():
                continue
            if error is None:
                each.outcome.set_result(done.result()[number])
            else:
                each.outcome.set_exception(error)
