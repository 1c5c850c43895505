"""A real agent in a process of its own, for tests that ask it, stop it, or kill it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.device.cli.calls import Said
from tests.fakes.bota_api import TOKEN, BotaDouble

CHUNK = 262_144
DEADLINE_S = 15.0


class GatedBota(BotaDouble):
    """Holds each chunk back while `gate` is closed; `reached` counts those that came that far."""

    def __init__(self) -> None:
        super().__init__(chunked=True)
        self.gate = asyncio.Event()
        self.gate.set()
        self.close_at: int | None = None
        self.puts: list[str] = []
        self.reached = asyncio.Event()

    async def _chunk_put(self, request):
        self.puts.append(request.headers.get("Content-Range", ""))
        if len(self.puts) == self.close_at:
            self.gate.clear()
        if not self.gate.is_set():
            self.reached.set()
            await self.gate.wait()
        return await super()._chunk_put(request)


class Place:
    """A configured box: its recorder is a folder."""

    def __init__(self, folder: Path, bota: BotaDouble | None = None) -> None:
        self.spool = folder / "spool"
        self.recordings = folder / "recordings"
        self.recordings.mkdir(exist_ok=True)
        self.url = f"folder://{self.recordings}"
        self.token = folder / "token"
        self.token.touch(mode=0o600)
        self.token.write_text(TOKEN)
        self.config = folder / "fieldpost.toml"
        self.base_url = bota.base_url if bota is not None else "http://127.0.0.1:9/v1"
        self.configure()

    def configure(self, more: str = "") -> None:
        self.config.write_text(
            f'[cloud]\nbase_url = "{self.base_url}"\ntoken_file = "{self.token}"\n'
            f'[spool]\npath = "{self.spool}"\nmin_free_bytes = 0\n'
            f'[[recorders]]\nurl = "{self.url}"\n'
            f"[upload]\nchunk_bytes = {CHUNK}\n{more}"
        )

    async def fieldpost(self, *arguments: str) -> Said:
        """Run a command in a process of its own."""
        process = await self.start(*arguments)
        async with asyncio.timeout(DEADLINE_S):
            out, err = await process.communicate()
        return Said(code=process.returncode or 0, out=out.decode(), err=err.decode())

    async def json(self, *arguments: str) -> dict[str, Any]:
        said = await self.fieldpost(*arguments, "--json")
        assert 0 == said.code, said.err
        document: dict[str, Any] = json.loads(said.out)
        return document

    async def start(self, *arguments: str, **environ: str) -> asyncio.subprocess.Process:
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(
                ("FIELDPOST_", "CREDENTIALS_", "RUNTIME_", "NOTIFY_", "WATCHDOG")
            )
        }
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "device.cli.main", "-c", str(self.config), *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**clean, **environ},
        )  # fmt: skip

    @asynccontextmanager
    async def agent(self, **environ: str) -> AsyncIterator["Agent"]:
        """Let an agent run; what is left of it at the end is killed."""
        agent = Agent(await self.start("run", **environ))
        try:
            await agent.said("Agent started")
            yield agent
        finally:
            if agent.process.returncode is None:
                agent.process.kill()
            await agent.ended()


class Agent:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.log = ""
        self._more = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            async with self._more:
                self.log += line.decode()
                self._more.notify_all()
        async with self._more:
            self._more.notify_all()

    async def said(self, words: str) -> None:
        """Wait until the log holds these words."""
        async with asyncio.timeout(DEADLINE_S), self._more:
            while words not in self.log:
                assert not self._reading.done(), self.log
                await self._more.wait()

    async def ended(self) -> int:
        """Wait until it has ended, and return how."""
        async with asyncio.timeout(DEADLINE_S):
            await self._reading
            await self.process.communicate()
        return self.process.returncode or 0
