"""A bell that loops ring for each other: a wake-up that cannot be lost."""

import asyncio


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
