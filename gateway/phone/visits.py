"""Visit: one recorder that a phone has connected: pulled, released, shown, and noted."""

import asyncio
import dataclasses
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from device.bell import Bell, first_of
from device.clock import Clock
from device.config import RecorderConfig
from device.drivers import Driver, Opening
from device.errors import FieldpostError, RecorderBusy
from device.model import Condition, Listing, RecorderId, RecorderInfo
from device.visit import Visitor
from device.words import printable
from gateway.core.tunnel import Close, Open, Standing
from gateway.errors import GatewayError
from gateway.model_phones import Phone, PhoneVisit, VisitState
from gateway.phone import words
from gateway.phone.board import Shelf, document
from gateway.phone.channel import Channel
from gateway.phone.claims import Claims
from gateway.phone.opening import Shown, open_on
from gateway.phone.pipeline import Pipeline
from gateway.phone.registries import serial_of
from gateway.store import Store

logger = logging.getLogger(__name__)

SHOW_S = 0.25
KEEP_S = 5.0
HEARD_S = 60.0
HEARTBEAT_S = 20.0
LAST_S = 3.0
"""For the heartbeat of a recorder that is gone already."""


@dataclass(kw_only=True)
class Visit:
    """One channel of a tunnel, from `open` until the recorder is not there any more."""

    opened: Open
    channel: Channel
    phone: Phone
    id: str
    pipeline: Pipeline
    claims: Claims
    store: Store
    clock: Clock
    alive: Callable[[], bool]
    """Whether the phone was heard of lately."""
    say: Callable[[Standing | Close], None]
    over: Bell = field(default_factory=Bell)
    _shelf: Shelf = field(default_factory=Shelf)
    _info: RecorderInfo | None = None
    _recorder: RecorderId | None = None
    _device_id: str | None = None
    _known: Bell = field(default_factory=Bell)
    """Rings when it is known which recorder this is."""
    _again: Bell = field(default_factory=Bell)
    _opened_once: bool = False
    _message: str = ""
    _taken: bool = False
    _watched: bool = False
    _visitor: Visitor | None = None

    async def run(self) -> None:
        """Visit until the recorder, or the phone, is gone; then say why."""
        began_at = self.clock.now()
        noted = PhoneVisit(
            id=self.id,
            phone_id=self.phone.id,
            state=VisitState.SYNCING,
            began_at=began_at,
            heard_at=began_at,
        )
        config = RecorderConfig(
            url=f"phone:{printable(self.opened.name) or self.opened.browser_id}",
            driver=self.opened.kind,
        )
        self._visitor = visitor = self.pipeline.visitor(config, self._open)
        # A connection that is gone never comes back: there is nothing to pause for.
        self.channel.when_lost(visitor.called.ring)
        advice = words.Advice("", None)
        try:
            await first_of(
                visitor.run(once=False), self._again.after(0), self._show(), self._note(noted)
            )
            advice = words.advice(visitor.failure)
            if self._taken:
                advice = words.Advice(words.TAKEN, words.TAKEN_S)
        except Exception:  # the supervisor: one recorder must not end the others' visits
            logger.exception("A visit failed unexpectedly", extra={"visit": self.id})
            advice = words.Advice(words.OURS, words.LATER_S)
        finally:
            await self.channel.aclose()
            if self._recorder is not None:
                self.claims.give(self._recorder, self)
            self.over.ring()
            self._message = advice.message
            await self._end(noted, advice)
        await self._follow(advice)

    def close(self) -> None:
        """Stop showing the recorder's recordings. Idempotent."""
        if self._watched and self._recorder is not None:
            self._watched = False
            self.pipeline.board.leave(self._recorder)

    def standing(self, channel: int | None) -> Standing:
        """Say how it stands."""
        rows, more = self._shelf.rows()
        return Standing(
            channel=channel,
            recorder=serial_of(self._recorder) if self._recorder else printable(self.opened.name),
            battery_percent=self._info.battery_percent if self._info else None,
            recordings=rows,
            more=more,
            message=self._advice(),
        )

    def _advice(self) -> str:
        if self._message:
            return self._message
        told = self._shelf.advice()
        return told if told not in {words.DONE, words.NOTHING} else self._over(told)

    def _over(self, told: str) -> str:
        """Say that all is done only where that is known of everything the recorder holds."""
        visitor = self._visitor
        if visitor is None or visitor.gone_through is None:
            return words.STAY
        if visitor.problems:
            return printable(visitor.problems[0])
        if not visitor.gone_through:
            return words.PARTLY
        making = self._info is not None and Condition.RECORDING in self._info.conditions
        # Through a phone, what a recorder notes and holds back is what is still being made.
        return words.MAKING if making or visitor.notes else told

    def _undone(self) -> bool:
        """Say whether something is, or may be, on the recorder that was not pulled."""
        known = self._visitor is not None and self._visitor.gone_through
        return not known or self._shelf.any("waiting", "pulling")

    async def _open(self, opening: Opening) -> Driver:
        """Open the driver on the channel: once, since a connection that failed is given up."""
        if self._opened_once:
            self._again.ring()
            await asyncio.Event().wait()
        self._opened_once = True
        driver = await open_on(self.opened, self.channel, opening)
        try:
            info = await driver.info()
            try:
                await self.claims.take(info.recorder, self)
            except RecorderBusy:
                self._taken = True
                raise
            self._info, self._recorder = info, info.recorder
            before, self._shelf = self._shelf, await self.pipeline.watch(info.recorder)
            self._watched = True
            before.changed.ring()
            self._known.ring()
        except BaseException:
            await driver.aclose()
            raise
        await self.pipeline.wake()
        return Shown(driver, self._saw, self._listed)

    def _saw(self, info: RecorderInfo) -> None:
        self._info = info
        self._shelf.changed.ring()

    async def _listed(self, listing: Listing) -> None:
        if self._recorder is not None:
            await self.pipeline.listed(self._recorder, listing)

    async def _show(self) -> None:
        """Tell the phone what is new, as often as a person can see it."""
        last: Standing | None = None
        while True:
            shelf = self._shelf
            seen = shelf.changed.count
            # That a listing was gone through rings nothing.
            over = self._visitor is not None and self._visitor.gone_through is not None
            if self._recorder is not None and (now := self.standing(self.opened.channel)) != last:
                self.say(now)
                last = now
            await self.clock.sleep(SHOW_S)
            if shelf is self._shelf:
                quiet_s = KEEP_S if over else SHOW_S
                await first_of(shelf.changed.after(seen), self.clock.sleep(quiet_s))

    async def _note(self, noted: PhoneVisit) -> None:
        """Keep how the visit goes, and tell how the recorder fares, on its behalf."""
        await self._keep(noted)
        await self._known.after(0)
        told_s: float | None = None
        while True:
            now_s = self.clock.monotonic()
            if told_s is None or now_s - told_s >= HEARD_S:
                told_s = now_s
                await self._heartbeat(HEARTBEAT_S)
            await self._keep(dataclasses.replace(noted, heard_at=self.clock.now()))
            await self.clock.sleep(KEEP_S)

    async def _heartbeat(self, within_s: float) -> None:
        info = self._info
        if info is None:
            return
        try:
            async with asyncio.timeout(within_s):
                self._device_id = await self.pipeline.registry.heard(info, self.phone.end_user_id)
        except (FieldpostError, TimeoutError) as error:
            logger.warning(
                "A recorder's heartbeat is not heard",
                extra={"recorder": info.recorder, "reason": str(error) or "no answer in time"},
            )

    async def _end(self, noted: PhoneVisit, advice: words.Advice) -> None:
        if self._device_id is None:
            await self._heartbeat(LAST_S)
        now = self.clock.now()
        state = VisitState.CUT if self._undone() else VisitState.DONE
        if self._shelf.any("problem") or (advice.message and advice.retry_s is None):
            state = VisitState.PROBLEM
        self.say(Close(channel=self.opened.channel, message=advice.message, retry_s=advice.retry_s))
        await self._keep(dataclasses.replace(noted, state=state, heard_at=now, ended_at=now))

    async def _follow(self, advice: words.Advice) -> None:
        """Go on telling what becomes of what was pulled, as long as the phone is there."""
        recorder = self._recorder
        if recorder is None:
            return
        while True:
            sending = self._shelf.any("sending")
            self._message = ""
            if self._undone():
                self._message = advice.message or words.CLOSER
            elif sending:
                self._message = words.LEFT
            elif self._shelf.any("stored"):
                self._message = words.NEXT
            seen = self._shelf.changed.count
            if self.claims.free(recorder):
                self.say(self.standing(None))
            if not sending or not self.claims.free(recorder):
                return
            await self.clock.sleep(SHOW_S)
            await first_of(self._shelf.changed.after(seen), self.clock.sleep(KEEP_S))

    async def _keep(self, noted: PhoneVisit) -> None:
        rows, more = self._shelf.rows()
        standing = {
            "recorder": serial_of(self._recorder) if self._recorder else None,
            "battery_percent": self._info.battery_percent if self._info else None,
            "recordings": document(rows),
            "more": more,
            "message": self._advice(),
        }
        visit = dataclasses.replace(
            noted,
            device_id=self._device_id,
            recorder=serial_of(self._recorder)[:255] if self._recorder else None,
            standing=standing,
        )
        try:
            await self.store.phones.keep_visit(visit)
        except GatewayError as error:
            logger.warning("A visit is not noted", extra={"reason": str(error)})
