"""Aftermath: what comes of an attempt: stored, a wait with its reason, or quarantine."""

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from device.bell import Bell
from device.clock import Clock
from device.core.retry import Retry
from device.drivers.named_files import CLI_RECORDER
from device.errors import (
    CloudConflict,
    CloudRejected,
    CloudThrottled,
    CloudUnreachable,
    CloudUnwell,
    FieldpostError,
    Held,
    MediaMissing,
    NotTheCloud,
    SpoolDamaged,
    SpoolError,
    TokenRefused,
)
from device.gate import NETWORK, SERVER, Gate
from device.model import Attempt, Entry, EntryId, State, Wait
from device.progress import Progress
from device.spool.spool import Spool

logger = logging.getLogger(__name__)

PATIENCE = 5
"""Failures in a row without progress after which `run --once` gives up."""
FRUITLESS = 2
"""Failures in a row that bring nothing, after which a recording goes behind the others."""
CHEAP_BYTES = 65_536
"""What an attempt may send in vain and be repeated soon."""
MISSING_ATTEMPTS = 3
"""Times that media are sent once more because the cloud lacks them, before a person must look."""


def _nobody() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Before:
    """How far an entry was before an attempt: what landed at the store, what went in vain."""

    landed_bytes: int
    vain_bytes: int

    @classmethod
    def of(cls, entry: Entry) -> "Before":
        """Look at an entry."""
        return cls(landed_bytes(entry), vain_bytes(entry))


@dataclass(kw_only=True)
class Aftermath:
    """Keeps what came of each attempt, and judges when its recording may be tried again."""

    spool: Spool
    clock: Clock
    progress: Progress
    gate: Gate
    stored: Bell
    once: bool
    portal: Callable[[], None] = _nobody
    """Told when somebody else answered in place of the cloud."""
    problems: dict[EntryId, str] = field(default_factory=dict)
    stopped: str | None = None
    """Why `run --once` has given up on everything that is left."""
    stop_code: int = 0
    """The exit code of what it gave up for, 0 while it has not."""
    given_up: set[EntryId] = field(default_factory=set)
    tried: dict[EntryId, int] = field(default_factory=dict)
    held: dict[EntryId, int] = field(default_factory=dict)
    """Bytes of the next request of those that the policy has refused: it is asked again first."""
    _fruitless: dict[EntryId, int] = field(default_factory=dict)
    _in_vain: dict[EntryId, int] = field(default_factory=dict)
    """Attempts in a row that sent more in vain than they brought."""

    def turn(self, entry: EntryId) -> int:
        """Say how far behind the others a recording goes that keeps bringing nothing."""
        return self._fruitless.get(entry, 0) // FRUITLESS

    async def succeeded(self, entry: Entry) -> None:
        """Take note that an entry is stored; one without a recorder is released at once."""
        self.gate.failures = 0
        self._fruitless.pop(entry.id, None)
        self._in_vain.pop(entry.id, None)
        self.problems.pop(entry.id, None)
        logger.info("Recording stored", extra={"recording_id": entry.id})
        if entry.recording.key.recorder == CLI_RECORDER:  # nobody to release it to
            entry = await asyncio.to_thread(self.spool.release, entry.id)
        self.progress.moved(entry)

    async def failed(self, entry: Entry, error: FieldpostError, before: Before) -> None:
        """Take note of a failed attempt.

        Raises:
            SpoolError: Our own disk does not take it.
        """
        current = await asyncio.to_thread(self.spool.entry, entry.id)
        landed = landed_bytes(current) - before.landed_bytes
        self._judge_thrift(entry.id, landed, vain_bytes(current) - before.vain_bytes)
        if landed > 0:
            self.gate.failures = 0
            self.tried[entry.id] = self._fruitless[entry.id] = 0
        else:
            self._fruitless[entry.id] = self._fruitless.get(entry.id, 0) + 1
        self.problems[entry.id] = str(error)
        if isinstance(error, Held):
            await self._hold(current, error)
            return
        attempt = Attempt(at=self.clock.now(), code=error.code, reason=str(error))
        await asyncio.to_thread(self.spool.note_attempt, entry.id, attempt)
        if isinstance(error, NotTheCloud):
            self.portal()
        await self._judge(current, error)

    async def _judge(self, current: Entry, error: FieldpostError) -> None:
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

    async def failed_unexpectedly(self, entry: Entry, error: Exception) -> None:
        """Take note of a fault of our own: this recording waits, the others go on.

        Raises:
            SpoolError: Our own disk does not take it.
        """
        await self._later(entry, "failed", f"{type(error).__name__}: {error}", SERVER)

    async def _hold(self, entry: Entry, error: Held) -> None:
        """The policy refuses the next request: no failure of anybody, and no attempt counted."""
        self.held[entry.id] = error.next_bytes
        await self._wait(entry, Wait(code=error.why, reason=str(error), until=error.until))
        if self.once:
            self.given_up.add(entry.id)

    async def cut_short(self, entry: Entry, before: Before, reason: str) -> None:
        """The policy ended it in the middle; where that keeps costing bytes, it waits the longer.

        A network that is allowed and not by turns must not be paid for again and again.

        Raises:
            SpoolError: Our own disk does not take it.
        """
        current = await asyncio.to_thread(self.spool.entry, entry.id)
        landed = landed_bytes(current) - before.landed_bytes
        self._judge_thrift(entry.id, landed, vain_bytes(current) - before.vain_bytes)
        if current.state is State.SEALED and self._in_vain.get(entry.id, 0) > 1:
            said = f"was cut short again and again, and begins anew each time: {reason}"
            await self._wait(current, Wait(code=Held.code, reason=said, until=self.clock.now()))

    def _judge_thrift(self, entry: EntryId, landed: int, in_vain: int) -> None:
        if in_vain > max(landed, CHEAP_BYTES):
            self._in_vain[entry] = self._in_vain.get(entry, 0) + 1
        elif landed > 0:
            self._in_vain.pop(entry, None)

    async def _park(self, entry: Entry, error: FieldpostError) -> None:
        """The token is no good: nothing can go up until it is replaced; pulling goes on."""
        self.problems[entry.id] = reason = _with_remedy(error)
        until = await self.gate.token_refused(reason)
        await self._wait(entry, Wait(code=error.code, reason=reason, until=until))
        if self.once:
            await self.stop(reason, error.exit_code)

    async def _cool_down(self, entry: Entry, error: FieldpostError, asked_s: float) -> None:
        """The cloud named a time: kept across restarts, and no fault of this recording."""
        until = await self.gate.asked(asked_s, str(error))
        await self._wait(entry, Wait(code=error.code, reason=str(error), until=until))
        if self.once and self.gate.failures >= PATIENCE:
            await self.stop(str(error), error.exit_code)

    def disk_failed(self, error: SpoolError) -> float:
        """Our own disk does not even take a reason: all pause, and only memory knows until when."""
        delay_s = self.gate.disk_failed()
        if self.once and self.gate.failures >= PATIENCE:
            self.stopped, self.stop_code = str(error), error.exit_code
        logger.error("The spool fails the uploads", extra={"reason": str(error)})
        return delay_s

    async def _back_off(self, entry: Entry, error: FieldpostError, policy: Retry) -> None:
        """The way to the cloud fails for everybody: all wait, none is blamed."""
        self.problems[entry.id] = reason = _with_remedy(error)
        until = self.gate.failed(policy)
        await self._wait(entry, Wait(code=error.code, reason=reason, until=until))
        if self.once and self.gate.failures >= PATIENCE:
            await self.stop(reason, error.exit_code)

    async def _later(self, entry: Entry, code: str, reason: str, policy: Retry) -> None:
        """This recording failed by itself: it waits longer each time, the others go on."""
        tried = self.tried.get(entry.id, 0) + 1
        self.tried[entry.id] = tried
        delay_s = policy.delay_s(entry.attempts + 1, random.random())  # noqa: S311 - jitter
        until = self.clock.now() + timedelta(seconds=delay_s)
        self.problems[entry.id] = reason
        await self._wait(
            entry, Wait(code=code, reason=reason, until=until), attempts=entry.attempts + 1
        )
        if self.once and tried >= PATIENCE:
            self.given_up.add(entry.id)

    async def _wait(self, entry: Entry, wait: Wait, *, attempts: int | None = None) -> None:
        self.tried.setdefault(entry.id, 0)
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

    async def stop(self, reason: str, code: int) -> None:
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
