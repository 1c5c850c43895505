"""Seams of what operators look at: the fleet, what changed, and how audio looks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.core.fleet import Standing
from gateway.core.watching import Changed, Seen, Waves


class Fleet(Protocol):
    """All devices and how they stand."""

    async def page(self, limit: int, offset: int) -> list[Standing]:
        """List devices, oldest first."""
        ...


class Changes(Protocol):
    """What changed of what no event tells."""

    async def now(self) -> Seen:
        """Say up to where everything is known to whoever looks from now on."""
        ...

    async def since(self, seen: Seen, limit: int) -> Changed:
        """Say what changed after `seen`, `limit` of each kind at most, and what is seen then."""
        ...


class Waveforms(Protocol):
    """How audio looks, as it was once decoded."""

    async def known(self, medium_ids: Sequence[str]) -> dict[str, Waves]:
        """Look up by medium; the caller sees whether it is of the same bytes."""
        ...

    async def keep(self, medium_id: str, waves: Waves, at: datetime) -> None:
        """Keep what was decoded, in place of what was; nothing where the medium is gone."""
        ...
