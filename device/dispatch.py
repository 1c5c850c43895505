"""Dispatch: which sealed recordings go up now, which wait, and why."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from math import inf

from device.aftermath import Aftermath, Before
from device.beating import Beating
from device.bell import Bell
from device.clock import Clock
from device.cloud import Cloud
from device.config import UploadConfig
from device.core.policy import Hold
from device.core.uploads.classify import Stores
from device.drivers.named_files import CLI_RECORDER
from device.errors import CloudThrottled, FieldpostError, Held, SpoolError
from device.gate import Gate
from device.model import Entry, EntryId, RecorderId, State, Wait
from device.permission import Permission
from device.progress import Progress
from device.pulse import Pulse, Unwatched
from device.spool.spool import Spool
from device.transport import Leave, Transport
from device.upload import upload_entry
from device.upload_slots import UploadSlots

logger = logging.getLogger(__name__)

LONGEST_ONCE_S = 60.0
"""`run --once` does not sit out a longer pause that the cloud asked for."""
HOLD = "hold"
"""What the spool keeps the policy's word under."""
_WAVERS = timedelta(minutes=1)
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
    permission: Permission | None = None
    """Asked before anything leaves; None: nobody has a say."""
    pulse: Pulse = field(default_factory=Unwatched)
    flying: Pulse = field(default_factory=Unwatched)
    """Of all uploads together: while one sends, another may rightly wait for hours."""
    aftermath: Aftermath = field(init=False)
    _in_flight: dict[EntryId, RecorderId] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _hurried: set[EntryId] = field(default_factory=set)
    """Recordings whose own wait an operator cut short."""
    _draining: bool = False
    _hold: Hold | None = None
    """Why nothing at all leaves, as it was kept last."""
    _kept: bool = False
    """Whether what the spool keeps of that is ours, and not an earlier run's."""
    _stores: Stores = field(default_factory=Stores)
    _begun: bool = False
    _gate: Gate = field(init=False)
    _slots: UploadSlots = field(init=False)

    def __post_init__(self) -> None:
        self._slots = UploadSlots(self.settings.workers)
        self._gate = Gate(spool=self.spool, clock=self.clock, origin=self.cloud.origin)
        self.aftermath = Aftermath(
            spool=self.spool,
            clock=self.clock,
            progress=self.progress,
            gate=self._gate,
            stored=self.stored,
            once=self.once,
        )

    @property
    def problems(self) -> dict[EntryId, str]:
        """Why recordings of this run are not where they should be."""
        return self.aftermath.problems

    @property
    def stopped(self) -> str | None:
        """Why `run --once` has given up on everything that is left."""
        return self.aftermath.stopped

    @property
    def stop_code(self) -> int:
        """The exit code of what it gave up for, 0 while it has not."""
        return self.aftermath.stop_code

    async def run(self) -> None:
        """Upload until cancelled. A recording that fails never stops the others."""
        async with asyncio.TaskGroup() as group:
            while True:
                seen = self.sealed.count
                self.pulse.beat()
                pause_s = LONGEST_S
                if self.stopped is None and not self._draining:
                    try:
                        await self._begin()
                        pause_s = await self._start_due(group)
                    except SpoolError as error:
                        pause_s = self.aftermath.disk_failed(error)
                        self.stored.ring()
                self.pulse.rest(pause_s)
                await self._pause(seen, pause_s)

    async def settled(self, recorder: RecorderId | None) -> bool:
        """Say whether nothing of a recorder (None: of anybody) goes up or will be tried again."""
        if not self._begun and self.stopped is None:
            return False
        if self.stopped is None:
            sealed = await asyncio.to_thread(self.spool.ids, State.SEALED)
            left = [entry for entry in sealed if entry not in self.aftermath.given_up]
            if left and (recorder is None or await asyncio.to_thread(self._any_of, recorder, left)):
                return False
        # What is stored already may still be on its last step.
        return recorder not in self._in_flight.values() if recorder else not self._in_flight

    async def wake(self) -> None:
        """Try now what waits by our own decision; what the cloud asked for stands."""
        self._gate.hurry()
        sealed = await asyncio.to_thread(self.spool.ids, State.SEALED)
        self._hurried.update(entry for entry in sealed if entry not in self._in_flight)
        self.sealed.ring()

    def sends(self, entry: EntryId) -> bool:
        """Say whether an entry is going up at this moment."""
        return entry in self._in_flight

    def hush(self) -> None:
        """Start nothing more; what goes up ends with the body that it sends."""
        self._draining = True
        self.transport.leave = _interrupted

    async def drain(self) -> None:
        """Start nothing more; return when nothing goes up any more."""
        self.hush()
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
        allowed_s = await self._ask_policy()
        if allowed_s is None:
            return self._left_s_of(self._hold)
        shut_s, asked = await self._gate.left_s()
        if self.once and asked is not None and asked.until is not None:
            asked_s = (asked.until - self.clock.now()).total_seconds()
            if asked_s > LONGEST_ONCE_S:
                await self.aftermath.stop(asked.reason, CloudThrottled.exit_code)
        if shut_s > 0:
            return min(shut_s, allowed_s)
        return await self._start_each(group, allowed_s)

    async def _start_each(self, group: asyncio.TaskGroup, longest_s: float) -> float:
        """Start what may go now, as long as there is a worker for it."""
        pause_s = longest_s
        # Ids first, then one entry at a time: a backlog of years would not fit into memory.
        sealed = await asyncio.to_thread(self.spool.ids, State.SEALED)
        for entry_id in sorted(sealed, key=self.aftermath.turn):
            if entry_id in self._in_flight or entry_id in self.aftermath.given_up:
                continue
            if len(self._in_flight) >= self.settings.workers:
                return longest_s  # a finished upload rings
            entry = await asyncio.to_thread(self.spool.entry, entry_id)
            self.pulse.beat()
            if entry_id in self._in_flight or entry.state is not State.SEALED:
                continue
            if self.stopped is not None or self._gate.shut or self._draining:
                return longest_s  # meanwhile an upload failed, and rings
            if (left_s := self._left_s(entry)) > 0:
                pause_s = min(pause_s, left_s)
                continue
            self._hurried.discard(entry.id)
            self._in_flight[entry.id] = entry.recording.key.recorder
            self.flying.beat()
            task = group.create_task(self._upload(entry), name=f"upload {entry.id}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return pause_s

    async def _ask_policy(self) -> float | None:
        """Return for how long bytes may leave; None while they may not, and then nothing does.

        What is under way is cut short: it is kept, and goes on where it stands.
        """
        told = self.permission.told() if self.permission is not None else None
        if not isinstance(told, Hold):
            await self._keep_hold(None)
            until = told.until if told is not None else None
            if until is None:
                return LONGEST_S
            left_s = (until - self.clock.now()).total_seconds()
            return min(max(left_s, 1.0), LONGEST_S)
        for task in self._tasks:
            if not task.cancelling():  # a second time would end what it keeps on its way out
                task.cancel()
        await self._keep_hold(told)
        if self.once:
            await self.aftermath.stop(told.reason, Held.exit_code)
        return None

    async def _keep_hold(self, hold: Hold | None) -> None:
        """Keep for `status` why nothing leaves, and say it once."""
        before, self._hold = self._hold, hold
        if self._kept and _alike(before, hold):
            return
        value = hold and {"code": hold.code, "reason": hold.reason, "until": hold.until}
        await asyncio.to_thread(self.spool.keep, HOLD, value)
        self._kept = True
        if hold is None:
            if before is not None:
                logger.info("Uploads go on")
        elif before is None or before.code != hold.code:  # another end is not another hold
            logger.warning("Uploads are held", extra={"code": hold.code, "reason": hold.reason})

    def _left_s_of(self, hold: Hold | None) -> float:
        """Return the seconds until the policy is asked again; a change of things rings before."""
        if hold is None or hold.until is None:
            return LONGEST_S
        return min(max((hold.until - self.clock.now()).total_seconds(), 1.0), LONGEST_S)

    def _any_of(self, recorder: RecorderId, entries: list[EntryId]) -> bool:
        return any(self.spool.entry(e).recording.key.recorder == recorder for e in entries)

    def _left_s(self, entry: Entry) -> float:
        if entry.id in self.aftermath.held and self.permission is not None:
            told = self.permission.told(self.aftermath.held[entry.id])
            if isinstance(told, Hold):
                return self._left_s_of(told)
            del self.aftermath.held[entry.id]
            return 0.0
        if entry.wait is None or entry.wait.until is None:
            return 0.0
        if (self.once and entry.id not in self.aftermath.tried) or entry.id in self._hurried:
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
            self.aftermath.disk_failed(error)
        except asyncio.CancelledError:
            if (hold := self._hold) is not None:  # who watches is told that it moves no more
                wait = Wait(code=hold.code, reason=hold.reason, until=hold.until)
                self.progress.moved(replace(entry, wait=wait))
            raise
        finally:
            self._in_flight.pop(entry.id, None)
            if not self._in_flight:
                self.flying.rest(inf)
            self.sealed.ring()
            self.stored.ring()

    async def _attempt(self, entry: Entry) -> None:
        """Try once, and keep what came of it.

        Raises:
            SpoolError: Our own disk does not take what came of it.
        """
        before = Before.of(entry)
        try:
            stored = await upload_entry(
                entry.id,
                spool=self.spool,
                cloud=self.cloud,
                transport=self.transport,
                clock=self.clock,
                stores=self._stores,
                settings=self.settings,
                progress=Beating(self.progress, self.flying),
                slots=self._slots,
            )
        except asyncio.CancelledError:
            if self._hold is not None:
                await self.aftermath.cut_short(entry, before, self._hold.reason)
            raise
        except FieldpostError as error:
            await self.aftermath.failed(entry, error, before)
        except Exception as error:  # the supervisor: one recording must not stop the others
            logger.exception("An upload failed unexpectedly", extra={"recording_id": entry.id})
            await self.aftermath.failed_unexpectedly(entry, error)
        else:
            await self.aftermath.succeeded(stored)


def _alike(before: Hold | None, now: Hold | None) -> bool:
    """Say whether two looks at the same thing said the same: an end by two clocks wavers."""
    if before is None or now is None:
        return before is now
    if before.until is None or now.until is None:
        return (before.code, before.until) == (now.code, now.until)
    return before.code == now.code and abs(now.until - before.until) < _WAVERS


@contextmanager
def _interrupted(next_bytes: int) -> Iterator[Leave]:
    """Refuse leave to every further body: what was sent before it is kept."""
    reason = "interrupted by an operator; goes on by itself where it stands"
    raise Held("interrupted", reason, None, next_bytes)
    yield
