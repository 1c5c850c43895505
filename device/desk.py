"""Desk: does what is asked of the agent over its control socket."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from device.config import Config
from device.control.hub import Hub
from device.core import lifecycle
from device.crew import Crew
from device.documents.plain import plain
from device.documents.status import status_object
from device.documents.surroundings import live_object
from device.errors import IllegalMove
from device.glance import glance
from device.model import Entry, EntryId
from device.parts import Parts
from device.release import KEEP
from device.survey import chosen

logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Desk:
    """The agent's `Actions`."""

    parts: Parts
    crew: Crew
    hub: Hub
    reread: Callable[[], Config]
    _reloading: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def status(self) -> dict[str, Any]:
        """See `Actions.status`."""
        config = self.parts.config
        daytime = regime.daytime if (regime := self.crew.regime) is not None else None
        today = daytime.now() if daytime is not None else None
        seen = await asyncio.to_thread(
            glance, config, self.parts.clock.now(), day=today and today.date()
        )
        if regime is not None:  # the spool learns of small sums after minutes
            seen = replace(seen, spent=await regime.ledger.spent(seen.day))
        live = live_object(
            self.hub.transfers(),
            self.hub.upload_rate(),
            self.parts.surroundings.network,
            self.parts.surroundings.power,
            daytime.offset_s() if daytime is not None else None,
        )
        sending = {each.id for each in seen.moving if self.crew.sends(each.id)}
        return plain(await asyncio.to_thread(status_object, seen, config, live, sending=sending))

    async def wake(self) -> None:
        """See `Actions.wake`."""
        await self.crew.wake()

    async def pull(self, recorder: str | None) -> Sequence[str]:
        """See `Actions.pull`."""
        wanted = chosen(self.parts.config, recorder)
        self.crew.call(recorder)
        return [each.url for each in wanted]

    async def requeue(self, entry: EntryId) -> tuple[Entry, Entry]:
        """See `Actions.requeue`."""
        if self.crew.sends(entry):
            raise IllegalMove(f"{entry} is going up at this moment")
        before = await asyncio.to_thread(self.parts.spool.entry, entry)
        requeued = await asyncio.to_thread(self.parts.spool.requeue, entry)
        self.parts.progress.moved(requeued)
        self.parts.sealed.ring()
        self.crew.call(None)  # what is pulled anew waits for a visit
        return before, requeued

    async def release(self, entry: EntryId) -> Entry:
        """See `Actions.release`."""
        held = await asyncio.to_thread(self.parts.spool.entry, entry)
        if (complaint := lifecycle.unreleasable(held)) is not None:
            raise IllegalMove(f"{entry} {complaint}")
        recorder = self.crew.recorder_of(held)
        if recorder is not None and recorder.release == KEEP:
            raise IllegalMove(
                f"{entry} stays on its recorder: release = keep is configured for {recorder.url}"
            )
        await asyncio.to_thread(self.parts.spool.save_wait, entry, None, attempts=held.attempts)
        self.crew.release(held)
        return await asyncio.to_thread(self.parts.spool.entry, entry)

    async def reload(self) -> Sequence[str]:
        """See `Actions.reload`."""
        async with self._reloading:
            logger.info("Reading the configuration again")
            config = await asyncio.to_thread(self.reread)
            changed = await self.crew.change(config)
        logger.info("Configuration read", extra={"changed": ", ".join(changed) or "nothing"})
        self.hub.stir()
        return changed
