"""Keep small media that came whole: those that wait for the disk at the same time go together."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from gateway.objects import Arrived, CarriedObjectStore, Kept, Stored

_Waiting = tuple[Arrived, "asyncio.Future[Stored | None]"]

_MOST = 32


class Keeper:
    """One thread: whatever comes while it waits for the disk is its next round.

    Measured, a thread for each medium costs more than its bytes do: they hand the interpreter to
    each other at every call of the kernel, and each waits for the disk by itself.
    """

    def __init__(self, objects: CarriedObjectStore) -> None:
        self._objects = objects
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="gateway-keeper")
        self._gathered: list[_Waiting] = []
        self._at_work: asyncio.Future[list[Kept]] | None = None
        self._is_called = False

    async def keep(self, arrived: Arrived) -> Stored | None:
        """Keep one medium; durable when this returns.

        Who leaves before its round has begun takes it away, later not.

        Returns:
            What was counted; None where its bytes are to go through its part, see `Kept`.

        Raises:
            StorageFull, StorageFailed: The disk; nothing of it is kept.
        """
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[Stored | None] = loop.create_future()
        self._gathered.append((arrived, outcome))
        if self._at_work is None and not self._is_called:
            # Not at once: others of this moment come along.
            self._is_called = True
            loop.call_soon(self._begin)
        return await outcome

    async def aclose(self) -> None:
        """Wait for what is under way and what waits for it; idempotent."""
        self._begin()
        while self._at_work is not None:
            await asyncio.wait([self._at_work])
        await asyncio.to_thread(self._thread.shutdown)

    def _begin(self) -> None:
        self._is_called = False
        if self._at_work is not None:
            return
        waiting = [each for each in self._gathered if not each[1].done()]
        wave, self._gathered = waiting[:_MOST], waiting[_MOST:]
        if wave:
            try:
                self._at_work = asyncio.get_running_loop().run_in_executor(
                    self._thread, self._objects.keep_whole, [arrived for arrived, _ in wave]
                )
            except RuntimeError as error:  # closed, or no thread can be had now
                for _, outcome in wave:
                    outcome.set_exception(error)
            else:
                self._at_work.add_done_callback(partial(self._over, wave))

    def _over(self, wave: Sequence[_Waiting], done: "asyncio.Future[list[Kept]]") -> None:
        self._at_work = None
        self._begin()
        error = done.exception()
        for number, (_, outcome) in enumerate(wave):
            if outcome.done():
                continue
            kept = error if error is not None else done.result()[number]
            if isinstance(kept, BaseException):
                outcome.set_exception(kept)
            else:
                outcome.set_result(kept)
