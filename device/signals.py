"""Signals: TERM and INT ask the agent to end, again to end at once; HUP to read its settings."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from device.bell import Bell


@dataclass(kw_only=True)
class Signals:
    """What was asked for so far. `asked` is rung by the first and by every further TERM or INT."""

    asked: Bell = field(default_factory=Bell)
    reload: Bell = field(default_factory=Bell)
    first: signal.Signals | None = None
    """The signal that asked to end."""
    _starting: "asyncio.Task[object] | None" = None

    def end(self, number: signal.Signals) -> None:
        """Take note that the agent is to end; while it starts, nothing has to be drained."""
        self.first = self.first or number
        self.asked.ring()
        starting, self._starting = self._starting, None
        if starting is not None:  # once: what was opened is closed again before it ends
            starting.cancel()

    @contextmanager
    def starting(self) -> Iterator[None]:
        """End at once if asked to while this lasts: opening a spool may take minutes."""
        self._starting = asyncio.current_task()
        try:
            yield
        finally:
            self._starting = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take the process's signals for as long as this lasts."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.end, number)
        loop.add_signal_handler(signal.SIGHUP, self.reload.ring)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)
