"""Seams of what operators look at: the fleet, what changed, and how audio looks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.core.fleet import Standing
from gateway.core.watching import Look, Waves


class Fleet(Protocol):
    """All devices and how they stand."""

    async def page(self, limit: int, offset: int) -> list[Standing]:
        """List devices, oldest first."""
        ...


class Changes(Protocol):
    """What changes and no event tells."""

    async def look(self, heard_after: datetime | None) -> Look:
        """Give the newest deliveries and visits, and devices heard of after a time.

        None: only the device that was heard of last, to know the time.
        """
        ...


class Waveforms(Protocol):
    """How audio looks, as it was once decoded."""

    async def known(self, medium_ids: Sequence[str], failed_after: datetime) -> dict[str, Waves]:
        """Look up by medium; failures of before that time are worth another try and left out."""
        ...

    async def keep(self, medium_id: str, waves: Waves, at: datetime) -> None:
        """Keep what was decoded, in place of what was; nothing where the medium is gone."""
        ...
