"""Agreed settings: those of the gateway, kept across restarts, under those of this box."""

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from device.bell import Bell
from device.config import Config
from device.settings import Merged, merge

if TYPE_CHECKING:
    from device.spool.spool import Spool

logger = logging.getLogger(__name__)

SETTINGS = "settings"
"""What the spool keeps the gateway's sections under, as they came."""


class Agreed:
    """What holds now; `changed` rings when that becomes something else."""

    def __init__(self, config: Config, spool: "Spool", changed: Bell) -> None:
        self._config = config
        self._spool = spool
        self._changed = changed
        self._remote: Mapping[str, Any] = {}
        self.merged = of_config(config, {})

    async def begin(self) -> None:
        """Take up what the gateway said last, in whichever run."""
        kept = await asyncio.to_thread(self._spool.kept, SETTINGS)
        if kept is not None and isinstance(kept.value, dict):
            await self._merge(kept.value)

    async def take(self, remote: Mapping[str, Any]) -> None:
        """Take what the gateway says now, whole: what it leaves out is left to this box again.

        Raises:
            SpoolError: Our own disk does not take it; what held before still holds.
        """
        if dict(remote) == dict(self._remote):
            return
        await asyncio.to_thread(self._spool.keep, SETTINGS, dict(remote))
        before = self.merged
        await self._merge(remote)
        for sentence in self.merged.ignored:
            logger.warning("A setting of the gateway is ignored", extra={"reason": sentence})
        if self.merged.send != before.send:
            logger.info("Settings changed", extra={"settings": dict(self.merged.values)})
            self._changed.ring()

    async def _merge(self, remote: Mapping[str, Any]) -> None:
        # In a thread: a time zone is read from the disk.
        self.merged = await asyncio.to_thread(of_config, self._config, remote)
        self._remote = remote


def of_config(config: Config, remote: Mapping[str, Any]) -> Merged:
    """Merge what a configuration says with what the gateway says. May read time zones."""
    return merge(config.connection, config.upload, config.power, remote)
