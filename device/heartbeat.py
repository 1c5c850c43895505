"""Heartbeat: tells the cloud how this box fares, and takes what it answers: orders and settings."""

import asyncio
import logging
import os
import random
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from math import inf
from typing import Any

from device.agreed import Agreed
from device.bell import Bell, first_of
from device.clock import Clock
from device.cloud import Cloud
from device.config import SpoolConfig
from device.core.heartbeat import Report, Told, parse_answer
from device.core.policy import Hold, costs
from device.core.retry import Retry
from device.daytime import Daytime
from device.errors import (
    CloudThrottled,
    CloudUnwell,
    FieldpostError,
    NotTheCloud,
    SpoolError,
    TokenRefused,
)
from device.model import State
from device.network import Surroundings
from device.orders import Orders
from device.permission import Permission
from device.pulse import Pulse, Unwatched
from device.spool.spool import Spool

logger = logging.getLogger(__name__)

EVERY_S = 60.0
COSTLY = 5
"""Where bytes cost and nobody has set a pace, heartbeats are so many times rarer."""
JITTER = 0.1
LEAST_S = 5.0
"""Whatever rings: a cloud that orders something with each answer is not asked more often."""
DEADLINE_S = 90.0
"""For a heartbeat and all that its answer asks for."""
BACK_OFF = Retry(first_s=10, factor=2, max_s=900)
HOLDING = frozenset({"roaming", "data-limit", "network"})
"""What the policy says that a heartbeat obeys too: its bytes cost. The other reasons are told."""

HEARTBEAT, UNHEARD, OTA = "heartbeat", "heartbeat-unheard", "ota"
"""What the spool keeps: when one was heard, why none is, and which firmware the cloud offers."""
RENEW_S = 3600.0
KEEP_S = 600.0
"""That heartbeats go well is written down so often: one a minute would wear the card out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """What goes on at this moment."""

    uploading: bool = False
    pulling: bool = False


@dataclass(kw_only=True)
class Heartbeat:
    """The heartbeats of one cloud, from the first moment until cancelled."""

    every_s: float | None
    """As the operator has set it, above 0; None leaves it to us."""
    limits: SpoolConfig
    spool: Spool
    cloud: Cloud
    clock: Clock
    surroundings: Surroundings
    permission: Permission
    agreed: Agreed
    daytime: Daytime
    orders: Orders
    renew: Callable[[], Awaitable[bool]]
    """Exchanges the token, and says whether it did; the next heartbeat proves the new one."""
    busy: Callable[[], Busy]
    due: Bell = field(default_factory=Bell)
    """Rung when one is worth sending now: a network came up, an operator asks."""
    pulse: Pulse = field(default_factory=Unwatched)
    failures: int = field(default=0, init=False)
    """In a row, a refused token left out: it is tried at the usual pace, as by uploads."""
    _said: str = field(default="", init=False)
    """Why the last one was not sent, or failed: told once."""
    _kept_s: float | None = field(default=None, init=False)
    _renewed_s: float | None = field(default=None, init=False)

    async def run(self) -> None:
        """Send for ever; ends by itself only where the cloud wants no heartbeats."""
        while True:
            seen = self.due.count
            self.pulse.beat()
            asked_s: float | None = None
            try:
                async with asyncio.timeout(DEADLINE_S):
                    more = await self.beat()
            except (FieldpostError, TimeoutError) as error:
                asked_s = _asked_s(error)
                await self._failed(error)
            except Exception:  # the supervisor: whatever an answer holds, the agent goes on
                logger.exception("A heartbeat failed unexpectedly")
                self.failures += 1
            else:
                if more is None:
                    self.pulse.rest(inf)
                    return
                if more:
                    self.due.ring()
            await self._pause(seen, asked_s)

    async def beat(self) -> bool | None:
        """Send one, and do what its answer says.

        Returns:
            Whether the next one has news of it; None where the cloud wants none at all.

        Raises:
            CloudError: It was not heard, or how an order ended was not.
            SpoolError: Our own disk fails.
        """
        held = self.permission.told()
        if isinstance(held, Hold) and self._holds(held):
            self._say(f"held: {held.reason}")
            return False
        report = await asyncio.to_thread(self.look, self.busy())
        answer = await self.cloud.heartbeat(report.body())
        if answer is None:
            return None
        await self._went_well()
        told = parse_answer(answer)
        await self._take(told)
        await self.orders.take(told.orders)
        worked = await self.orders.carry_out()
        await self.orders.report()
        return await self._renew() or worked if told.rotate_token else worked

    def look(self, busy: Busy) -> Report:
        """See how the box fares. Blocks: it asks the disk."""
        disk = os.statvfs(self.spool.root)
        power = self.surroundings.power
        settings = self.agreed.merged.send
        low = power.battery_percent is not None and not power.charging
        return Report(
            version=_version(),
            name=socket.gethostname(),
            pending=len(self.spool.ids(State.PULLING, State.SEALED)),
            network=self.surroundings.network,
            power=power,
            used_bytes=(disk.f_blocks - disk.f_bfree) * disk.f_frsize,
            total_bytes=disk.f_blocks * disk.f_frsize,
            low_battery=low
            and (power.battery_percent or 0) < settings.low_battery_threshold_percent,
            full=disk.f_bavail * disk.f_frsize < self.limits.min_free_bytes,
            uploading=busy.uploading,
            pulling=busy.pulling,
            failing=bool(self.spool.ids(State.QUARANTINED)),
        )

    def period_s(self) -> float:
        """Say how long it is from one heartbeat to the next, on the network as it is."""
        if self.every_s is not None:
            return self.every_s
        return EVERY_S * (COSTLY if costs(self.surroundings.network) else 1)

    async def _renew(self) -> bool:
        """Exchange the token, once an hour at most: the cloud may go on asking meanwhile."""
        now_s = self.clock.monotonic()
        if self._renewed_s is not None and now_s - self._renewed_s < RENEW_S:
            return False
        renewed = await self.renew()
        self._renewed_s = now_s
        return renewed

    def _holds(self, hold: Hold) -> bool:
        """Say whether a heartbeat obeys: a cloud that sent a wrong rule needs one to mend it."""
        free = hold.code == "network" and not costs(self.surroundings.network)
        return hold.code in HOLDING and not free

    async def _take(self, told: Told) -> None:
        """Take over what stands beside the orders."""
        if told.server_time is not None and self.daytime.offset_s() is None:
            self.daytime.told(told.server_time)
        if told.settings is not None:
            await self.agreed.take(told.settings)
        if told.ota is not None:
            await self._keep(OTA, dict(told.ota))

    async def _keep(self, name: str, value: Any) -> None:
        known = await asyncio.to_thread(self.spool.kept, name)
        if known is None or known.value != value:
            await asyncio.to_thread(self.spool.keep, name, value)

    async def _went_well(self) -> None:
        if self._said:
            logger.info("The cloud hears heartbeats again")
        self.failures = 0
        now_s = self.clock.monotonic()
        if self._said or self._kept_s is None or now_s - self._kept_s >= KEEP_S:
            await asyncio.to_thread(self.spool.keep, UNHEARD, None)
            await asyncio.to_thread(self.spool.keep, HEARTBEAT, {"heard": True})
            self._kept_s = now_s
        self._said = ""

    async def _failed(self, error: BaseException) -> None:
        self.failures = 0 if isinstance(error, TokenRefused) else self.failures + 1
        if isinstance(error, NotTheCloud):
            self.surroundings.portal_seen()
        reason = str(error) or "no answer in time"
        before = self._said
        self._say(reason)
        if self._said == before or isinstance(error, SpoolError):
            return
        try:
            await asyncio.to_thread(self.spool.keep, UNHEARD, {"reason": reason})
        except SpoolError as failure:
            logger.warning("Our own disk fails", extra={"reason": str(failure)})

    def _say(self, reason: str) -> None:
        if reason != self._said:
            logger.warning("The cloud hears no heartbeat", extra={"reason": reason})
            self._said = reason

    async def _pause(self, seen: int, asked_s: float | None) -> None:
        """Wait for the next one: at least what the cloud asked for, at most until the bell."""
        fraction = random.random()  # noqa: S311 - jitter
        if asked_s is not None:
            wait_s = asked_s + fraction * LEAST_S
            self.pulse.rest(wait_s)
            await self.clock.sleep(wait_s)
            return
        wait_s = self.period_s() * (1 - JITTER + 2 * JITTER * fraction)
        if self.failures:
            wait_s = max(wait_s, BACK_OFF.delay_s(self.failures, fraction))
        self.pulse.rest(wait_s)
        await self.clock.sleep(min(LEAST_S, wait_s))
        if wait_s > LEAST_S:
            await first_of(self.clock.sleep(wait_s - LEAST_S), self.due.after(seen))


@cache
def _version() -> str:
    return version("fieldpost")


def _asked_s(error: BaseException) -> float | None:
    return error.retry_after_s if isinstance(error, CloudThrottled | CloudUnwell) else None
