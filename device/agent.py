"""Agent: the daemon: it carries until it is told to stop, and answers on its control socket."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack

from device.bell import first_of
from device.clock import SystemClock
from device.config import Config
from device.control.address import place
from device.control.hub import Hub
from device.control.listening import serving
from device.control.server import Control
from device.crew import DRAIN_S, Crew
from device.desk import Desk
from device.errors import FieldpostError
from device.heartbeat import Busy
from device.notify import notify
from device.parts import Parts, opened
from device.progress import Progress, Watchers
from device.pulse import Pulses
from device.signals import Signals
from device.telling import Telling
from device.watchdog import Watchdog

logger = logging.getLogger(__name__)

TOLD_S = 120.0
"""The longest that finding out the own status may take."""


async def run(
    config: Config,
    *,
    reread: Callable[[], Config],
    progress: Progress,
    signals: Signals | None = None,
) -> signal.Signals | None:
    """Carry until a signal asks to end; returns that signal.

    Args:
        config: What to begin with.
        reread: Reads the configuration again; raises `ConfigInvalid`.
        progress: Who else watches.
        signals: Who asks instead of the process's own signals.

    Raises:
        SpoolLocked: Another agent is at work.
        ConfigInvalid: A file of [network] cannot be used.
    """
    hub = Hub(clock=SystemClock())
    async with AsyncExitStack() as stack:
        if signals is None:
            signals = Signals()
            stack.enter_context(signals.listening())
        try:
            with signals.starting():
                parts = await stack.enter_async_context(opened(config, Watchers((progress, hub))))
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if signals.first is None or task is None or task.uncancel():
                raise
            return signals.first
        await _live(parts, hub, reread, signals)
    return signals.first


async def _live(parts: Parts, hub: Hub, reread: Callable[[], Config], signals: Signals) -> None:
    async with asyncio.TaskGroup() as group:
        pulses = Pulses(clock=parts.clock)
        crew = Crew(parts=parts, pulses=pulses, group=group, busy=lambda: _busy(hub))
        desk = Desk(parts=parts, crew=crew, hub=hub, reread=reread)
        told = pulses.of("control", within_s=TOLD_S)
        telling = Telling(actions=desk, hub=hub, pulse=told)
        watchdog = Watchdog(pulses=pulses, clock=parts.clock)
        control = Control(actions=desk, hub=hub, spool=str(parts.spool.root))
        own: list[asyncio.Task[None]] = []
        try:
            async with serving(control, place(parts.spool.root, os.environ)):
                await parts.surroundings.look()
                await crew.begin()
                own = [
                    group.create_task(parts.surroundings.run(), name="surroundings"),
                    group.create_task(hub.run_progress(), name="progress"),
                    group.create_task(telling.run(), name="telling"),
                    group.create_task(watchdog.run(), name="watchdog"),
                    group.create_task(_reload(desk, signals), name="reload"),
                ]
                notify("READY=1")
                logger.info(
                    "Agent started",
                    extra={"recorders": len(parts.config.recorders), "spool": parts.spool.root},
                )
                await signals.asked.after(0)
                await _drain(parts, crew, signals)
        finally:
            notify("STOPPING=1")
            await crew.end()
            for task in own:
                task.cancel()
            logger.info("Agent stopped")


def _busy(hub: Hub) -> Busy:
    directions = {each["direction"] for each in hub.transfers()}
    return Busy(uploading="upload" in directions, pulling="pull" in directions)


async def _drain(parts: Parts, crew: Crew, signals: Signals) -> None:
    """Let what goes up end, for a bounded time; whoever asks twice does not wait."""
    notify("STOPPING=1")
    logger.info("Agent is asked to end", extra={"within_s": DRAIN_S})
    ended = await first_of(crew.drain(), parts.clock.sleep(DRAIN_S), signals.asked.after(1))
    if 0 not in ended:
        logger.warning("Uploads were cut short; they go on at the next start")


async def _reload(desk: Desk, signals: Signals) -> None:
    seen = 0
    while True:
        await signals.reload.after(seen)
        seen = signals.reload.count
        try:
            await desk.reload()
        except FieldpostError as error:
            logger.error(  # noqa: TRY400 - no bug of ours, so no traceback
                "The configuration is refused; the old one stays", extra={"reason": str(error)}
            )
