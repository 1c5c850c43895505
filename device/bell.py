"""A bell that loops ring for each other: a wake-up that cannot be lost."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Bell:
    """Counts rings; who waits names the count it has seen, so a ring in between still wakes it."""

    def __init__(self) -> None:
        self.count = 0
        self._waiting: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        """Wake everybody who waits."""
        self.count += 1
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    async def after(self, seen: int) -> None:
        """Return once the bell has rung more often than `seen`."""
        while self.count <= seen:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(future)
            try:
                await future
            finally:
                self._waiting.discard(future)


async def first_of(*waits: Coroutine[Any, Any, object]) -> set[int]:
    """Wait until one of several waits ends, and say which have; the others are cancelled.

    Raises:
        Exception: What one that ended raised.
    """
    tasks = [asyncio.create_task(each, name=f"wait {at}") for at, each in enumerate(waits)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
    return {at for at, task in enumerate(tasks) if task in done}
