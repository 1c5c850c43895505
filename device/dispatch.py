"""Dispatch: which sealed recordings go up now, which wait, and why."""

import asyncio
import logging
import random
from dataclasses import dataclass, field, replace
from datetime import timedelta

from device.bell import Bell
from device.clock import Clock
from device.cloud import Cloud
from device.config import UploadConfig
from device.core.retry import Retry
from device.core.uploads.classify import Stores
from device.drivers.named_files import CLI_RECORDER
from device.errors import (
    CloudConflict,
    CloudRejected,
    CloudThrottled,
    CloudUnreachable,
    CloudUnwell,
    FieldpostError,
    MediaMissing,
    NotTheCloud,
    SpoolDamaged,
    SpoolError,
    TokenRefused,
)
from device.gate import NETWORK, SERVER, Gate
from device.model import Entry, EntryId, RecorderId, State, Wait
from device.progress import Progress
from device.spool.spool import Spool
from device.transport import Transport
from device.upload import upload_entry

logger = logging.getLogger(__name__)

PATIENCE = 5
"""Failures in a row without progress after which `run --once` gives up."""
FRUITLESS = 2
"""Failures in a row that bring nothing, after which a recording goes behind the others."""
CHEAP_BYTES = 65_536
"""What an attempt may send in vain and be repeated soon."""
MISSING_ATTEMPTS = 3
"""Times that media are sent once more because the cloud lacks them, before a person must look."""
LONGEST_ONCE_S = 60.0
"""`run --once` does not sit out a longer pause that the cloud asked for."""
LONGEST_S = 3600.0
"""No pause of ours is longer: one that seems to be was saved before the wall clock stepped back."""


@dataclass(kw_only=True)
class Dispatcher:
    """Keeps `settings.workers` sealed recordings going up, oldest first, and explains the rest."""

    spool: Spool
    cloud: Cloud
    transport: Transport
    clock: Clock
    settings: UploadConfig
    progress: Progress
    sealed: Bell
    stored: Bell
    once: bool
    problems: dict[EntryId, str] = field(default_factory=dict)
    stopped: str | None = None
    """Why `run --once` has given up on everything that is left."""
    stop_code: int = 0
    """The exit code of what it gave up for, 0 while it has not."""
    _in_flight: dict[EntryId, RecorderId] = field(default_factory=dict)
    _given_up: set[EntryId] = field(default_factory=set)
    _hurried: set[EntryId] = field(default_factory=set)
    """Recordings whose own wait an operator cut short."""
    _draining: bool = False
    _tried: dict[EntryId, int] = field(default_factory=dict)
    _fruitless: dict[EntryId, int] = field(default_factory=dict)
    _in_vain: dict[EntryId, int] = field(default_factory=dict)
    """Attempts in a row that sent more in vain than they brought."""
    _stores: Stores = field(default_factory=Stores)
    _begun: bool = False
    _gate: Gate = field(init=False)
    _slots: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.settings.workers)
        self._gate = Gate(spool=self.spool, clock=self.clock, origin=self.cloud.origin)

    async def run(self) -> None:
        """Upload until cancelled. A recording that fails never stops the others."""
        async with asyncio.TaskGroup() as group:
            while True:
                seen = self.sealed.count
                pause_s = LONGEST_S
                if self.stopped is None and not self._draining:
                    try:
                        await self._begin()
                        pause_s = await self._start_due(group)
                    except SpoolError as error:
                        pause_s = self._disk_failed(error)
                        self.stored.ring()
                await self._pause(seen, pause_s)

    async def settled(self, recorder: RecorderId | None) -> bool:
        """Say whether nothing of a recorder (None: of anybody) goes up or will be tried again."""
        if not self._begun and self.stopped is None:
            return False
        if self.stopped is None:
            sealed = await asyncio.to_thread(self.spool.ids, State.SEALED)
            left = [entry for entry in sealed if entry not in self._given_up]
            if left and (recorder is None or await asyncio.to_thread(self._any_of, recorder, left)):
                return False
        # What is stored already may still be on its last step.
        return recorder not in self._in_flight.values() if recorder else not self._in_flight

    async def wake(self) -> None:
        """Try now what waits by our own decision; what the cloud asked for stands."""
        self._gate.hurry()
        self._hurried.update(await asyncio.to_thread(self.spool.ids, State.SEALED))
        self.sealed.ring()

    async def drain(self) -> None:
        """Start nothing more; return when what goes up has ended, well or not."""
        self._draining = True
        while self._in_flight:
            await self.stored.after(self.stored.count)

    async def _begin(self) -> None:
        """Once: forget the last run's token, and finish what a crash left on its last step."""
        if self._begun:
            return
        await self._gate.begin()
        for entry in await asyncio.to_thread(self.spool.entries, State.STORED):
            if entry.recording.key.recorder == CLI_RECORDER:
                self.progress.moved(await asyncio.to_thread(self.spool.release, entry.id))
        self._begun = True
        self.stored.ring()

    async def _start_due(self, group: asyncio.TaskGroup) -> float:
        """Start what is due; return the seconds until something else may be."""
        shut_s, asked = await self._gate.left_s()
        if self.once and asked is not None and asked.until is not None:
            asked_s = (asked.until - self.clock.now()).total_seconds()
            if asked_s > LONGEST_ONCE_S:
                await self._stop(asked.reason, CloudThrottled.exit_code)
        if shut_s > 0:
            return min(shut_s, LONGEST_S)
        pause_s = LONGEST_S
        # Ids first, then one entry at a time: a backlog of years would not fit into memory.
        sealed = await asyncio.to_thread(self.spool.ids, State.SEALED)
        for entry_id in sorted(sealed, key=lambda e: self._fruitless.get(e, 0) // FRUITLESS):
            if entry_id in self._in_flight or entry_id in self._given_up:
                continue
            if len(self._in_flight) >= self.settings.workers:
                return LONGEST_S  # a finished upload rings
            entry = await asyncio.to_thread(self.spool.entry, entry_id)
            if entry_id in self._in_flight or entry.state is not State.SEALED:
                continue
            if self.stopped is not None or self._gate.shut or self._draining:
                return LONGEST_S  # meanwhile an upload failed, and rings
            if (left_s := self._left_s(entry)) > 0:
                pause_s = min(pause_s, left_s)
                continue
            self._hurried.discard(entry.id)
            self._in_flight[entry.id] = entry.recording.key.recorder
            group.create_task(self._upload(entry), name=f"upload {entry.id}")
        return pause_s

    def _any_of(self, recorder: RecorderId, entries: list[EntryId]) -> bool:
        return any(self.spool.entry(e).recording.key.recorder == recorder for e in entries)

    def _left_s(self, entry: Entry) -> float:
        if entry.wait is None or entry.wait.until is None:
            return 0.0
        if (self.once and entry.id not in self._tried) or entry.id in self._hurried:
            return 0.0  # an operator asked for now
        left_s = (entry.wait.until - self.clock.now()).total_seconds()
        return left_s if left_s <= LONGEST_S else 0.0

    async def _pause(self, seen: int, pause_s: float) -> None:
        sleep = asyncio.create_task(self.clock.sleep(pause_s), name="due")
        rung = asyncio.create_task(self.sealed.after(seen), name="sealed")
        try:
            await asyncio.wait((sleep, rung), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            rung.cancel()
            await asyncio.gather(sleep, rung, return_exceptions=True)

    async def _upload(self, entry: Entry) -> None:
        try:
            await self._attempt(entry)
        except SpoolError as error:
            self.problems[entry.id] = str(error)
            self._disk_failed(error)
        finally:
            self._in_flight.pop(entry.id, None)
            self.sealed.ring()
            self.stored.ring()

    async def _attempt(self, entry: Entry) -> None:
        """Try once, and keep what came of it.

        Raises:
            SpoolError: Our own disk does not take what came of it.
        """
        before = landed_bytes(entry), vain_bytes(entry)
        try:
            stored = await upload_entry(
                entry.id,
                spool=self.spool,
                cloud=self.cloud,
                transport=self.transport,
                clock=self.clock,
                stores=self._stores,
                settings=self.settings,
                progress=self.progress,
                slots=self._slots,
            )
        except FieldpostError as error:
            await self._failed(entry, error, *before)
        except Exception as error:  # the supervisor: one recording must not stop the others
            logger.exception("An upload failed unexpectedly", extra={"recording_id": entry.id})
            await self._later(entry, "failed", f"{type(error).__name__}: {error}", SERVER)
        else:
            await self._succeeded(stored)

    async def _succeeded(self, entry: Entry) -> None:
        self._gate.failures = 0
        self._fruitless.pop(entry.id, None)
        self._in_vain.pop(entry.id, None)
        self.problems.pop(entry.id, None)
        logger.info("Recording stored", extra={"recording_id": entry.id})
        if entry.recording.key.recorder == CLI_RECORDER:  # nobody to release it to
            entry = await asyncio.to_thread(self.spool.release, entry.id)
        self.progress.moved(entry)

    async def _failed(
        self, entry: Entry, error: FieldpostError, landed_before: int, vain_before: int
    ) -> None:
        current = await asyncio.to_thread(self.spool.entry, entry.id)
        self._judge_thrift(
            entry.id, landed_bytes(current) - landed_before, vain_bytes(current) - vain_before
        )
        if landed_bytes(current) > landed_before:
            self._gate.failures = 0
            self._tried[entry.id] = self._fruitless[entry.id] = 0
        else:
            self._fruitless[entry.id] = self._fruitless.get(entry.id, 0) + 1
        self.problems[entry.id] = str(error)
        match error:
            case TokenRefused():
                await self._park(current, error)
            case (
                CloudThrottled(retry_after_s=float(asked_s))
                | CloudUnwell(retry_after_s=float(asked_s))
            ):
                await self._cool_down(current, error, asked_s)
            case CloudUnreachable() | NotTheCloud() | CloudThrottled() | CloudUnwell():
                policy = NETWORK if isinstance(error, CloudUnreachable | NotTheCloud) else SERVER
                await self._back_off(current, error, policy)
            case CloudRejected() | CloudConflict():
                await self._quarantine(current, str(error))
            case SpoolDamaged():
                await self._quarantine(current, str(error), damaged=True)
            case MediaMissing() if current.attempts + 1 >= MISSING_ATTEMPTS:
                await self._quarantine(
                    current, f"sent {MISSING_ATTEMPTS} times more and still missing: {error}"
                )
            case _ if error.transient:
                await self._later(current, error.code, str(error), NETWORK)
            case _:
                await self._quarantine(current, str(error))

    def _judge_thrift(self, entry: EntryId, landed: int, in_vain: int) -> None:
        if in_vain > max(landed, CHEAP_BYTES):
            self._in_vain[entry] = self._in_vain.get(entry, 0) + 1
        elif landed > 0:
            self._in_vain.pop(entry, None)

    async def _park(self, entry: Entry, error: FieldpostError) -> None:
        """The token is no good: nothing can go up until it is replaced; pulling goes on."""
        self.problems[entry.id] = reason = _with_remedy(error)
        until = await self._gate.token_refused(reason)
        await self._wait(entry, Wait(code=error.code, reason=reason, until=until))
        if self.once:
            await self._stop(reason, error.exit_code)

    async def _cool_down(self, entry: Entry, error: FieldpostError, asked_s: float) -> None:
        """The cloud named a time: kept across restarts, and no fault of this recording."""
        until = await self._gate.asked(asked_s, str(error))
        await self._wait(entry, Wait(code=error.code, reason=str(error), until=until))
        if self.once and self._gate.failures >= PATIENCE:
            await self._stop(str(error), error.exit_code)

    def _disk_failed(self, error: SpoolError) -> float:
        """Our own disk does not even take a reason: all pause, and only memory knows until when."""
        delay_s = self._gate.disk_failed()
        if self.once and self._gate.failures >= PATIENCE:
            self.stopped, self.stop_code = str(error), error.exit_code
        logger.error("The spool fails the uploads", extra={"reason": str(error)})
        return delay_s

    async def _back_off(self, entry: Entry, error: FieldpostError, policy: Retry) -> None:
        """The way to the cloud fails for everybody: all wait, none is blamed."""
        self.problems[entry.id] = reason = _with_remedy(error)
        until = self._gate.failed(policy)
        await self._wait(entry, Wait(code=error.code, reason=reason, until=until))
        if self.once and self._gate.failures >= PATIENCE:
            await self._stop(reason, error.exit_code)

    async def _later(self, entry: Entry, code: str, reason: str, policy: Retry) -> None:
        """This recording failed by itself: it waits longer each time, the others go on."""
        tried = self._tried.get(entry.id, 0) + 1
        self._tried[entry.id] = tried
        delay_s = policy.delay_s(entry.attempts + 1, random.random())  # noqa: S311 - jitter
        until = self.clock.now() + timedelta(seconds=delay_s)
        self.problems[entry.id] = reason
        await self._wait(
            entry, Wait(code=code, reason=reason, until=until), attempts=entry.attempts + 1
        )
        if self.once and tried >= PATIENCE:
            self._given_up.add(entry.id)

    async def _wait(self, entry: Entry, wait: Wait, *, attempts: int | None = None) -> None:
        self._tried.setdefault(entry.id, 0)
        if wait.until is not None and (times := self._in_vain.get(entry.id, 0)) > 1:
            # Bytes that bring nothing are paid for: whatever else asks to wait, this one waits.
            own_s = SERVER.delay_s(times, random.random())  # noqa: S311 - jitter
            own = self.clock.now() + timedelta(seconds=own_s)
            wait = replace(wait, until=max(wait.until, own))
        await asyncio.to_thread(
            self.spool.save_wait,
            entry.id,
            wait,
            attempts=entry.attempts if attempts is None else attempts,
        )
        self.progress.moved(await asyncio.to_thread(self.spool.entry, entry.id))
        # Said once per reason: a gateway that is down for a night must not fill the journal.
        news = entry.wait is None or entry.wait.reason != wait.reason
        logger.log(
            logging.WARNING if news else logging.DEBUG,
            "Upload waits",
            extra={"recording_id": entry.id, "reason": wait.reason},
        )

    async def _quarantine(self, entry: Entry, reason: str, *, damaged: bool = False) -> None:
        put_aside = self.spool.quarantine_damaged if damaged else self.spool.quarantine
        entry = await asyncio.to_thread(put_aside, entry.id, reason)
        self.progress.moved(entry)
        logger.error("Recording quarantined", extra={"recording_id": entry.id, "reason": reason})

    async def _stop(self, reason: str, code: int) -> None:
        """`run --once` gives up on everything that is left; the reason is told for each."""
        self.stopped, self.stop_code = reason, code
        for entry in await asyncio.to_thread(self.spool.ids, State.SEALED):
            self.problems.setdefault(entry, reason)
        self.stored.ring()


def _with_remedy(error: FieldpostError) -> str:
    """Say what happened and what to do: a reason is often all that a person sees of an error."""
    return f"{error}; {error.hint}" if error.hint else str(error)


def landed_bytes(entry: Entry) -> int:
    """Count the bytes of an entry that the store is known to hold: what progress is measured by."""
    return sum(
        m.medium.size_bytes
        if m.evidence is not None
        else int(m.session.state.get("offset", "0"))
        if m.session is not None
        else 0
        for m in entry.outgoing
    )


def vain_bytes(entry: Entry) -> int:
    """Count the bytes of an entry that were sent and, by all that is known, brought nothing."""
    return entry.resent_bytes + sum(
        int(m.session.state.get("unsettled", "0")) if m.session is not None else 0
        for m in entry.outgoing
    )
