"""Whereabouts: keeps in the spool how a recorder fares, and since when it is out of reach."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import ParamSpec

from device.clock import Clock
from device.core.last_seen import differs
from device.errors import SpoolError
from device.model import LastSeen, RecorderInfo, Unreached
from device.spool.spool import Spool

P = ParamSpec("P")

logger = logging.getLogger(__name__)

RENEW_S = 600.0
"""What has not changed is written this often, so that `status` can say when it was last so."""
REWORD_S = 60.0
"""Another sentence about the same absence is written this often at most."""
PROMPT_WRITES = 8
"""So many differences are written at once within `RENEW_S`; of a recorder that is never the same
the later ones are, like another sentence, every `REWORD_S`."""
AGAIN = 2
"""Failures in a row from which a recorder counts as out of reach: one alone is soon made good."""


@dataclass(kw_only=True)
class Whereabouts:
    """What one visitor tells the spool about its recorder: seldom, to spare SD cards.

    No method raises: a visit goes on, whatever becomes of this.
    """

    url: str
    spool: Spool
    clock: Clock
    _kept: LastSeen | None = field(default=None, init=False)
    _kept_s: float = field(default=0.0, init=False)
    _writes_s: deque[float] = field(default_factory=lambda: deque(maxlen=PROMPT_WRITES), init=False)
    """When the last ones were."""
    _latest: LastSeen | None = field(default=None, init=False)
    _failing_since: datetime | None = field(default=None, init=False)
    _unreached: Unreached | None = field(default=None, init=False)
    _unreached_s: float = field(default=0.0, init=False)
    _asked: bool = field(default=False, init=False)
    """Whether the spool was asked what an earlier run left of `_unreached`."""

    async def saw(self, info: RecorderInfo) -> None:
        """Take what the recorder tells; written when an operator would see a difference."""
        self._latest = LastSeen(info=info, url=self.url, seen_at=self.clock.now())
        if (
            self._kept is None
            or (_is_other(self._kept.info, info) and not self._is_restless())
            or self.clock.monotonic() - self._kept_s >= RENEW_S
        ):
            await self._keep_latest()

    async def heard(self) -> None:
        """Take it that the recorder is there still, as it was: a listing may take hours to pull."""
        if self._latest is not None:
            await self.saw(self._latest.info)

    async def reached(self) -> None:
        """Take it that the recorder gave its listing: nothing is wrong any more."""
        self._failing_since = None
        await self._ask()
        if self._unreached is not None and await self._save(self.spool.save_reached, self.url):
            self._unreached = None

    async def failed(self, problem: str, hint: str | None, failures: int) -> None:
        """Take it that a visit failed, `failures` of them in a row now."""
        self._failing_since = self._failing_since or self.clock.now()
        if failures < AGAIN:
            return
        await self._ask()
        if self._latest is not self._kept:
            await self._keep_latest()
        before = self._unreached
        since = before.since if before else self._failing_since
        now = Unreached(url=self.url, since=since, problem=problem, hint=hint)
        just_told = before and self.clock.monotonic() - self._unreached_s < REWORD_S
        if now != before and not just_told and await self._save(self.spool.save_unreached, now):
            self._unreached, self._unreached_s = now, self.clock.monotonic()

    def _is_restless(self) -> bool:
        """Whether it was written so often of late that a difference can wait."""
        now_s = self.clock.monotonic()
        often = len(self._writes_s) == PROMPT_WRITES and now_s - self._writes_s[0] < RENEW_S
        return often and now_s - self._kept_s < REWORD_S

    async def _keep_latest(self) -> None:
        latest = self._latest
        if latest is not None and await self._save(self.spool.save_last_seen, latest):
            self._kept, self._kept_s = latest, self.clock.monotonic()
            self._writes_s.append(self._kept_s)

    async def _ask(self) -> None:
        """Look once what an earlier run left: an absence goes on through restarts."""
        if self._asked:
            return
        try:
            self._unreached = await asyncio.to_thread(self.spool.unreached, self.url)
        except SpoolError as error:
            logger.warning("What is known of a recorder is lost", extra={"problem": str(error)})
        else:
            self._asked = True

    async def _save(self, save: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> bool:
        try:
            await asyncio.to_thread(save, *args, **kwargs)
        except SpoolError as error:
            logger.warning("How a recorder fares is not kept", extra={"problem": str(error)})
        except Exception:  # what a third party's driver tells may not fit into a row
            logger.exception("How a recorder fares cannot be kept", extra={"url": self.url})
        else:
            return True
        return False


def _is_other(kept: RecorderInfo, now: RecorderInfo) -> bool:
    return kept.recorder != now.recorder or differs(kept, now)
