"""Release: tell a recorder that it may delete what the cloud has acknowledged, and see it gone."""

import asyncio
import logging
from dataclasses import dataclass

from device.drivers import Driver
from device.errors import DigestMismatch, RecorderError, RecorderRefused
from device.model import Entry, RecorderId, State, Wait
from device.progress import Progress
from device.spool.spool import Spool

logger = logging.getLogger(__name__)

KEEP = "keep"
"""The release policy under which a recorder is never told to delete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Releaser:
    """Releases on one open recorder. The receipt is on disk long before: `STORED` is its proof."""

    driver: Driver
    spool: Spool
    progress: Progress
    policy: str

    async def release(self, recorder: RecorderId, lingering: tuple[Entry, ...]) -> tuple[str, ...]:
        """Release every stored recording of this recorder; return what could not be, in sentences.

        Args:
            recorder: Only its own recordings are ever named to it.
            lingering: Released before and still listed: the recorder forgot, and is told again.

        Raises:
            LinkError: The line went away; the next visit goes on.
        """
        stored = [
            entry
            for entry in await asyncio.to_thread(self.spool.entries, State.STORED)
            if entry.recording.key.recorder == recorder
        ]
        problems = [p for entry in stored if (p := await self._release(entry)) is not None]
        if self.policy != KEEP:
            problems += [p for entry in lingering if (p := await self._tell(entry)) is not None]
        return tuple(problems)

    async def _release(self, entry: Entry) -> str | None:
        if self.policy != KEEP and (problem := await self._tell(entry)) is not None:
            return problem
        entry = await asyncio.to_thread(self.spool.release, entry.id)
        self.progress.moved(entry)
        logger.info("Recording released", extra={"recording_id": entry.id, "policy": self.policy})
        return None

    async def _tell(self, entry: Entry) -> str | None:
        digests = tuple(m.sha256 or "" for m in entry.media)
        try:
            await self.driver.release(entry.recording.key, digests)
        except (DigestMismatch, RecorderRefused) as error:
            return await self._explain(entry, error)
        return None

    async def _explain(self, entry: Entry, error: RecorderError) -> str:
        wait = Wait(code=error.code, reason=f"stored, but the recorder keeps its copy: {error}")
        if entry.state is State.STORED and entry.wait != wait:
            await asyncio.to_thread(self.spool.save_wait, entry.id, wait, attempts=entry.attempts)
            self.progress.moved(await asyncio.to_thread(self.spool.entry, entry.id))
        return f"{entry.id}: {wait.reason}"
