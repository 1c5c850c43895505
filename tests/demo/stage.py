"""The players of the demo, each a real process that is watched until the curtain falls."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any, TypeVar

BIN = Path(sys.executable).parent
T = TypeVar("T")

START_S = 30.0
STOP_S = 20.0


class PlayerFailed(Exception):
    """A program of the demo ended badly; the message holds what it said."""


async def output(program: str, *argv: str) -> str:
    """Run a program to its end and return its standard output."""
    process = await asyncio.create_subprocess_exec(
        BIN / program,
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(START_S):
            out, err = await process.communicate()
    except TimeoutError:
        raise PlayerFailed(f"{program} {' '.join(argv)} does not end") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        said = err.decode(errors="replace").strip()
        raise PlayerFailed(f"{program} {' '.join(argv)} exited {process.returncode}: {said}")
    return out.decode()


class Player:
    """A program at work. It prints one JSON line when it is ready, and may print more later."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self._name = name
        self._later: list[dict[str, Any]] = []
        self._process = process
        self._log = log
        self._first: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self.ended = asyncio.create_task(self._listen(), name=f"listen to the {name}")

    async def ready(self) -> dict[str, Any]:
        """Return its first line.

        Raises:
            PlayerFailed: It ended, or said nothing in time.
        """
        try:
            async with asyncio.timeout(START_S):
                return await while_playing(asyncio.shield(self._first), self)
        except TimeoutError:
            raise PlayerFailed(f"the {self._name} gave no sign of life: {self._said()}") from None

    def last(self) -> dict[str, Any]:
        """Return what it said when it ended.

        Raises:
            PlayerFailed: It said nothing.
        """
        if not self._later:
            raise PlayerFailed(f"the {self._name} ended without a word: {self._said()}")
        return self._later[-1]

    def failure(self) -> PlayerFailed:
        """Say how it ended, though nobody had told it to."""
        code = self._process.returncode
        how = f"exited {code}" if code is None or code >= 0 else f"was killed ({-code})"
        return PlayerFailed(f"the {self._name} {how}: {self._said()}")

    async def stop(self) -> None:
        """Tell it to end, and hear it out.

        Raises:
            PlayerFailed: It does not end, or not well.
        """
        if self._process.returncode is not None:
            raise self.failure()
        self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_S):
                await asyncio.shield(self.ended)
        except TimeoutError:
            raise PlayerFailed(f"the {self._name} does not end when told to") from None
        if self._process.returncode != 0:
            raise self.failure()

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            if line.startswith(b"{"):
                document = json.loads(line)
                if self._first.done():
                    self._later.append(document)
                else:
                    self._first.set_result(document)
        await self._process.wait()

    def _said(self) -> str:
        return self._log.read_text(errors="replace")[-2000:].strip() or "it said nothing"


async def while_playing(work: Awaitable[T], *players: Player) -> T:
    """Await something that needs all these players.

    Raises:
        PlayerFailed: One of them has ended; says which, and what it said.
    """
    waiting = asyncio.ensure_future(work)
    try:
        await asyncio.wait(
            (waiting, *(player.ended for player in players)), return_when=asyncio.FIRST_COMPLETED
        )
        for player in players:
            if player.ended.done():
                raise player.failure()
        return await waiting
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


@contextlib.asynccontextmanager
async def playing(name: str, program: str, *argv: str, log: Path) -> AsyncIterator[Player]:
    """Keep a program running; it is told to end with the block, and killed if that fails."""
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            BIN / program,
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    player = Player(name, process, log)
    try:
        yield player
        await player.stop()
    finally:
        if process.returncode is None:
            process.kill()
        await player.ended
