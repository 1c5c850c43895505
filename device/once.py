"""Once: runs that end by themselves: carry all there is, pull, or upload named files."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from device.config import Config
from device.dispatch import Dispatcher
from device.drivers.named_files import CLI_RECORDER, describe
from device.model import EntryId, RecorderId, State
from device.parts import Parts, Uplink, opened, uplink
from device.progress import Progress
from device.spool.spool import Spool
from device.summary import SOME_FAILED, Summary, summed_up
from device.survey import chosen


async def carry(config: Config, *, progress: Progress) -> Summary:
    """Carry until everything is released or given up.

    Raises:
        SpoolLocked: Another agent is at work.
    """
    async with opened(config, progress) as parts, uplink(parts) as up:
        dispatcher = parts.dispatcher(up, once=True)
        visitors = [
            parts.visitor(r, dispatcher, streaming=lambda: up.regime.agreed.merged.streaming)
            for r in config.recorders
        ]
        done_before = await _done(parts.spool)
        async with asyncio.TaskGroup() as group:
            uploads = _uploads(group, parts, up, dispatcher)
            visits = [
                group.create_task(v.run(once=True), name=f"visit {v.config.url}") for v in visitors
            ]
            await asyncio.gather(*visits)
            await _until_settled(parts, dispatcher, None)
            for task in uploads:
                task.cancel()
        return await summed_up(parts.spool, done_before, visitors, dispatcher)


async def pull_now(config: Config, *, recorder: str | None, progress: Progress) -> Summary:
    """Pull what the recorders hold into the spool, release what is stored, upload nothing.

    Raises:
        UsageInvalid: No configured recorder has that URL.
    """
    async with opened(config, progress) as parts:
        visitors = [parts.visitor(r, None) for r in chosen(config, recorder)]
        done_before = await _done(parts.spool)
        async with asyncio.TaskGroup() as group:
            for visitor in visitors:
                group.create_task(visitor.run(once=True), name=f"visit {visitor.config.url}")
        return await summed_up(parts.spool, done_before, visitors, None)


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
    async with opened(config, progress) as parts, uplink(parts) as up:
        recording = await asyncio.to_thread(
            describe, paths, started_at=started_at, metadata=metadata
        )
        entry = await asyncio.to_thread(parts.spool.ingest, recording, paths)
        progress.moved(entry)
        dispatcher = parts.dispatcher(up, once=True)
        async with asyncio.TaskGroup() as group:
            uploads = _uploads(group, parts, up, dispatcher)
            await _until_settled(parts, dispatcher, CLI_RECORDER)
            for task in uploads:
                task.cancel()
        others = set(await asyncio.to_thread(parts.spool.ids)) - {entry.id}
        summary = await summed_up(parts.spool, others, [], dispatcher)
        # One recording, one cause: the exit code is that of the cause.
        return replace(
            summary, exit_code=summary.exit_code and (dispatcher.stop_code or SOME_FAILED)
        )


def _uploads(
    group: asyncio.TaskGroup, parts: Parts, up: Uplink, dispatcher: Dispatcher
) -> tuple[asyncio.Task[None], ...]:
    """Start the uploads, and what decides over them."""
    return (
        group.create_task(parts.surroundings.run(), name="surroundings"),
        group.create_task(up.regime.run(dispatcher.wake), name="regime"),
        group.create_task(dispatcher.run(), name="uploads"),
    )


async def _until_settled(parts: Parts, dispatcher: Dispatcher, recorder: RecorderId | None) -> None:
    seen = parts.stored.count
    while not await dispatcher.settled(recorder):
        await parts.stored.after(seen)
        seen = parts.stored.count


async def _done(spool: Spool) -> set[EntryId]:
    return set(await asyncio.to_thread(spool.ids, State.RELEASED))
