"""Media that were just made: their bytes come next, and need no look-up."""

import time
from collections.abc import Callable, Iterable

from gateway.model import Medium

KEPT_S = 60.0
"""How long a medium is given without a look at the database."""

_MOST = 1024


class JustMade:
    """Media as this process wrote them, each given once.

    Asked only where bytes go through the gateway: into a folder, from which one process serves.
    Nobody can send bytes of one before it is kept here; what changes it afterwards drops it. And
    `Recordings.finish_medium` looks at the row itself: what another process did is noticed there.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._media: dict[str, tuple[Medium, float]] = {}

    def keep(self, media: Iterable[Medium]) -> None:
        """Remember media that were just made."""
        now_s = self._monotonic()
        if len(self._media) >= _MOST:
            self._media.clear()
        self._media.update((medium.id, (medium, now_s)) for medium in media)

    def take(self, medium_id: str) -> Medium | None:
        """Give a medium and forget it; None if it is not remembered, or was for too long."""
        kept = self._media.pop(medium_id, None)
        return None if kept is None or self._monotonic() - kept[1] >= KEPT_S else kept[0]

    def drop(self, media_ids: Iterable[str]) -> None:
        """Forget media that something else happened to."""
        for medium_id in media_ids:
            self._media.pop(medium_id, None)
