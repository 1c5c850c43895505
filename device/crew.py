"""Crew: the loops that a configuration asks for, and what changes when it does."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path

from device.bell import first_of
from device.config import Config, RecorderConfig, SpoolConfig
from device.core.orders import Order, OrderType, Outcome
from device.dispatch import Dispatcher
from device.errors import ConfigInvalid, IllegalMove, SpoolError
from device.heartbeat import Busy, Heartbeat
from device.model import Entry, EntryId
from device.parts import Parts, Uplink
from device.pulse import Pulses
from device.regime import Regime
from device.takes import Site, tell
from device.visit import Visitor

logger = logging.getLogger(__name__)

STEP_S = 900.0
"""The longest that a visit or an upload may take without a byte: hashing gigabytes on a Pi.

Whatever waits for a wire has a shorter deadline of its own; this finds what has none.
"""
TURN_S = 120.0
"""The longest that a look at what is due may take, which asks our own disk, or a heartbeat."""
DRAIN_S = 30.0
"""What goes up gets so long to end; the unit's TimeoutStopSec= leaves room for it."""
PAUSE_S = 10.0
"""What goes up gets so long before a reload cuts it short: somebody waits for the outcome."""

_Stamp = tuple[tuple[int, int], ...]


@dataclass(kw_only=True)
class Crew:
    """Uploads and visits, each a task of one group, for as long as the configuration has them."""

    parts: Parts
    pulses: Pulses
    group: asyncio.TaskGroup
    busy: Callable[[], Busy]
    """What moves at this moment, for the heartbeats."""
    _visits: dict[RecorderConfig, tuple[Visitor, asyncio.Task[None]]] = field(
        default_factory=dict, init=False
    )
    _uplink: Uplink | None = field(default=None, init=False)
    _dispatcher: Dispatcher | None = field(default=None, init=False)
    _heartbeat: Heartbeat | None = field(default=None, init=False)
    _uploads: tuple[asyncio.Task[None], ...] = field(default=(), init=False)
    _stamp: _Stamp = field(default=(), init=False)
    _ending: bool = field(default=False, init=False)
    """Whether nothing may be begun any more, by a reload that is half done neither."""
    _over: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _changing: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def begin(self) -> None:
        """Start them all.

        Raises:
            ConfigInvalid: A file of [network] cannot be used.
        """
        config = self.parts.config
        self._stamp = await asyncio.to_thread(_stamp, config)
        self._start_uploads(await Uplink.open(self.parts, config))
        for recorder in config.recorders:
            self._start_visit(recorder)

    async def change(self, config: Config) -> list[str]:
        """Go over to another configuration; what it does not concern is not disturbed.

        An upload that is stopped goes on from where the store acknowledged it.

        Returns:
            What was begun anew, in words for people.

        Raises:
            ConfigInvalid: It cannot be used; nothing was changed.
            IllegalMove: The agent is about to end.
        """
        async with self._changing:
            return await self._change(config)

    async def _change(self, config: Config) -> list[str]:
        self._go_on()
        before = self.parts.config
        if config.spool.path != before.spool.path:
            raise ConfigInvalid([f"[spool] path is {before.spool.path} until the agent restarts"])
        stamp = await asyncio.to_thread(_stamp, config)
        uplink = None
        if (_of_uploads(config), stamp) != (_of_uploads(before), self._stamp):
            uplink = await Uplink.open(self.parts, config)
        self.parts.config, self._stamp = config, stamp
        changed = []
        if config.spool != before.spool:
            self.parts.spool.limit(config.spool)
            changed.append("spool")
        if uplink is not None:
            if self._dispatcher is not None:
                await first_of(
                    self._dispatcher.drain(), self.parts.clock.sleep(PAUSE_S), self._over.wait()
                )
            await self._end_uploads()
            await self._take_over(uplink)
            changed.append("uploads")
        for recorder in [each for each in self._visits if each not in config.recorders]:
            await self._end_visit(recorder)
            changed.append(f"without {recorder.url}")
        self._go_on()
        for recorder in config.recorders:
            if recorder not in self._visits:
                self._start_visit(recorder)
                changed.append(recorder.url)
        return changed

    @property
    def regime(self) -> Regime | None:
        """What decides over the uploads now."""
        return self._uplink.regime if self._uplink is not None else None

    async def wake(self) -> None:
        """Try now whatever waits by our own decision."""
        self.call(None)
        await self._wake_uploads()

    def call(self, recorder: str | None) -> None:
        """Have one recorder, or all, looked at now."""
        for config, (visitor, _) in self._visits.items():
            if recorder in {None, config.url}:
                visitor.called.ring()

    def sends(self, entry: EntryId) -> bool:
        """Say whether an entry is going up at this moment."""
        return self._dispatcher is not None and self._dispatcher.sends(entry)

    def recorder_of(self, entry: Entry) -> RecorderConfig | None:
        """Find the configured recorder that an entry came from, if it was there since the start."""
        for config, (visitor, _) in self._visits.items():
            if visitor.recorder == entry.recording.key.recorder:
                return config
        return None

    def release(self, entry: Entry) -> None:
        """Have a stored entry released as soon as its recorder is there."""
        for visitor, _ in self._visits.values():
            visitor.forgive(entry.recording.key)
        self.parts.stored.ring()

    async def drain(self) -> None:
        """Begin nothing more, and return when no upload is under way.

        What is pulled stays on its recorder, and goes on from the last byte on our disk: nothing
        is gained by waiting for it.
        """
        self._ending = True
        if self._dispatcher is not None:
            self._dispatcher.hush()
        for recorder in list(self._visits):
            await self._end_visit(recorder)
        if self._dispatcher is not None:
            await self._dispatcher.drain()

    async def end(self) -> None:
        """Stop all, and what is half changed first. Idempotent."""
        self._ending = True
        self._over.set()
        async with self._changing:
            for recorder in list(self._visits):
                await self._end_visit(recorder)
            await self._end_uploads()

    def _go_on(self) -> None:
        if self._ending:
            raise IllegalMove("the agent ends; it reads its configuration when it starts again")

    async def _take_over(self, uplink: Uplink) -> None:
        """Go over to another way to the cloud, once the one before has had its last word."""
        try:
            # Once more: what left, and what the gateway said, until the end of the other.
            await uplink.regime.begin()
        except SpoolError as error:
            logger.warning("What was sent last is not counted", extra={"problem": str(error)})
        try:
            self._go_on()
        except IllegalMove:
            await uplink.aclose()
            raise
        self._start_uploads(uplink)

    def _start_visit(self, recorder: RecorderConfig) -> None:
        name = f"visit {recorder.url}"
        pulse = self.pulses.of(name, within_s=STEP_S)
        visitor = self.parts.visitor(recorder, None, pulse, self._streams)
        task = self.group.create_task(visitor.run(once=False), name=name)
        self._visits[recorder] = visitor, task

    def _streams(self) -> bool:
        return self._uplink is not None and self._uplink.regime.agreed.merged.streaming

    async def _end_visit(self, recorder: RecorderConfig) -> None:
        _, task = self._visits.pop(recorder, (None, None))
        if task is None:
            return  # a reload and the end meet here
        await _ended(task)
        self.pulses.forget(f"visit {recorder.url}")

    def _start_uploads(self, uplink: Uplink) -> None:
        flying = self.pulses.of("bytes of uploads", within_s=STEP_S)
        flying.rest(inf)
        self._uplink = uplink
        self._dispatcher = self.parts.dispatcher(
            uplink,
            once=False,
            pulse=self.pulses.of("uploads", within_s=TURN_S),
            flying=flying,
        )
        self._uploads = (
            self.group.create_task(self._dispatcher.run(), name="uploads"),
            self.group.create_task(uplink.regime.run(self._wake_uploads), name="regime"),
        )
        if self.parts.config.heartbeat.every_s == 0:
            return
        self._heartbeat = self.parts.heartbeat(
            uplink,
            upload=self.wake,
            record=self._record,
            busy=self.busy,
            pulse=self.pulses.of("heartbeat", within_s=TURN_S),
        )
        task = self.group.create_task(self._heartbeat.run(), name="heartbeat")
        self._uploads = (*self._uploads, task)

    async def _record(self, order: Order, what: OrderType) -> Outcome:
        """Have a recorder start or stop a recording; wait for one that is not there."""
        sites = [
            Site(url=config.url, recorder=visitor.recorder, reach=visitor.reach)
            for config, (visitor, _) in self._visits.items()
        ]
        return await tell(order, what, sites)

    async def _wake_uploads(self) -> None:
        """Try now whatever goes to the cloud, and say that we are there."""
        if self._dispatcher is not None:
            await self._dispatcher.wake()
        if self._heartbeat is not None:
            self._heartbeat.due.ring()

    async def _end_uploads(self) -> None:
        uploads, self._uploads = self._uploads, ()
        uplink, self._uplink = self._uplink, None
        self._dispatcher = self._heartbeat = None
        for task in uploads:
            await _ended(task)
        if uplink is not None:
            await uplink.aclose()
        for name in ("uploads", "bytes of uploads", "heartbeat"):
            self.pulses.forget(name)


def _of_uploads(config: Config) -> Config:
    """Reduce a configuration to what the uploads go by."""
    return replace(config, recorders=(), spool=SpoolConfig())


def _stamp(config: Config) -> _Stamp:
    """Tell files of [network] apart that were replaced under their name."""
    network = config.network
    found = []
    for name in (
        network.ca_file, network.client_cert, network.client_key, network.proxy_login_file,
    ):  # fmt: skip
        try:
            state = Path(name).stat() if name else None
        except OSError:
            state = None
        found.append((state.st_mtime_ns, state.st_ino) if state else (0, 0))
    return tuple(found)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
