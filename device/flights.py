"""Requests of one upload on their way together, each but the first in a slot of its own."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from device.core.uploads import Request
from device.upload_slots import UploadSlots

T = TypeVar("T")


class Flights(Generic[T]):
    """Started in order, landed as they end.

    Args:
        send: Sends one request and says what became of it.
        slots: What all uploads share. Whoever has this has taken one already.
    """

    def __init__(
        self,
        send: Callable[[Request], Coroutine[Any, Any, T]],
        slots: UploadSlots,
    ) -> None:
        self._send = send
        self._slots = slots
        self._taken = 0
        self._tasks: dict[asyncio.Task[T], Request] = {}
        self._alone: Request | None = None
        """One that leaves when it is waited for: most go alone, and need no task."""

    @property
    def under_way(self) -> tuple[Request, ...]:
        """Those that have not landed."""
        alone = () if self._alone is None else (self._alone,)
        return (*alone, *self._tasks.values())

    def start(self, request: Request) -> bool:
        """Send one more, if there is room for it at once: nobody else is kept waiting."""
        if not self.under_way:
            self._alone = request
            return True
        if not self._slots.taken_at_once():
            return False
        self._taken += 1
        if self._alone is not None:
            self._leave(self._alone)
            self._alone = None
        self._leave(request)
        return True

    async def landed(self) -> tuple[Request, T]:
        """Wait for any of them; what it raised is raised."""
        if self._alone is not None:
            request, self._alone = self._alone, None
            return request, await self._send(request)
        await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        task = next(task for task in self._tasks if task.done())
        request = self._tasks.pop(task)
        self._give_back()
        return request, task.result()

    async def ground(self) -> None:
        """End those that are under way, and wait until each has had its last word. Idempotent."""
        self._alone = None
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        try:
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self._tasks.clear()
            self._give_back()

    def _leave(self, request: Request) -> None:
        self._tasks[asyncio.create_task(self._send(request))] = request

    def _give_back(self) -> None:
        while self._taken > max(0, len(self._tasks) - 1):
            self._slots.release()
            self._taken -= 1
