"""Agent: the composition root: builds the parts from the configuration and lets them run."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from device import registry
from device.bell import Bell
from device.clock import Clock, SystemClock
from device.cloud import BUILTIN, Cloud
from device.cloud.split import Split
from device.config import CloudConfig, Config, RecorderConfig
from device.dispatch import Dispatcher
from device.drivers import Driver, Opening, open_driver
from device.drivers.named_files import CLI_RECORDER, describe
from device.errors import FieldpostError, LinkError, LinkReason, LinkUnavailable, UsageInvalid
from device.model import (
    Entry,
    EntryId,
    Listing,
    RecorderId,
    RecorderInfo,
    State,
)
from device.notify import notify
from device.outlet import open_outlet
from device.progress import Progress
from device.spool.spool import Spool
from device.token import TOKEN, TOKEN_IMAGES, token_source
from device.transport import Transport
from device.visit import OPEN_S, Visitor

logger = logging.getLogger(__name__)

SOME_FAILED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How a run that ends came out. `problems` are sentences for people."""

    entries: tuple[Entry, ...]
    problems: tuple[str, ...]
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderView:
    """One configured recorder, looked at once."""

    config: RecorderConfig
    info: RecorderInfo | None = None
    listing: Listing | None = None
    error: FieldpostError | None = None


@dataclass(kw_only=True)
class _Parts:
    config: Config
    clock: Clock
    progress: Progress
    spool: Spool
    sealed: Bell
    stored: Bell

    def visitor(self, recorder: RecorderConfig, dispatcher: Dispatcher | None) -> Visitor:
        return Visitor(
            config=recorder,
            spool=self.spool,
            clock=self.clock,
            progress=self.progress,
            sealed=self.sealed,
            stored=self.stored,
            settled=dispatcher.settled if dispatcher is not None else _nothing_goes_up,
        )

    def dispatcher(self, cloud: Cloud, transport: Transport, *, once: bool) -> Dispatcher:
        return Dispatcher(
            spool=self.spool,
            cloud=cloud,
            transport=transport,
            clock=self.clock,
            settings=self.config.upload,
            progress=self.progress,
            sealed=self.sealed,
            stored=self.stored,
            once=once,
        )


async def run(config: Config, *, once: bool, progress: Progress) -> Summary:
    """Run the whole straight line: for ever, or until everything is released or given up.

    Raises:
        SpoolLocked: Another agent is at work.
    """
    async with _parts(config, progress) as parts, _uplink(parts) as (cloud, transport):
        dispatcher = parts.dispatcher(cloud, transport, once=once)
        visitors = [parts.visitor(r, dispatcher) for r in config.recorders]
        done_before = await _done(parts.spool)
        notify("READY=1")
        logger.info(
            "Agent started",
            extra={"recorders": len(visitors), "cloud": cloud.origin, "spool": parts.spool.root},
        )
        try:
            async with asyncio.TaskGroup() as group:
                uploads = group.create_task(dispatcher.run(), name="uploads")
                visits = [
                    group.create_task(v.run(once=once), name=f"visit {v.config.url}")
                    for v in visitors
                ]
                await asyncio.gather(*visits)
                if once:
                    await _until_settled(parts, dispatcher, None)
                    uploads.cancel()
        finally:
            notify("STOPPING=1")
            logger.info("Agent stopped")
        return await _summary(parts.spool, done_before, visitors, dispatcher)


async def pull_now(config: Config, *, recorder: str | None, progress: Progress) -> Summary:
    """Pull what the recorders hold into the spool, release what is stored, upload nothing.

    Raises:
        UsageInvalid: No configured recorder has that URL.
    """
    async with _parts(config, progress) as parts:
        visitors = [parts.visitor(r, None) for r in _chosen(config, recorder)]
        done_before = await _done(parts.spool)
        async with asyncio.TaskGroup() as group:
            for visitor in visitors:
                group.create_task(visitor.run(once=True), name=f"visit {visitor.config.url}")
        return await _summary(parts.spool, done_before, visitors, None)


async def upload_files(
    config: Config,
    paths: Sequence[Path],
    *,
    started_at: datetime | None,
    metadata: Mapping[str, str],
    progress: Progress,
) -> Summary:
    """Make one recording of files named on the command line, spool it, and upload it.

    The same files make the same recording: repeating the command makes no second one in the cloud.
    """
    async with _parts(config, progress) as parts, _uplink(parts) as (cloud, transport):
        recording = await asyncio.to_thread(
            describe, paths, started_at=started_at, metadata=metadata
        )
        entry = await asyncio.to_thread(parts.spool.ingest, recording, paths)
        progress.moved(entry)
        dispatcher = parts.dispatcher(cloud, transport, once=True)
        async with asyncio.TaskGroup() as group:
            uploads = group.create_task(dispatcher.run(), name="uploads")
            await _until_settled(parts, dispatcher, CLI_RECORDER)
            uploads.cancel()
        others = set(await asyncio.to_thread(parts.spool.ids)) - {entry.id}
        summary = await _summary(parts.spool, others, [], dispatcher)
        # One recording, one cause: the exit code is that of the cause.
        return replace(
            summary, exit_code=summary.exit_code and (dispatcher.stop_code or SOME_FAILED)
        )


async def look(config: Config) -> tuple[RecorderView, ...]:
    """Open every configured recorder, ask who it is and what it holds, and close it again."""
    clock = SystemClock()
    return tuple(
        await asyncio.gather(*(_look(recorder, config, clock) for recorder in config.recorders))
    )


async def listing(config: Config, recorder: str) -> Listing:
    """List what one recorder holds, read-only.

    Raises:
        UsageInvalid: No configured recorder has that URL.
        LinkError: It cannot be reached.
    """
    (chosen,) = _chosen(config, recorder)
    async with _visiting(chosen, config, SystemClock()) as driver:
        return await driver.recordings()


@asynccontextmanager
async def _parts(config: Config, progress: Progress) -> AsyncIterator[_Parts]:
    clock = SystemClock()
    spool = await _opened(config, clock)
    try:
        yield _Parts(
            config=config,
            clock=clock,
            progress=progress,
            spool=spool,
            sealed=Bell(),
            stored=Bell(),
        )
    finally:
        await asyncio.to_thread(spool.close)


async def _opened(config: Config, clock: Clock) -> Spool:
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
async def _uplink(parts: _Parts) -> AsyncIterator[tuple[Cloud, Transport]]:
    opened = await asyncio.to_thread(open_outlet, parts.config.network, os.environ)
    async with opened as transport:
        cloud = _cloud(parts, transport)
        try:
            yield cloud, transport
        finally:
            await cloud.aclose()


def _cloud(parts: _Parts, transport: Transport) -> Cloud:
    main = _open_cloud(parts, parts.config.cloud, transport, TOKEN)
    if parts.config.cloud_images is None:
        return main
    images = _open_cloud(parts, parts.config.cloud_images, transport, TOKEN_IMAGES)
    return Split(main, images, parts.clock)


def _open_cloud(parts: _Parts, settings: CloudConfig, transport: Transport, token: str) -> Cloud:
    open_cloud = registry.resolve("cloud", BUILTIN, settings.api)
    source = token_source(settings, name=token)
    cloud: Cloud = open_cloud(settings, transport, parts.clock, source, parts.spool.media_path)
    return cloud


async def _nothing_goes_up(_recorder: RecorderId | None) -> bool:
    return True


async def _until_settled(
    parts: _Parts, dispatcher: Dispatcher, recorder: RecorderId | None
) -> None:
    seen = parts.stored.count
    while not await dispatcher.settled(recorder):
        await parts.stored.after(seen)
        seen = parts.stored.count


async def _done(spool: Spool) -> set[EntryId]:
    return set(await asyncio.to_thread(spool.ids, State.RELEASED))


async def _summary(
    spool: Spool,
    unconcerned: set[EntryId],
    visitors: Sequence[Visitor],
    dispatcher: Dispatcher | None,
) -> Summary:
    """Tell what became of every entry that this run was concerned with."""
    everything = await asyncio.to_thread(spool.ids)
    concerned = [entry for entry in everything if entry not in unconcerned]
    touched = await asyncio.to_thread(lambda: [spool.entry(entry) for entry in concerned])
    problems = [problem for visitor in visitors for problem in visitor.problems]
    visited = {visitor.recorder for visitor in visitors} | {CLI_RECORDER}
    wanted = State.RELEASED if dispatcher is not None else State.SEALED
    for entry in touched:
        reason = _why_not(entry, wanted, visited, dispatcher)
        if reason is not None and not any(p.startswith(entry.id) for p in problems):
            problems.append(f"{entry.id}: {reason}")
    code = SOME_FAILED if problems else 0
    if visitors and not touched and all(visitor.recorder is None for visitor in visitors):
        code = LinkError.exit_code  # nothing failed: nobody was there
    return Summary(entries=tuple(touched), problems=tuple(problems), exit_code=code)


def _why_not(
    entry: Entry,
    wanted: State,
    visited: set[RecorderId | None],
    dispatcher: Dispatcher | None,
) -> str | None:
    """Say why an entry did not come as far as it should, or None if it did."""
    match entry.state:
        case State.RELEASED:
            return None
        case State.QUARANTINED:
            return f"quarantined: {entry.quarantine_reason}"
        case State.STORED if entry.recording.key.recorder not in visited:
            return None  # its recorder is not here; it is released when it comes back
        case State.SEALED | State.STORED if wanted is State.SEALED:
            return None
        case _:
            known = None
            if dispatcher is not None:
                known = dispatcher.problems.get(entry.id) or dispatcher.stopped
            waiting = entry.wait.reason if entry.wait is not None else None
            return known or waiting or f"still {entry.state}"


def _chosen(config: Config, recorder: str | None) -> tuple[RecorderConfig, ...]:
    if recorder is None:
        return config.recorders
    chosen = tuple(r for r in config.recorders if r.url == recorder)
    if not chosen:
        known = ", ".join(r.url for r in config.recorders) or "none"
        raise UsageInvalid(f"no recorder {recorder} is configured (configured: {known})")
    return chosen


@asynccontextmanager
async def _visiting(
    recorder: RecorderConfig, config: Config, clock: Clock
) -> AsyncIterator[Driver]:
    opening = Opening(
        url=recorder.url,
        release=recorder.release,
        clock=clock,
        cache=config.spool.path / "cache",
        live=recorder.live,
    )
    try:
        async with asyncio.timeout(OPEN_S):
            driver = await open_driver(recorder.driver, opening)
    except TimeoutError as error:
        raise LinkUnavailable(
            f"{recorder.url} did not answer in {OPEN_S:.0f} s", reason=LinkReason.NO_ANSWER
        ) from error
    try:
        yield driver
    finally:
        await driver.aclose()


async def _look(recorder: RecorderConfig, config: Config, clock: Clock) -> RecorderView:
    info = None
    try:
        async with _visiting(recorder, config, clock) as driver:
            info = await driver.info()
            return RecorderView(config=recorder, info=info, listing=await driver.recordings())
    except FieldpostError as error:
        return RecorderView(config=recorder, info=info, error=error)
