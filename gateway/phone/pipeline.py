"""Pipeline: the agent's own spool and uploads in this process, for what phones bring."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from device.bell import Bell, first_of
from device.clock import Clock
from device.config import CloudConfig, NetworkConfig, RecorderConfig, SpoolConfig, UploadConfig
from device.dispatch import Dispatcher
from device.drivers import Driver, Opening
from device.errors import SpoolLocked
from device.model import Entry, Listing, RecorderId, State
from device.outlet import open_outlet
from device.spool.spool import Spool
from device.transport import Transport
from device.visit import Visitor
from gateway.phone.behalf import Behalf, Registry
from gateway.phone.board import Board, Shelf

logger = logging.getLogger(__name__)

MOST_SPOOLS = 64
DRAIN_S = 5.0
"""What goes up gets so long to end when the process stops; it goes on at the next start."""
WORKERS = 4
AGAIN_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplink:
    """Where recordings go, and how to say so: for the pipeline to open when it has a spool."""

    config: CloudConfig
    token: Callable[[], str]
    registry: Callable[[Transport, Spool], Registry]
    nearer: tuple[str, str] | None = None


class Pipeline:
    """One spool, its uploads, and what is shown of both. Use `open`."""

    def __init__(  # noqa: PLR0913 - each is a seam of the composition root
        self,
        *,
        spool: Spool,
        clock: Clock,
        registry: Registry,
        board: Board,
        dispatcher: Dispatcher,
        closing: AsyncExitStack,
    ) -> None:
        self.registry = registry
        self.board = board
        self._spool = spool
        self._clock = clock
        self._dispatcher = dispatcher
        self._closing = closing
        self._uploads = asyncio.create_task(self._upload(), name="phone uploads")

    @classmethod
    async def open(cls, folder: Path, uplink: Uplink, clock: Clock) -> Self:
        """Take the first spool of the folder that no other process holds.

        Raises:
            SpoolError: There is none, or the disk fails.
        """
        async with AsyncExitStack() as undo:
            spool = await asyncio.to_thread(_spool, folder, clock)
            undo.push_async_callback(asyncio.to_thread, spool.close)
            transport = await asyncio.to_thread(open_outlet, NetworkConfig(), {})
            await undo.enter_async_context(transport)
            registry = uplink.registry(transport, spool)
            cloud = Behalf(
                uplink.config, transport, clock, uplink.token, registry, nearer=uplink.nearer
            )
            undo.push_async_callback(cloud.aclose)
            board = Board()
            dispatcher = Dispatcher(
                spool=spool,
                cloud=cloud,
                transport=transport,
                clock=clock,
                settings=UploadConfig(workers=WORKERS, segment="off"),
                progress=board,
                sealed=Bell(),
                stored=Bell(),
                once=False,
            )
            return cls(
                spool=spool,
                clock=clock,
                registry=registry,
                board=board,
                dispatcher=dispatcher,
                closing=undo.pop_all(),
            )

    def visitor(
        self, recorder: RecorderConfig, opener: Callable[[Opening], Awaitable[Driver]]
    ) -> Visitor:
        """Make the agent's own loop for a recorder that a phone has brought."""
        return Visitor(
            config=recorder,
            spool=self._spool,
            clock=self._clock,
            progress=self.board,
            sealed=self._dispatcher.sealed,
            stored=self._dispatcher.stored,
            settled=self._dispatcher.settled,
            opener=opener,
        )

    async def watch(self, recorder: RecorderId) -> Shelf:
        """Begin to show a recorder's recordings; `board.leave` ends it."""
        entries = await asyncio.to_thread(
            self._spool.entries, State.PULLING, State.SEALED, State.STORED, State.QUARANTINED
        )
        return self.board.watch(
            recorder, [each for each in entries if each.recording.key.recorder == recorder]
        )

    async def listed(self, recorder: RecorderId, listing: Listing) -> None:
        """Show what a recorder lists."""

        def known() -> list[Entry]:
            found = (self._spool.known(each.key) for each in listing.recordings)
            return [entry for entry in found if entry is not None]

        self.board.listed(recorder, listing, await asyncio.to_thread(known))

    async def wake(self) -> None:
        """Try now what waits by our own decision: somebody stands there with a phone."""
        await self._dispatcher.wake()

    async def aclose(self) -> None:
        """Let what goes up end, for a bounded time, and give the spool back. Idempotent."""
        if not self._uploads.done():
            await first_of(self._dispatcher.drain(), self._clock.sleep(DRAIN_S))
            self._uploads.cancel()
            await asyncio.wait([self._uploads])
        await self._closing.aclose()

    async def _upload(self) -> None:
        """Upload for ever: without it recordings would wait here for a restart."""
        while True:
            try:
                await self._dispatcher.run()
            except* Exception:  # the supervisor, as the agent's service is restarted by systemd
                logger.exception("Uploads of what phones brought failed unexpectedly")
            await self._clock.sleep(AGAIN_S)


def _spool(folder: Path, clock: Clock) -> Spool:
    for number in range(1, MOST_SPOOLS + 1):
        try:
            return Spool.open(SpoolConfig(path=folder / str(number)), clock)
        except SpoolLocked:
            continue
    raise SpoolLocked(f"every spool under {folder} is held by another process")
