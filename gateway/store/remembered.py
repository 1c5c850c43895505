"""Credentials that every request asks for, remembered for a moment."""

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

_T = TypeVar("_T")

REMEMBERED_S = 1.0
"""How long a revocation by another process (the command line) may go unnoticed, at most."""

_MOST = 1024


class Remembered(Generic[_T]):
    """What was found, by hash, until this process changes anything or `REMEMBERED_S` is over."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._found: dict[str, tuple[_T, float]] = {}
        self._changes = 0

    async def get(self, key: str, look: Callable[[], Awaitable[_T | None]]) -> _T | None:
        """Give what is remembered, else look; what is not found is looked for each time."""
        asked_s = self._monotonic()
        known = self._found.get(key)
        if known is not None and asked_s - known[1] < REMEMBERED_S:
            return known[0]
        changes = self._changes
        found = await look()
        # Looked up beside a change it may be what was before: then it counts for this once.
        if found is not None and changes == self._changes:
            if len(self._found) >= _MOST:
                self._found.clear()
            self._found[key] = (found, asked_s)
        return found

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Look again from the end of the block on: it changes something."""
        try:
            yield
        finally:
            self._changes += 1
            self._found.clear()
