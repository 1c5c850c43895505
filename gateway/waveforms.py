"""Listen to stored audio once, off the loop and within bounds, and keep how it looks."""

import asyncio
import importlib.util
import logging
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aiohttp

from device.clock import Clock
from device.hearing import hear
from gateway.core.watching import Waves
from gateway.errors import GatewayError
from gateway.intake import Intake, ref_of
from gateway.model import MediaStatus, Medium
from gateway.objects import ObjectStore, SignedFor
from gateway.receiving import Receiving
from gateway.store import Store

logger = logging.getLogger(__name__)

MOST_BYTES = 512 * 1024**2
"""What is listened to at most: the decoder takes about a second a minute of it, and a disk."""

_PATIENCE_S = 5.0
_FETCH_S = 120.0
_MOST_WAITING = 256
_LONGEST_MS = 2**31 - 1
_TRY_AGAIN = timedelta(days=1)
_BLOCK_BYTES = 1024 * 1024
_URL_LIFE_S = 600


class WaveformDesk:
    """The use case of waveforms. One decoder at a time, in a process of its own."""

    def __init__(
        self, store: Store, objects: ObjectStore, intake: Intake, clock: Clock, *, folder: Path
    ) -> None:
        self._store = store
        self._objects = objects
        self._intake = intake
        self._clock = clock
        self._folder = folder
        self._one = asyncio.Semaphore()
        self._tasks: dict[str, asyncio.Task[Waves]] = {}

    async def of(self, media: Sequence[Medium]) -> dict[str, Waves]:
        """Say how audio looks, by medium; what takes long goes on and is told when asked again."""
        failed_after = self._clock.now() - _TRY_AGAIN
        known = await self._store.waveforms.known([each.id for each in media], failed_after)
        found: dict[str, Waves] = {}
        waited: dict[str, asyncio.Task[Waves]] = {}
        for medium in media:
            sha256 = medium.content_sha256
            if medium.status is not MediaStatus.UPLOADED or sha256 is None:
                found[medium.id] = Waves(sha256="", reason="not_uploaded")
            elif medium.id in known and known[medium.id].sha256 == sha256:
                found[medium.id] = known[medium.id]
            elif (medium.file_size_bytes or 0) > MOST_BYTES:
                found[medium.id] = Waves(sha256=sha256, reason="too_large")
            else:
                found[medium.id] = Waves(sha256=sha256, reason="working")
                if (task := self._listening(medium, sha256)) is not None:
                    waited[medium.id] = task
        if waited:
            await asyncio.wait(waited.values(), timeout=_PATIENCE_S)
        return found | {
            medium_id: task.result()
            for medium_id, task in waited.items()
            if task.done() and not task.cancelled()
        }

    async def tidy(self) -> None:
        """Remove what a crash left behind; at start-up."""
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def aclose(self) -> None:
        """End what is under way; idempotent."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _listening(self, medium: Medium, sha256: str) -> asyncio.Task[Waves] | None:
        """Begin to listen, or say who listens already; None where too many wait."""
        task = self._tasks.get(medium.id)
        if task is None and len(self._tasks) < _MOST_WAITING:
            task = asyncio.create_task(self._listen(medium, sha256), name=f"hear {medium.id}")
            self._tasks[medium.id] = task
            task.add_done_callback(lambda _: self._tasks.pop(medium.id, None))
        return task

    async def _listen(self, medium: Medium, sha256: str) -> Waves:
        try:
            async with self._one, self._file(medium) as path:
                sound = await hear(path)
        except (GatewayError, aiohttp.ClientError, OSError) as error:
            logger.info(
                "Audio cannot be listened to now.",
                extra={"medium_id": medium.id, "reason": type(error).__name__},
            )
            return Waves(sha256=sha256, reason="unavailable")
        if sound is not None and sound.duration_ms > _LONGEST_MS:
            # What a header claims, more than the database takes: it is not true.
            sound = None
        duration_ms = None if sound is None else sound.duration_ms
        if sound is not None and sound.peaks:
            waves = Waves(sha256=sha256, duration_ms=duration_ms, peaks=sound.peaks)
        elif await asyncio.to_thread(importlib.util.find_spec, "soundfile") is None:
            # Not kept: it is installed in a minute, and the header is read in no time.
            return Waves(sha256=sha256, duration_ms=duration_ms, reason="no_decoder")
        else:
            waves = Waves(sha256=sha256, duration_ms=duration_ms, reason="undecodable")
        try:
            await self._store.waveforms.keep(medium.id, waves, self._clock.now())
        except GatewayError as error:
            # It is told all the same, and decoded again for the next who asks.
            logger.info("A waveform is not kept.", extra={"reason": str(error)})
        return waves

    @asynccontextmanager
    async def _file(self, medium: Medium) -> AsyncIterator[Path]:
        """Give the medium as a file: the stored one, or a copy from a bucket."""
        if isinstance(self._intake, Receiving):
            yield await self._intake.path(medium)
            return
        path = self._folder / medium.id
        try:
            await asyncio.to_thread(self._folder.mkdir, mode=0o700, exist_ok=True)
            async with asyncio.timeout(_FETCH_S):
                await self._fetch(medium, path)
            yield path
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def _fetch(self, medium: Medium, path: Path) -> None:
        expires = int(self._clock.now().timestamp()) + _URL_LIFE_S
        signed = SignedFor(base_url="", expires=expires, life_s=_URL_LIFE_S)
        url = await self._objects.download_url(ref_of(medium), signed)
        async with (
            aiohttp.ClientSession(auto_decompress=False, raise_for_status=True) as session,
            session.get(url, allow_redirects=False) as response,
        ):
            await asyncio.to_thread(path.write_bytes, b"")
            size_bytes = 0
            async for block in response.content.iter_chunked(_BLOCK_BYTES):
                size_bytes += len(block)
                if size_bytes > MOST_BYTES:
                    raise OSError("the object is larger than its medium")
                await asyncio.to_thread(_append, path, block)


def _append(path: Path, block: bytes) -> None:
    with path.open("ab") as file:
        file.write(block)
