"""What every simulated recorder does: take its recordings, say what happens, end when told."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from device.simulate.holding import HeldRecording

T = TypeVar("T")

Announce = Callable[[dict[str, object]], None]


def told_to_end() -> asyncio.Event:
    """Return what SIGTERM and SIGINT set."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    return told


async def until(told: asyncio.Event, *work: Coroutine[Any, Any, object]) -> None:
    """Run until told to end, or until something fails, which is raised."""
    waiting: set[asyncio.Task[object]] = {asyncio.create_task(_heard(told))}
    running = {asyncio.create_task(each) for each in work} | waiting
    try:
        while not told.is_set():
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            running -= done
            for each in done:
                each.result()
    finally:
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def prepared(told: asyncio.Event, make: Callable[[], T]) -> T | None:
    """Return what a function makes that takes its time, None if told to end before that.

    Its thread is left to itself then: those of `asyncio.to_thread` hold the process until they
    are done.
    """
    loop = asyncio.get_running_loop()
    made: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if made.done():
            return
        if error is not None:
            made.set_exception(error)
        else:
            made.set_result(cast("T", result))

    def work() -> None:
        result, failed = None, None
        try:
            result = make()
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            failed = error
        with contextlib.suppress(RuntimeError):  # nobody waits any more
            loop.call_soon_threadsafe(settle, result, failed)

    threading.Thread(target=work, name="making recordings", daemon=True).start()
    ended = asyncio.create_task(_heard(told))
    either: list[asyncio.Future[Any]] = [ended, made]
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return await made if made.done() else None
    finally:
        ended.cancel()
        made.cancel()


async def _heard(told: asyncio.Event) -> None:
    await told.wait()


def contents(source: Path | None, count: int, seed: int) -> Sequence[HeldRecording]:
    """Read the recordings of a folder, or make some up. Blocks; see `prepared`.

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
