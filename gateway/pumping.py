"""Move the body of a PUT into a part: one block is written and hashed while the next arrives."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from device.clock import Clock
from gateway.core.least_rate import LEAST_BPS, WINDOW_S, LeastRate
from gateway.errors import GatewayError, TooSlow
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
        """Give what has arrived and was not handed out yet, also after the client was gone."""
        ...


@dataclass(slots=True)
class Ahead:
    """A body of which the first bytes were read into memory; see `Body`.

    What ended that early comes up again after those bytes.
    """

    body: Body
    blocks: list[bytes] = field(default_factory=list)
    size_bytes: int = 0
    ended: GatewayError | ConnectionError | None = None

    async def next(self) -> bytes:
        """See `Body.next`."""
        if self.blocks:
            return self.blocks.pop(0)
        if self.ended is not None:
            raise self.ended
        return await self.body.next()

    def rest(self) -> bytes:
        """See `Body.rest`."""
        blocks, self.blocks = self.blocks, []
        return b"".join([*blocks, self.body.rest()])


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
        source = self._source(turn, wanted.body)
        writing: asyncio.Future[None] | None = None
        blocks: list[bytes] = []
        gathered = 0
        interrupted = True
        try:
            while wanted.most_bytes:
                block = await source.next()
                if not block:
                    break
                taken = wanted.take(block)
                blocks.append(taken)
                gathered += len(taken)
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

    async def ahead(self, turn: Turn, body: Body, size_bytes: int) -> Ahead:
        """Read a small body into memory: all `size_bytes` of it, or what came before it ended."""
        ahead = Ahead(body)
        if there := body.rest():
            # Often all of it: nothing is waited for, so nothing needs a deadline.
            ahead.blocks.append(there)
            ahead.size_bytes = len(there)
        source = self._source(turn, body)
        try:
            while ahead.size_bytes < size_bytes and len(ahead.blocks) < _BLOCK_PIECES:
                block = await source.next()
                if not block:
                    break
                ahead.blocks.append(block)
                ahead.size_bytes += len(block)
        except (GatewayError, ConnectionError) as error:
            # Raised again by whoever goes on with the body, after what had come was kept.
            ahead.ended = error
        if ahead.size_bytes == size_bytes:
            self._metrics.received_bytes.inc(size_bytes)
        return ahead

    async def ends(self, turn: Turn, wanted: Wanted) -> bool:
        """Say whether a body has ended with what was wanted of it.

        Raises:
            Superseded, Draining, TooSlow, ConnectionError: See `run`.
        """
        return not wanted.beyond and not await self._source(turn, wanted.body).next()

    def _source(self, turn: Turn, body: Body) -> "_Source":
        # Whoever lets clients pause for longer must not see them ended for it.
        rate = LeastRate(max(WINDOW_S, self._idle_s))
        return _Source(turn, body, self._clock, self._idle_s, rate)

    def _written(self, part: Part, blocks: list[bytes], size_bytes: int) -> asyncio.Future[None]:
        self._metrics.received_bytes.inc(size_bytes)
        return asyncio.get_running_loop().run_in_executor(None, part.write, blocks)


class _Source:
    """The blocks of a body, until they stop coming or somebody else wants the medium."""

    def __init__(
        self, turn: Turn, body: Body, clock: Clock, idle_s: float, rate: LeastRate
    ) -> None:
        self._turn = turn
        self._body = body
        self._clock = clock
        self._idle_s = idle_s
        self._rate = rate
        self._too_slow = False
        self._last_bytes = _LastBytes()

    async def next(self) -> bytes:
        """Wait for bytes; empty at the end.

        Raises:
            Superseded, Draining, TooSlow, ConnectionError: See `Pump.run`.
        """
        if self._too_slow:
            raise TooSlow(f"less than {LEAST_BPS} B/s came; what arrived is kept")
        # The time between two calls is that of our own disk, not the client's.
        asked_at = self._clock.monotonic()
        block = await self._awaited()
        self._too_slow = self._rate.too_slow(self._clock.monotonic() - asked_at, len(block))
        return block

    async def _awaited(self) -> bytes:
        slot = self._turn.slot
        if not self._turn.must_end:
            try:
                async with asyncio.timeout(self._idle_s) as slot.reading:
                    return await self._body.next()
            except TimeoutError:
                pass
            finally:
                slot.reading = None
        if not self._turn.must_end:
            raise TooSlow(f"no byte came for {self._idle_s:.0f} s; what arrived is kept")
        if self._last_bytes.may_come():
            with suppress(TimeoutError):
                async with asyncio.timeout(_GAP_S):
                    return await self._body.next()
        raise self._turn.end()


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
