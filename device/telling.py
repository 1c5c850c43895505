"""Telling: the service manager's status line and those who listen learn what changed."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from device.control.actions import Actions
from device.control.hub import Hub
from device.errors import FieldpostError
from device.notify import notify
from device.pulse import Pulse
from device.words import count, size

logger = logging.getLogger(__name__)

LATEST_S = 60.0
"""Without any change it is told this often: a pause ends, a disk fills."""
WATCHED_S = 5.0
"""The same while somebody looks: what was sent today grows, the policy changes its mind."""


@dataclass(kw_only=True)
class Telling:
    """One loop. What it cannot find out now it tells later."""

    actions: Actions
    hub: Hub
    pulse: Pulse

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            self.pulse.beat()
            try:
                status = await self.actions.status()
            except FieldpostError as error:
                logger.debug("The status is not known", extra={"reason": str(error)})
            else:
                notify(f"STATUS={line(status)}")
                self.hub.tell("status", status)
            within_s = WATCHED_S if self.hub.watched else LATEST_S
            self.pulse.rest(within_s)
            await self.hub.news(within_s)


def line(status: Mapping[str, Any]) -> str:
    """Write a status in one line: what moves, and what waits."""
    ways = [each["direction"] for each in status["transfers"]]
    moving = [
        f"{ways.count(way)} {said}"
        for way, said in (("pull", "pulling"), ("upload", "uploading"))
        if way in ways
    ]
    backlog = status["backlog"]
    if not backlog["recordings"]:
        return "; ".join([*moving, "nothing waits"])
    many = count(backlog["recordings"], "recording")
    waits = f"{many} to carry, {size(backlog['bytes'])}"
    if status["warnings"]:
        waits += f"; {count(len(status['warnings']), 'warning')}: fieldpost status"
    return "; ".join([*moving, waits])
