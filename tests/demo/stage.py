"""The players of the demo, each a real process: gateway, recorder, agent, and a line to cut."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

BIN = Path(sys.executable).parent
START_S = 30.0
STOP_S = 20.0


class PlayerFailed(Exception):
    """A program of the demo ended badly; the message holds what it said."""


async def output(program: str, *argv: str, stdin: str | None = None) -> str:
    """Run a program to its end and return its standard output."""
    process = await asyncio.create_subprocess_exec(
        BIN / program,
        *argv,
        stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(START_S):
        out, err = await process.communicate(stdin.encode() if stdin is not None else None)
    if process.returncode != 0:
        said = err.decode(errors="replace").strip()
        raise PlayerFailed(f"{program} {' '.join(argv)} exited {process.returncode}: {said}")
    return out.decode()


@contextlib.asynccontextmanager
async def playing(
    program: str, *argv: str, log: Path, told: Callable[[str], None] = lambda _line: None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Keep a program running; every line it prints is told; it is stopped by SIGTERM at the end."""
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            BIN / program,
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    listening = asyncio.create_task(_listen(process, told), name=f"listen {program}")
    try:
        yield process
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOP_S):
            await listening
            await process.wait()
    finally:
        listening.cancel()
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _listen(process: asyncio.subprocess.Process, told: Callable[[str], None]) -> None:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        told(line.decode(errors="replace").rstrip("\n"))


class FirstLine:
    """The first JSON line a program prints when it is ready, and all that follow."""

    def __init__(self) -> None:
        self._ready: asyncio.Future[dict[str, object]] = asyncio.get_running_loop().create_future()
        self.later: list[dict[str, object]] = []

    def __call__(self, line: str) -> None:
        if not line.startswith("{"):
            return
        document = json.loads(line)
        if self._ready.done():
            self.later.append(document)
        else:
            self._ready.set_result(document)

    async def wait(self, process: asyncio.subprocess.Process, log: Path) -> dict[str, object]:
        """Return the first line.

        Raises:
            PlayerFailed: The program ended, or said nothing in time.
        """
        ended = asyncio.create_task(process.wait(), name="ended")
        try:
            async with asyncio.timeout(START_S):
                await asyncio.wait((self._ready, ended), return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            raise PlayerFailed(f"no sign of life: {_said(log)}") from None
        finally:
            ended.cancel()
        if not self._ready.done():
            raise PlayerFailed(f"ended at once: {_said(log)}")
        return self._ready.result()


def _said(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]
