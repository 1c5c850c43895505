"""Move the body of a PUT into a part: one block is written and hashed while the next arrives."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from device.clock import Clock
from gateway.core.least_rate import LEAST_BPS, WINDOW_S, LeastRate
from gateway.errors import TooSlow
from gateway.metrics import Metrics
from gateway.objects import Part
from gateway.turns import Turn

_BLOCK_BYTES = 1024 * 1024
_BLOCK_PIECES = 512
_LAST_BYTES_S = 1.0
_GAP_S = 0.05


class Body(Protocol):
    """The body of a PUT as it arrives."""

    async def next(self) -> bytes:
        """Give what is there, at least one byte; empty at the end.

        Raises:
            ConnectionError: The client is gone.
        """
        ...

    def rest(self) -> bytes:
        """Give what had arrived before the client was gone and was not handed out yet."""
        ...


@dataclass(slots=True)
class Wanted:
    """Which bytes of a body are new: the first `skip` are held, then at most `most_bytes`.

    `beyond` turns true once the body brought more than those.
    """

    body: Body
    skip: int
    most_bytes: int
    beyond: bool = False

    def take(self, block: bytes) -> bytes:
        """Give the new bytes of a block."""
        taken = block[self.skip : self.skip + self.most_bytes]
        self.beyond = self.beyond or len(block) > self.skip + self.most_bytes
        self.skip = max(0, self.skip - len(block))
        self.most_bytes -= len(taken)
        return taken


class Pump:
    """Carries bodies to the disk."""

    def __init__(self, metrics: Metrics, clock: Clock, *, idle_s: float) -> None:
        self._metrics = metrics
        self._clock = clock
        self._idle_s = idle_s

    async def run(self, turn: Turn, part: Part, wanted: Wanted) -> None:
        """Append what is wanted of a body.

        However it ends, what arrived before is in the part; after an error it is durable too.

        Raises:
            Superseded, Draining: The turn is over.
            TooSlow: The body stopped coming, or all but stopped.
            StorageFull, StorageFailed: The disk.
            ConnectionError: The client is gone.
        """
        last_bytes = _LastBytes()
        # Whoever lets clients pause for longer must not see them ended for it.
        rate = LeastRate(max(WINDOW_S, self._idle_s))
        writing: asyncio.Future[None] | None = None
        blocks: list[bytes] = []
        gathered = 0
        interrupted = True
        try:
            while wanted.most_bytes:
                asked_at = self._clock.monotonic()
                block = await self._next(turn, wanted.body, last_bytes)
                if not block:
                    break
                # The time of our own disk is not the client's.
                too_slow = rate.too_slow(self._clock.monotonic() - asked_at, len(block))
                taken = wanted.take(block)
                blocks.append(taken)
                gathered += len(taken)
                if too_slow and wanted.most_bytes:
                    raise TooSlow(f"less than {LEAST_BPS} B/s came; what arrived is kept")
                # Also by number: a million tiny pieces are no small block.
                if gathered >= _BLOCK_BYTES or len(blocks) >= _BLOCK_PIECES:
                    if writing is not None:
                        await writing
                    writing = self._written(part, blocks, gathered)
                    blocks, gathered = [], 0
            interrupted = False
        finally:
            # However it ended (a cut, a rival, a stop): what arrived was paid for and counts.
            if interrupted:
                blocks.append(wanted.take(wanted.body.rest()))
            if writing is not None:
                await writing
            await self._written(part, blocks, sum(map(len, blocks)))
            if interrupted:
                await asyncio.to_thread(part.sync)

    async def ends(self, turn: Turn, wanted: Wanted) -> bool:
        """Say whether a body has ended with what was wanted of it.

        Raises:
            Superseded, Draining, TooSlow, ConnectionError: See `run`.
        """
        return not wanted.beyond and not await self._next(turn, wanted.body, _LastBytes())

    def _written(self, part: Part, blocks: list[bytes], size_bytes: int) -> asyncio.Future[None]:
        self._metrics.received_bytes.inc(size_bytes)
        return asyncio.get_running_loop().run_in_executor(None, part.write, blocks)

    async def _next(self, turn: Turn, body: Body, last_bytes: "_LastBytes") -> bytes:
        """Wait for bytes, until they stop coming or somebody else wants the medium."""
        if not turn.must_end:
            try:
                async with asyncio.timeout(self._idle_s) as turn.slot.reading:
                    return await body.next()
            except TimeoutError:
                pass
            finally:
                turn.slot.reading = None
        if not turn.must_end:
            raise TooSlow(f"no byte came for {self._idle_s:.0f} s; what arrived is kept")
        if last_bytes.may_come():
            with suppress(TimeoutError):
                async with asyncio.timeout(_GAP_S):
                    return await body.next()
        raise turn.end()


class _LastBytes:
    """What has reached this machine when a turn is over need not be sent again.

    A client that asks right after a cut is often faster than its own last bytes.
    """

    def __init__(self) -> None:
        self._until: float | None = None

    def may_come(self) -> bool:
        """Say whether it is still worth to look; the time runs from the first question on."""
        now = asyncio.get_running_loop().time()
        if self._until is None:
            self._until = now + _LAST_BYTES_S
        return now < self._until
