"""How long to wait for what, and the deadline that moves along with the bytes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from device.outflow import Outflow


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait for what.

    `stall_s` counts from the last byte the other side acknowledged; `response_s` begins when it
    has acknowledged all of them. `call_s` bounds a whole JSON call.
    """

    connect_s: float = 30.0
    call_s: float = 60.0
    stall_s: float = 60.0
    response_s: float = 120.0
    continue_s: float = 1.0
    queue_bytes: int = 1_048_576


class Watch:
    """Moves a deadline along with the bytes, and tells whoever watches."""

    def __init__(
        self,
        flow: Outflow | None,
        deadline: asyncio.Timeout,
        patience: Patience,
        progress: Callable[[int], None],
    ) -> None:
        self._flow = flow
        self._deadline = deadline
        self._patience = patience
        self._progress = progress
        self._seen = (-1, False)
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        if self._flow is not None:
            self._look()

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        loop, flow, patience = asyncio.get_running_loop(), self._flow, self._patience
        if flow is None or self._deadline.expired():
            return
        if flow.begun and (seen := (flow.gone_bytes(), flow.delivered)) != self._seen:
            self._seen = seen
            wait_s = patience.response_s if flow.delivered else patience.stall_s
            self._deadline.reschedule(loop.time() + wait_s)
            self._progress(flow.sent_bytes())
        self._timer = loop.call_later(min(0.25, patience.stall_s / 4), self._look)
