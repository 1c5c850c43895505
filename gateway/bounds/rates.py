"""How many requests a caller may make in a minute, whatever processes answer them.

Each process takes a slice of a caller's minute from the database and spends it by itself: a limit
holds in sum without a write per request. What a process took and did not spend is lost to the
others until the minute is over, so they may refuse a little early, and never late.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from device.clock import Clock
from gateway.config_bounds import BoundsConfig
from gateway.errors import RateLimited
from gateway.model import Caller, DeviceCaller
from gateway.store.bounds import Rates
from gateway.store.rates import window_of

WINDOW_S = 60
_SLICES = 10


class Counted(StrEnum):
    """Which of a caller's limits a request counts against: one of them, never both."""

    CALLS = "calls"
    UPLOAD_URLS = "upload URLs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What a caller has of a minute after a request; `resets_s` is its end in Unix seconds."""

    limit: int
    remaining: int
    resets_s: int
    refused_for_s: int | None = None

    def headers(self) -> dict[str, str]:
        """Write it as clients of the Bota API read it."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.resets_s),
        }

    def check(self) -> None:
        """Let the request pass.

        Raises:
            RateLimited: It was one too many.
        """
        if self.refused_for_s is not None:
            raise RateLimited(
                f"more than {self.limit} requests within {WINDOW_S} s; "
                f"try again in {self.refused_for_s} s",
                headers={"Retry-After": str(self.refused_for_s)},
            )


@dataclass(slots=True)
class _Held:
    """What this process holds of a caller's minute, and what was left for all when it looked."""

    begins_s: int
    left: int
    own: int = 0
    taking: asyncio.Lock = field(default_factory=asyncio.Lock)


class RateGate:
    """Spends callers' minutes for one process; holds the callers of the present minute."""

    def __init__(self, rates: Rates, clock: Clock, limits: BoundsConfig) -> None:
        self._rates = rates
        self._clock = clock
        self._limits = limits
        self._begins_s = 0
        self._held: dict[str, _Held] = {}

    async def spend(self, caller: Caller, counted: Counted) -> Allowance | None:
        """Count one request; None where the caller has no limit."""
        limit = self._limit(caller, counted)
        if limit == 0:
            return None
        now = self._clock.now()
        begins_s = window_of(now, WINDOW_S).start
        if begins_s != self._begins_s:
            self._held = {}
            self._begins_s = begins_s
        subject = caller.subject if counted is Counted.CALLS else f"{caller.subject} urls"
        held = self._held.get(subject)
        if held is None:
            held = self._held[subject] = _Held(begins_s, limit)
        if not held.own and held.left:
            await self._take(subject, held, limit, now)
        resets_s = held.begins_s + WINDOW_S
        if not held.own:
            wait_s = max(1, resets_s - int(now.timestamp()))
            return Allowance(limit=limit, remaining=0, resets_s=resets_s, refused_for_s=wait_s)
        held.own -= 1
        return Allowance(limit=limit, remaining=held.own + held.left, resets_s=resets_s)

    async def _take(self, subject: str, held: _Held, limit: int, now: datetime) -> None:
        """Take a slice, unless another request takes one meanwhile."""
        async with held.taking:
            if held.own:
                return
            want = max(1, limit // _SLICES)
            grant = await self._rates.take(
                subject, at=now, window_s=WINDOW_S, limit=limit, want=want
            )
            held.own, held.left = grant.count, grant.left

    def _limit(self, caller: Caller, counted: Counted) -> int:
        limits = self._limits
        if isinstance(caller, DeviceCaller):
            return limits.device_per_min if counted is Counted.CALLS else limits.device_urls_per_min
        return limits.key_per_min if counted is Counted.CALLS else limits.key_urls_per_min
