"""How recorders fare: the last that was heard of them, and why visits fail."""

from device.model import LastSeen, Unreached
from device.spool import last_seen
from device.spool.holding import Holding


class Sightings(Holding):
    """See `Spool`: what visits leave behind."""

    def save_last_seen(self, seen: LastSeen) -> None:
        """Keep the last that was heard of a recorder, in place of what was kept before."""
        self._journal.run(last_seen.save, seen)

    def save_unreached(self, unreached: Unreached) -> None:
        """Keep why visits to a URL fail, in place of what was kept before."""
        self._journal.run(last_seen.save_unreached, unreached)

    def save_reached(self, url: str) -> None:
        """Keep that visits to a URL do not fail any more."""
        self._journal.run(last_seen.save_reached, url)

    def unreached(self, url: str) -> Unreached | None:
        """Look up why visits to a URL fail; None: they do not, or it was not visited."""
        return next((each for each in self._reader.unreached() if each.url == url), None)
