"""Release: tell a recorder that it may delete what the cloud has acknowledged, and see it gone."""

import asyncio
import logging
from dataclasses import dataclass, field

from device.drivers import Driver
from device.errors import LinkError, RecorderBusy, RecorderError
from device.model import Entry, RecorderId, RecordingKey, State, Wait
from device.progress import Progress
from device.spool.spool import Spool

logger = logging.getLogger(__name__)

BUSY_ANSWERS = 3
"""So many in one round say that the recorder is busy, not only with one recording."""

KEEP = "keep"
"""The release policy under which a recorder is never told to delete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Releaser:
    """Releases on one open recorder. The receipt is on disk long before: `STORED` is its proof."""

    driver: Driver
    spool: Spool
    progress: Progress
    policy: str
    fruitless: dict[RecordingKey, int] = field(default_factory=dict)
    """How often in a row a release ended a visit or was put off: those come last."""

    async def release(
        self, recorder: RecorderId, lingering: tuple[Entry, ...], *, easy: bool = False
    ) -> tuple[str, ...]:
        """Release every stored recording of this recorder; return what could not be, in sentences.

        One that fails never stops the others.

        Args:
            recorder: Only its own recordings are ever named to it.
            lingering: Released before and still listed: the recorder forgot, and is told again.
            easy: Leave out those that went wrong before, and end without a word when it is busy.

        Raises:
            LinkError: The line went away; the next visit goes on.
            RecorderBusy: The recorder asks to come back later; some others were tried as well.
        """
        stored = [
            entry
            for entry in await asyncio.to_thread(self.spool.entries, State.STORED)
            if entry.recording.key.recorder == recorder
        ]
        told = lingering if self.policy != KEEP else ()
        due = [e for e in (*stored, *told) if not (easy and e.recording.key in self.fruitless)]
        problems: list[str] = []
        busy: list[RecorderBusy] = []
        for entry in sorted(due, key=lambda e: self.fruitless.get(e.recording.key, 0)):
            try:
                problem = await self._release(entry)
            except RecorderBusy as error:
                self._put_behind(entry)
                busy.append(error)
                problem = await self._explain(entry, error)
            except LinkError:
                self._put_behind(entry)
                raise
            if problem is not None:
                problems.append(problem)
            if len(busy) >= BUSY_ANSWERS:
                break
        if busy and not easy:
            raise busy[-1]
        return tuple(problems)

    async def _release(self, entry: Entry) -> str | None:
        if self.policy != KEEP and (problem := await self._tell(entry)) is not None:
            return problem
        self.fruitless.pop(entry.recording.key, None)
        if entry.state is State.RELEASED:
            return None
        entry = await asyncio.to_thread(self.spool.release, entry.id)
        self.progress.moved(entry)
        logger.info("Recording released", extra={"recording_id": entry.id, "policy": self.policy})
        return None

    async def _tell(self, entry: Entry) -> str | None:
        digests = tuple(m.sha256 or "" for m in entry.media)
        try:
            await self.driver.release(entry.recording.key, digests)
        except RecorderBusy:
            raise
        except RecorderError as error:
            return await self._explain(entry, error)
        return None

    def _put_behind(self, entry: Entry) -> None:
        self.fruitless[entry.recording.key] = self.fruitless.get(entry.recording.key, 0) + 1

    async def _explain(self, entry: Entry, error: RecorderError) -> str:
        wait = Wait(code=error.code, reason=f"stored, but the recorder keeps its copy: {error}")
        if entry.state is State.STORED and entry.wait != wait:
            await asyncio.to_thread(self.spool.save_wait, entry.id, wait, attempts=entry.attempts)
            self.progress.moved(await asyncio.to_thread(self.spool.entry, entry.id))
        return f"{entry.id}: {wait.reason}"
