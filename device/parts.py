"""Parts: what agent and one-off commands are made of, put together by the configuration."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Self

from device import registry
from device.bell import Bell
from device.clock import Clock, SystemClock
from device.cloud import BUILTIN, Cloud
from device.cloud.split import Split
from device.config import CloudConfig, Config, RecorderConfig
from device.core.orders import Order, OrderType, Outcome
from device.dispatch import Dispatcher
from device.heartbeat import Busy, Heartbeat
from device.model import RecorderId
from device.network import Surroundings, open_surroundings
from device.orders import Orders
from device.outlet import open_outlet
from device.progress import Progress
from device.pulse import Pulse, Unwatched
from device.regime import Regime
from device.slots import SlottedToken, exchange
from device.spool.spool import Spool
from device.token import TOKEN_IMAGES, token_source
from device.transport import Transport
from device.visit import Visitor


@dataclass(kw_only=True)
class Parts:
    """The spool that is held, and what everything that works on it shares."""

    config: Config
    clock: Clock
    progress: Progress
    spool: Spool
    surroundings: Surroundings
    sealed: Bell = field(default_factory=Bell)
    stored: Bell = field(default_factory=Bell)

    def visitor(
        self,
        recorder: RecorderConfig,
        dispatcher: Dispatcher | None,
        pulse: Pulse | None = None,
        streaming: Callable[[], bool] = bool,
    ) -> Visitor:
        """Make the loop of one recorder; without a dispatcher nothing goes up meanwhile."""
        return Visitor(
            config=recorder,
            spool=self.spool,
            clock=self.clock,
            progress=self.progress,
            sealed=self.sealed,
            stored=self.stored,
            settled=dispatcher.settled if dispatcher is not None else _nothing_goes_up,
            pulse=pulse or Unwatched(),
            streaming=streaming,
        )

    def dispatcher(
        self,
        uplink: "Uplink",
        *,
        once: bool,
        pulse: Pulse | None = None,
        flying: Pulse | None = None,
    ) -> Dispatcher:
        """Make the loop of the uploads."""
        made = Dispatcher(
            spool=self.spool,
            cloud=uplink.cloud,
            transport=uplink.transport,
            clock=self.clock,
            settings=self.config.upload,
            progress=self.progress,
            sealed=self.sealed,
            stored=self.stored,
            once=once,
            permission=uplink.regime.permission,
            pulse=pulse or Unwatched(),
            flying=flying or Unwatched(),
        )
        made.aftermath.portal = self.surroundings.portal_seen
        return made

    def heartbeat(
        self,
        uplink: "Uplink",
        *,
        upload: Callable[[], Awaitable[None]],
        record: Callable[[Order, OrderType], Awaitable[Outcome]],
        busy: Callable[[], Busy],
        pulse: Pulse,
    ) -> Heartbeat:
        """Make the loop of the heartbeats."""
        regime = uplink.regime
        may_forget = self.config.device.allow_factory_reset
        return Heartbeat(
            every_s=self.config.heartbeat.every_s,
            limits=self.config.spool,
            spool=self.spool,
            cloud=uplink.cloud,
            clock=self.clock,
            surroundings=self.surroundings,
            permission=regime.permission,
            agreed=regime.agreed,
            daytime=regime.daytime,
            orders=Orders(
                spool=self.spool,
                cloud=uplink.cloud,
                daytime=regime.daytime,
                upload=upload,
                record=record,
                forget=uplink.forget if may_forget else None,
            ),
            renew=partial(exchange, uplink.cloud, uplink.token),
            busy=busy,
            pulse=pulse,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplink:
    """The way to the cloud, or clouds, of one configuration."""

    cloud: Cloud
    transport: Transport
    regime: Regime
    token: SlottedToken
    """Of the first cloud."""
    _opened: AsyncExitStack

    @classmethod
    async def open(cls, parts: Parts, config: Config) -> Self:
        """Open it without saying a word to anybody.

        Raises:
            ConfigInvalid: A file of [network] cannot be used.
            SpoolError: What earlier runs have sent today cannot be read.
        """
        async with AsyncExitStack() as opened:
            outlet = await asyncio.to_thread(open_outlet, config.network, os.environ)
            transport = await opened.enter_async_context(outlet)
            token = SlottedToken(token_source(config.cloud), parts.spool.root)
            cloud = _cloud(parts, config, transport, token)
            opened.push_async_callback(cloud.aclose)
            regime = Regime(
                config,
                spool=parts.spool,
                transport=transport,
                clock=parts.clock,
                surroundings=parts.surroundings,
                changed=parts.sealed,
            )
            await regime.begin()
            return cls(
                cloud=cloud,
                transport=transport,
                regime=regime,
                token=token,
                _opened=opened.pop_all(),
            )

    async def forget(self) -> None:
        """Forget the token and what the cloud has set; what lies in /etc is used no more.

        Raises:
            SpoolError: It cannot be kept.
        """
        await self.regime.agreed.take({})
        await asyncio.to_thread(self.token.forget)

    async def aclose(self) -> None:
        """Close connections. Idempotent."""
        await self._opened.aclose()


@asynccontextmanager
async def opened(config: Config, progress: Progress) -> AsyncIterator[Parts]:
    """Hold the spool for the length of a run.

    Raises:
        SpoolLocked: Another agent is at work.
    """
    clock = SystemClock()
    spool = await _spool(config, clock)
    try:
        yield Parts(
            config=config,
            clock=clock,
            progress=progress,
            spool=spool,
            surroundings=open_surroundings(clock),
        )
    finally:
        await asyncio.to_thread(spool.close)


async def _spool(config: Config, clock: Clock) -> Spool:
    """Open the spool; when cancelled meanwhile, leave nothing open behind."""
    opening = asyncio.create_task(asyncio.to_thread(Spool.open, config.spool, clock), name="spool")
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        # The thread goes on, and would keep the lock from whoever comes next in this process.
        await asyncio.wait({opening})
        if opening.exception() is None:
            await asyncio.to_thread(opening.result().close)
        raise


@asynccontextmanager
async def uplink(parts: Parts) -> AsyncIterator[Uplink]:
    """Hold the way to the cloud for the length of a run, after a look at what surrounds the box."""
    await parts.surroundings.look()
    opened_uplink = await Uplink.open(parts, parts.config)
    try:
        yield opened_uplink
    finally:
        await opened_uplink.aclose()


def _cloud(parts: Parts, config: Config, transport: Transport, token: SlottedToken) -> Cloud:
    main = _open_cloud(parts, config.cloud, transport, token)
    if config.cloud_images is None:
        return main
    source = token_source(config.cloud_images, name=TOKEN_IMAGES)
    images = _open_cloud(parts, config.cloud_images, transport, source)
    return Split(main, images, parts.clock)


def _open_cloud(
    parts: Parts, settings: CloudConfig, transport: Transport, source: Callable[[], str]
) -> Cloud:
    open_cloud = registry.resolve("cloud", BUILTIN, settings.api)
    cloud: Cloud = open_cloud(settings, transport, parts.clock, source, parts.spool.media_path)
    return cloud


async def _nothing_goes_up(_recorder: RecorderId | None) -> bool:
    return True
