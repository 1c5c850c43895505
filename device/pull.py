"""Pull: bring what a recorder lists into the spool, resumably, one recording at a time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from device.clock import Clock
from device.drivers import Driver
from device.errors import (
    DigestMismatch,
    LinkError,
    RecorderBusy,
    RecorderError,
    SpoolFull,
    SpoolStorageFailed,
)
from device.listed import as_begun, contradiction
from device.model import (
    Entry,
    Listing,
    Medium,
    RecorderId,
    Recording,
    RecordingKey,
    Rejected,
    State,
    Wait,
)
from device.progress import Progress
from device.spool.partial import Partial
from device.spool.spool import Spool

logger = logging.getLogger(__name__)

FLUSH_BYTES = 65_536
"""Frames are gathered to this much before a thread writes them: at most this is lost to a kill."""

STUBBORN_ATTEMPTS = 5
"""Visits that may fail on one recording, the line being fine, before it is quarantined."""

FRUITLESS_VISITS = 3
"""After so many in a row that brought no new byte of a recording, its reason says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """What one pass over a listing came to, in sentences for people where something is not pulled.

    `problems` failed; `notes` are about what is no recording, or none yet.
    """

    sealed: int = 0
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    lingering: tuple[Entry, ...] = ()
    """Entries already released that the recorder lists still: to be released again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Puller:
    """Pulls from one open recorder into the spool."""

    driver: Driver
    spool: Spool
    clock: Clock
    progress: Progress
    on_sealed: Callable[[Entry], Awaitable[None]]
    """Called after each recording, the line being free: uploads begin, and releases catch up."""
    fruitless: dict[RecordingKey, int] = field(default_factory=dict)
    """How often in a row a recording ended a visit without a new byte: those come last."""
    furthest: dict[RecordingKey, int] = field(default_factory=dict)
    """How many bytes of those were ever here. What a prefix check gives up and the next read brings
    again is nothing new: a line that is always cut there would seem to make progress for ever."""

    async def pull(self, recorder: RecorderId, listing: Listing) -> Pulled:
        """Pull all that is listed and not sealed yet; one that fails never stops the others.

        Raises:
            LinkError: The line went away; what arrived is kept and the next visit goes on there.
            RecorderBusy: The recorder asks to come back later.
        """
        problems = [f"{r.recording}: {r.reason}" for r in listing.rejected if r.failed]
        notes = tuple(f"{r.recording}: {r.reason}" for r in listing.rejected if not r.failed)
        lingering: list[Entry] = []
        sealed = 0
        recordings = await asyncio.to_thread(as_begun, self.spool, listing)
        # One that is still being made may take hours, whatever came of it before: it is last.
        for recording in sorted(
            recordings, key=lambda r: (r.key in listing.live, self.fruitless.get(r.key, 0))
        ):
            entry = await asyncio.to_thread(self.spool.known, recording.key)
            if entry is not None and entry.state not in (State.PULLING, State.QUARANTINED):
                if other := contradiction(entry, recording):
                    problems.append(
                        f"{entry.id}: {other}; it stays on the recorder and needs a person"
                    )
                elif entry.state is State.RELEASED:
                    lingering.append(entry)
                continue
            if entry is not None and entry.state is State.QUARANTINED:
                problems.append(f"{entry.id}: quarantined: {entry.quarantine_reason}")
                continue
            problem = await self._pull_or_explain(recording)
            if problem is None:
                sealed += 1
            else:
                problems.append(problem)
        if listing.complete:
            listed = {recording.key for recording in recordings}
            problems += await self._explain_missing(recorder, listed, listing.rejected)
        return Pulled(
            sealed=sealed, problems=tuple(problems), notes=notes, lingering=tuple(lingering)
        )

    async def _pull_or_explain(self, recording: Recording) -> str | None:
        """Pull one recording; on a failure of its own, persist and return why it waits."""
        entry = await asyncio.to_thread(self.spool.begin, recording)
        try:
            entry = await self.pull_recording(entry)
        except (LinkError, RecorderBusy) as error:
            await self._put_behind(entry, error)
            raise
        except DigestMismatch as error:
            return await self._quarantine(entry, str(error))
        except (SpoolFull, SpoolStorageFailed) as error:
            return await self._wait(entry, Wait(code=error.code, reason=str(error)))
        except RecorderError as error:
            if entry.attempts + 1 >= STUBBORN_ATTEMPTS:
                return await self._quarantine(entry, f"failed {STUBBORN_ATTEMPTS} times: {error}")
            return await self._wait(
                entry, Wait(code=error.code, reason=str(error)), attempts=entry.attempts + 1
            )
        self.fruitless.pop(recording.key, None)
        self.furthest.pop(recording.key, None)
        self.progress.moved(entry)
        logger.info(
            "Recording sealed",
            extra={
                "recording_id": entry.id,
                "recorder": recording.key.recorder,
                "size_bytes": entry.size_bytes,
            },
        )
        await self.on_sealed(entry)
        return None

    async def _put_behind(self, entry: Entry, error: LinkError | RecorderBusy) -> None:
        """Before a visit ends: a recording that alone makes them end must not hide the others."""
        key = entry.recording.key
        held_bytes = _held_bytes(await asyncio.to_thread(self.spool.entry, entry.id))
        if held_bytes > self.furthest.setdefault(key, _held_bytes(entry)):
            self.furthest[key] = held_bytes
            self.fruitless.pop(key, None)
        else:
            self.fruitless[key] = self.fruitless.get(key, 0) + 1
        until = None
        if isinstance(error, RecorderBusy):
            until = self.clock.now() + timedelta(seconds=error.retry_after_s)
        elif key not in self.fruitless:
            return
        reason = str(error)
        if self.fruitless.get(key, 0) >= FRUITLESS_VISITS:
            reason += f"; {FRUITLESS_VISITS} times or more in a row nothing new came"
        await self._wait(entry, Wait(code=error.code, reason=reason, until=until))

    async def pull_recording(self, entry: Entry) -> Entry:
        """Bring every medium of an entry to our disk and seal it. Idempotent, resumable."""
        missing = [m for m in entry.media if m.sha256 is None]
        await asyncio.to_thread(
            self.spool.room_for, sum(m.medium.size_bytes - m.pulled_bytes for m in missing)
        )
        for state in missing:
            await self._pull_medium(entry, state.medium)
        return await asyncio.to_thread(self.spool.seal, entry.id)

    async def _pull_medium(self, entry: Entry, medium: Medium) -> None:
        partial = await asyncio.to_thread(self.spool.partial, entry.id, medium.index)
        try:
            if partial.size_bytes:
                await self._bind_prefix(entry, medium, partial)
            await self._read_into(entry, medium, partial)
            try:
                await asyncio.to_thread(self.spool.finish_medium, entry.id, medium.index, partial)
            except DigestMismatch:
                # Once more, keeping only the blocks the recorder vouches for: one bad block in a
                # long recording on a slow line must not cost all of it.
                logger.warning(
                    "Digest differs from the recorder's; reading again",
                    extra={"recording_id": entry.id, "medium": medium.index},
                )
                await self._bind_prefix(entry, medium, partial, suspect=True)
                await self._read_into(entry, medium, partial)
                await asyncio.to_thread(self.spool.finish_medium, entry.id, medium.index, partial)
        finally:
            await asyncio.to_thread(partial.close)

    async def _bind_prefix(
        self, entry: Entry, medium: Medium, partial: Partial, *, suspect: bool = False
    ) -> None:
        """Keep only as much of the prefix as is proven to be the start of what the recorder holds.

        Length alone proves nothing. What block hashes do not cover (all of it without them, less
        than a block with them) stands, where it is checkpointed, on the digest over the whole that
        is compared at the end; a `suspect` prefix keeps nothing but blocks that are proven.
        """
        held = partial.size_bytes
        hashes = None
        if self.driver.resumable:
            hashes = await self.driver.block_hashes(entry.recording, medium, held)
        if hashes is not None:
            keep = await asyncio.to_thread(partial.matches, hashes)
            agree = keep >= held - held % hashes.block_bytes
            if agree and suspect:
                # All blocks agree and the whole does not: the listing itself contradicts the bytes.
                keep = 0
            elif agree and medium.sha256 is not None:
                # Less than a block is left over, and the digest over the whole decides about it.
                # A line that is cut within every block would else never get beyond one.
                keep = max(keep, partial.durable_bytes)
        else:
            provable = self.driver.resumable and medium.sha256 is not None
            keep = partial.durable_bytes if provable and not suspect else 0
        if keep < held:
            await asyncio.to_thread(partial.truncate, keep)
            await asyncio.to_thread(self.spool.count_reread, entry.id, held - keep)

    async def _read_into(self, entry: Entry, medium: Medium, partial: Partial) -> None:
        gathered = bytearray()
        done = partial.size_bytes
        try:
            if done < medium.size_bytes or not medium.size_exact:
                async for chunk in self.driver.read(entry.recording, medium, done):
                    gathered += chunk
                    done += len(chunk)
                    if len(gathered) >= FLUSH_BYTES:
                        ready, gathered = bytes(gathered), bytearray()
                        if done > medium.size_bytes:  # more than room was made for
                            await asyncio.to_thread(self.spool.room_for, len(ready))
                        await asyncio.to_thread(partial.append, ready)
                    self.progress.pulling(entry.id, medium.index, done, medium.size_bytes)
        finally:
            if gathered:
                await asyncio.to_thread(partial.append, bytes(gathered))

    async def _explain_missing(
        self, recorder: RecorderId, listed: set[RecordingKey], rejected: tuple[Rejected, ...]
    ) -> list[str]:
        """Say so where a half-pulled recording is no longer listed; its bytes are kept.

        One that only lacked its seal needs its recorder no more. One that is listed and cannot be
        pulled now waits for the reason that was told with it.
        """
        reasons = {each.recording: each.reason for each in rejected}
        explained: list[str] = []
        for entry in await asyncio.to_thread(self.spool.entries, State.PULLING):
            key = entry.recording.key
            if key.recorder != recorder or key in listed:
                continue
            if all(m.sha256 is not None for m in entry.media):
                if problem := await self._pull_or_explain(entry.recording):
                    explained.append(problem)
                continue
            if (told := reasons.get(key.recording)) is not None:
                await self._wait(entry, Wait(code="not-offered", reason=told))
                continue
            reason = (
                f"the recorder no longer lists this recording; "
                f"{_held_bytes(entry)} of {entry.size_bytes} bytes are kept"
            )
            explained.append(await self._wait(entry, Wait(code="not-listed", reason=reason)))
        return explained

    async def _wait(self, entry: Entry, wait: Wait, *, attempts: int | None = None) -> str:
        if entry.wait != wait or attempts is not None:
            await asyncio.to_thread(
                self.spool.save_wait,
                entry.id,
                wait,
                attempts=entry.attempts if attempts is None else attempts,
            )
            self.progress.moved(await asyncio.to_thread(self.spool.entry, entry.id))
        return f"{entry.id}: {wait.reason}"

    async def _quarantine(self, entry: Entry, reason: str) -> str:
        entry = await asyncio.to_thread(self.spool.quarantine, entry.id, reason)
        self.progress.moved(entry)
        logger.error("Recording quarantined", extra={"recording_id": entry.id, "reason": reason})
        return f"{entry.id}: quarantined: {reason}"


def _held_bytes(entry: Entry) -> int:
    return sum(m.pulled_bytes for m in entry.media)
