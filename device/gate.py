"""Gate: when anything may go up at all, whatever recording it is."""

import asyncio
import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from device.clock import Clock
from device.core.retry import Retry
from device.model import Wait
from device.spool.spool import Spool

NETWORK = Retry(first_s=1, factor=2, max_s=300)
SERVER = Retry(first_s=5, factor=2, max_s=3600)
COURTESY = Retry(first_s=1, factor=2, max_s=60)
"""What a cloud gets that keeps asking for no time, or for less than this."""
TOKEN_POLL_S = 60.0
"""A refused token is tried again this often: its file may have been replaced."""

TOKEN_GATE = "token"  # noqa: S105 - the name of a cool-down, not a secret


@dataclass(kw_only=True)
class Gate:
    """One way to one cloud. `failures` counts those in a row that brought nothing.

    What the cloud itself asked for is kept in the spool, across restarts; the rest in memory. Every
    method that shuts the gate returns when it opens again, by the wall clock.
    """

    spool: Spool
    clock: Clock
    origin: str
    failures: int = 0
    _until_s: float = 0.0
    """By the monotonic clock."""

    @property
    def shut(self) -> bool:
        """Whether memory alone says that nothing may start now."""
        return self._until_s > self.clock.monotonic()

    async def begin(self) -> None:
        """Forget that an earlier run's token was refused: it may have been replaced since."""
        await asyncio.to_thread(self.spool.save_cooldown, TOKEN_GATE, None, "")

    async def left_s(self) -> tuple[float, Wait | None]:
        """Return the seconds until it opens (0 or less: open), and what the cloud asked for."""
        asked = await asyncio.to_thread(self.spool.cooldown, self.origin)
        left_s = self._until_s - self.clock.monotonic()
        if asked is not None and asked.until is not None:
            left_s = max(left_s, (asked.until - self.clock.now()).total_seconds())
        return left_s, asked

    def hurry(self) -> None:
        """Forget our own pause, not what the cloud asked for."""
        self._until_s = 0.0

    async def token_refused(self, reason: str) -> datetime:
        """Shut for all until the token is looked at again."""
        self._until_s = self.clock.monotonic() + TOKEN_POLL_S
        until = self.clock.now() + timedelta(seconds=TOKEN_POLL_S)
        await asyncio.to_thread(self.spool.save_cooldown, TOKEN_GATE, until, reason)
        return until

    async def asked(self, asked_s: float, reason: str) -> datetime:
        """Shut for as long as the cloud asked, and a little longer if it keeps asking."""
        self.failures += 1
        own_s = COURTESY.delay_s(self.failures, random.random())  # noqa: S311 - jitter
        until = self.clock.now() + timedelta(seconds=max(asked_s, own_s))
        await asyncio.to_thread(self.spool.save_cooldown, self.origin, until, reason)
        return until

    def failed(self, policy: Retry) -> datetime:
        """Shut because the way to the cloud fails; what two workers meet at once counts once."""
        left_s = self._until_s - self.clock.monotonic()
        if left_s <= 0:
            self.failures += 1
            left_s = policy.delay_s(self.failures, random.random())  # noqa: S311 - jitter
            self._until_s = self.clock.monotonic() + left_s
        return self.clock.now() + timedelta(seconds=left_s)

    def disk_failed(self) -> float:
        """Shut because our own disk takes nothing, not even a reason; return for how long."""
        self.failures += 1
        delay_s = NETWORK.delay_s(self.failures, random.random())  # noqa: S311 - jitter
        self._until_s = max(self._until_s, self.clock.monotonic() + delay_s)
        return delay_s
