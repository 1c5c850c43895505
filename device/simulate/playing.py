"""What every simulated recorder does: take its recordings, say what happens, end when told."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from device.simulate.holding import HeldRecording

Announce = Callable[[dict[str, object]], None]


def told_to_end() -> asyncio.Event:
    """Return what SIGTERM and SIGINT set."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    return told


async def until(told: asyncio.Event, *work: Any) -> None:
    """Run until told to end."""
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(each) for each in work]
        await told.wait()
        for task in running:
            task.cancel()


def contents(source: Path | None, count: int, seed: int) -> Sequence[HeldRecording]:
    """Read the recordings of a folder, or make some up. Blocks; run it in a thread.

    Raises:
        UsageInvalid: There is nothing to hold, or making it up needs the extra `demo`.
    """
    if source is not None:
        from device.simulate.from_folder import read_folder  # noqa: PLC0415 - one of two sources

        return read_folder(source)
    from device.simulate.recordings import make_recordings  # noqa: PLC0415 - needs extra demo

    return make_recordings(count, seed=seed)


def event(name: str, **facts: object) -> dict[str, object]:
    """Make one document of what is announced."""
    return {"schema": 1, "event": name, **facts}
