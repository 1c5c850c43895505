"""Visit: one recorder's loop: open it, pull, release what is stored, wait for news, start again."""

import asyncio
import itertools
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

from device.bell import Bell, first_of
from device.clock import Clock
from device.config import RecorderConfig
from device.core.retry import Retry
from device.drivers import Driver, Opening, open_driver
from device.errors import FieldpostError, RecorderBusy
from device.model import Entry, EntryId, Listing, RecorderId, RecorderInfo, RecordingKey
from device.notices import Notices
from device.progress import Progress
from device.pull import Puller
from device.pulse import Pulse, Unwatched
from device.reach import Reach
from device.release import Releaser
from device.spool.spool import Spool
from device.whereabouts import Whereabouts

logger = logging.getLogger(__name__)

RECONNECT = Retry(first_s=0.5, factor=2, max_s=30)
RESCAN_S = 60.0
"""A recorder that cannot announce news is looked at this often."""
CALM_S = 1.0
"""A recorder that announces news without end is looked at this often at most."""
MORE_S = 0.1
"""`run --once` asks so long whether a listing that was not complete goes on."""
MOST_PORTIONS = 1000
PATIENCE = 6
"""Failures in a row without a byte of progress after which `run --once` gives a recorder up."""
OPEN_S = 60.0
"""Opening includes the recorder's boot; beyond this something hangs."""


@dataclass(kw_only=True)
class Visitor:
    """Looks after one configured recorder for the life of the agent."""

    config: RecorderConfig
    spool: Spool
    clock: Clock
    progress: Progress
    sealed: Bell
    """Rung here when there is something to upload."""
    stored: Bell
    """Rung by the uploads when something can be released, or given up."""
    settled: Callable[[RecorderId], Awaitable[bool]]
    """Whether uploads have nothing more to do for a recorder (`run --once`)."""
    called: Bell = field(default_factory=Bell)
    """Rung by an operator who wants it looked at now."""
    streaming: Callable[[], bool] = bool
    """Whether recordings are pulled while they are made, whatever the recorder's own `live`."""
    opener: Callable[[Opening], Awaitable[Driver]] | None = None
    """Opens the recorder where that is not by its URL: a phone has brought it."""
    failure: BaseException | None = field(default=None, init=False)
    """What ended the last visit."""
    pulse: Pulse = field(default_factory=Unwatched)
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    gone_through: bool | None = field(default=None, init=False)
    """Whether all that the recorder holds was looked after, as of its last listing in this visit.

    None: that is not over yet. False: it did not list all it holds.
    """
    recorder: RecorderId | None = None
    reach: Reach = field(init=False)
    """For orders, while the recorder is there."""
    _progressed: bool = field(default=False, init=False)
    _fruitless: dict[RecordingKey, int] = field(default_factory=dict, init=False)
    """Recordings that alone made visits end, and how often."""
    _furthest: dict[RecordingKey, int] = field(default_factory=dict, init=False)
    """How much of those was ever here."""
    _seen: dict[tuple[EntryId, int], int] = field(default_factory=dict, init=False)
    """How far each medium that is being pulled ever came: only more is progress."""
    _whereabouts: Whereabouts = field(init=False)
    _notices: Notices = field(init=False)

    def __post_init__(self) -> None:
        """Begin to keep how the recorder fares."""
        self._whereabouts = Whereabouts(url=self.config.url, spool=self.spool, clock=self.clock)
        self._notices = Notices(url=self.config.url, spool=self.spool, clock=self.clock)
        self.reach = Reach(clock=self.clock)

    async def run(self, *, once: bool) -> None:
        """Visit for ever, or until all that can be pulled is pulled and released.

        A failure of the line or of the recorder never leaves this loop: it is told, and retried.
        """
        failures = 0
        while True:
            self._progressed = False
            asked_s = hint = None
            called = self.called.count
            self.pulse.beat()
            try:
                async with asyncio.timeout(OPEN_S):
                    driver = await self._open()
                try:
                    await self._stay(driver, once=once)
                finally:
                    self.reach.close()
                    await driver.aclose()
            except (FieldpostError, LookupError, TimeoutError) as error:
                self.failure = error
                reason = str(error).removeprefix(f"{self.config.url}: ") or "no answer in time"
                hint = error.hint if isinstance(error, FieldpostError) else None
                # Its own figure may be weeks; a rescan would have looked in by then.
                if isinstance(error, RecorderBusy):
                    asked_s = min(error.retry_after_s, RESCAN_S)
            except Exception as error:  # the supervisor: a driver's bug must not stop the others
                self.failure = error
                logger.exception("A driver failed unexpectedly", extra={"url": self.config.url})
                reason = f"{type(error).__name__}: {error}"
            else:
                return
            failures = 1 if self._progressed else failures + 1
            problem = f"{self.config.url}: {reason}"
            if (problem,) != self.problems:
                self.progress.note(f"{problem}; try: {hint}" if hint else problem)
            self.problems = (problem,)
            await self._whereabouts.failed(reason, hint, failures)
            if once and failures >= PATIENCE:
                return
            if once and failures > 1:  # somebody is watching, and a radio takes its time
                self.progress.note(f"{self.config.url}: try {failures + 1} of {PATIENCE}")
            pause_s = RECONNECT.delay_s(failures, random.random(), asked_s=asked_s)  # noqa: S311 - jitter
            self.pulse.rest(pause_s)
            await first_of(self.clock.sleep(pause_s), self.called.after(called))

    async def _open(self) -> Driver:
        opening = Opening(
            url=self.config.url,
            release=self.config.release,
            clock=self.clock,
            cache=self.spool.root / "cache",
            live=self.config.live or self.streaming(),
        )
        if self.opener is not None:
            return await self.opener(opening)
        return await open_driver(self.config.driver, opening)

    async def _stay(self, driver: Driver, *, once: bool) -> None:
        info = await driver.info()
        self.recorder, self.gone_through = info.recorder, None
        self.reach.open(driver)
        await self._whereabouts.saw(info)
        releaser = Releaser(
            driver=driver,
            spool=self.spool,
            progress=self.progress,
            policy=self.config.release,
            fruitless=self._fruitless,
        )
        told = self.stored.count

        async def on_sealed(entry: Entry) -> None:
            nonlocal told
            self._seen = {at: done for at, done in self._seen.items() if at[0] != entry.id}
            self.sealed.ring()
            await self._whereabouts.heard()
            if self.stored.count > told:  # a long pull must not keep stored recordings waiting
                told = self.stored.count
                await releaser.release(info.recorder, (), easy=True)

        puller = Puller(
            driver=driver,
            spool=self.spool,
            clock=self.clock,
            progress=_Noticing(self.progress, self._came),
            on_sealed=on_sealed,
            fruitless=self._fruitless,
            furthest=self._furthest,
        )
        # A recording that ends every visit must not keep stored ones on a recorder that fills up.
        await releaser.release(info.recorder, (), easy=True)
        for portion in itertools.count(1):
            called = self.called.count
            looked_s, before = self.clock.monotonic(), self.stored.count
            if portion > 1:
                info = await _asked_again(driver, info)
            listing = await driver.recordings()
            await self._whereabouts.reached()
            await self._whereabouts.saw(await self._counted(info, listing))
            await self._notices.take(info.recorder, listing)
            pulled = await puller.pull(info.recorder, listing)
            self._mention(pulled.notes)
            lingering = pulled.lingering
            look_again = False
            while not look_again:
                seen = self.stored.count
                # Asked before releasing: what settles in between is stored, and not released yet.
                last = once and await self.settled(info.recorder)
                # Room that came during the pull may be what a problem of it waits for.
                room = bool(pulled.problems) and self.stored.count > before
                unreleased = await releaser.release(info.recorder, lingering)
                lingering = ()
                self._notice()
                await self._whereabouts.saw(await self._counted(info, listing))
                self._tell((*pulled.problems, *unreleased))
                self.gone_through = listing.complete
                if last and not room:
                    more = not listing.complete and portion < MOST_PORTIONS
                    if not (more and await self._goes_on(driver)):
                        return
                # A stored recording may have made the room that a problem waits for.
                look_again = (
                    last
                    or await self._news(driver, seen, called, rescan=not once)
                    or bool(pulled.problems)
                )
            if (calm_s := looked_s + CALM_S - self.clock.monotonic()) > 0:
                await self.clock.sleep(calm_s)

    async def _counted(self, info: RecorderInfo, listing: Listing) -> RecorderInfo:
        """Count what waits by a whole listing: a recorder's own count may mean something else."""
        if not listing.complete:
            return info
        ids = [recording.key.entry_id() for recording in listing.recordings]
        return replace(info, pending=await asyncio.to_thread(self.spool.unreleased, ids))

    async def _goes_on(self, driver: Driver) -> bool:
        """Ask whether an incomplete listing has a next portion: it is announced at once."""
        try:
            async with asyncio.timeout(MORE_S):
                await driver.changed()
        except TimeoutError:
            return False
        return True

    async def _news(self, driver: Driver, seen: int, called: int, *, rescan: bool) -> bool:
        """Wait for the recorder or the cloud; say whether the recorder may hold something new."""
        waits: list[Coroutine[Any, Any, object]] = [self.stored.after(seen)]
        if rescan:
            waits += [
                driver.changed(),
                self.clock.sleep(RESCAN_S),
                self.called.after(called),
            ]
            self.pulse.rest(RESCAN_S)
        done = await first_of(*waits)
        self.pulse.beat()
        return done != {0}

    def forgive(self, recording: RecordingKey) -> None:
        """Forget that a recording went wrong before: an operator wants it tried now."""
        self._fruitless.pop(recording, None)

    def _mention(self, notes: tuple[str, ...]) -> None:
        for note in notes:
            if note not in self.notes:
                self.progress.note(note)
        self.notes = notes

    def _tell(self, problems: tuple[str, ...]) -> None:
        for problem in problems:
            if problem not in self.problems:
                self.progress.note(problem)
        self.problems = problems

    def _came(self, entry: EntryId, index: int, done_bytes: int) -> None:
        if done_bytes > self._seen.get((entry, index), 0):
            self._seen[entry, index] = done_bytes
            self._notice()

    def _notice(self) -> None:
        self._progressed = True
        self.pulse.beat()


async def _asked_again(driver: Driver, before: RecorderInfo) -> RecorderInfo:
    """Ask how it fares now. What is wrong, if it fails, the listing that follows tells better.

    Opening has set its clock: how wrong it was stays told for the length of the visit.
    """
    try:
        now = await driver.info()
    except FieldpostError as error:
        logger.debug("The recorder does not say how it is", extra={"problem": str(error)})
        return before
    offsets = [each for each in (before.clock_offset_s, now.clock_offset_s) if each is not None]
    return replace(now, clock_offset_s=max(offsets, key=abs, default=None))


@dataclass(frozen=True, slots=True)
class _Noticing:
    """Passes progress on and notices it: patience is counted from the last of it."""

    inner: Progress
    noticed: Callable[[EntryId, int, int], None]

    def pulling(self, entry: EntryId, index: int, done_bytes: int, total_bytes: int) -> None:
        self.noticed(entry, index, done_bytes)
        self.inner.pulling(entry, index, done_bytes, total_bytes)

    def uploading(self, entry: EntryId, index: int, done_bytes: int, total_bytes: int) -> None:
        self.inner.uploading(entry, index, done_bytes, total_bytes)

    def moved(self, entry: Entry) -> None:
        self.inner.moved(entry)

    def note(self, sentence: str) -> None:
        self.inner.note(sentence)
