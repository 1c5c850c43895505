"""Small media read before they may leave, by one thread for all uploads."""

from __future__ import annotations

import asyncio
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

from device.mailbox import mailbox
from device.outflow import read_small

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class ReadAhead:
    """Reads whole files, one after another: they lie on one card.

    Measured, a pool of threads costs ten times what it takes to read a picture.
    """

    def __init__(self) -> None:
        self._asked: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def read(self, path: Path, size_bytes: int) -> bytes:
        """Read a small sealed medium.

        Raises:
            SpoolDamaged: The file is not there, or is shorter than it was sealed.
            SpoolStorageFailed: The disk does not answer.
        """
        arriving: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        here = mailbox()

        def read() -> None:
            try:
                content = read_small(path, size_bytes)
            except Exception as error:  # noqa: BLE001 - whoever asked looks at it
                here.fail(arriving, error)
            else:
                here.answer(arriving, content)

        if self._thread is None:
            # A daemon thread: an agent that is told to end does not wait for a card that hangs.
            thread = threading.Thread(target=self._work, name="read-ahead", daemon=True)
            thread.start()  # where it cannot, the next read tries again
            self._thread = thread
        self._asked.put(read)
        return await arriving

    def close(self) -> None:
        """End the thread once it has read what was asked for. Idempotent."""
        if self._thread is not None:
            self._asked.put(None)
            self._thread = None

    def _work(self) -> None:
        while (read := self._asked.get()) is not None:
            read()
            del read  # with all that it has read
