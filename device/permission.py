"""Permission: asks the policy before anything leaves, with how things stand at this moment."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from device.core.policy import Hold, Send, Standing, decide
from device.daytime import Daytime
from device.errors import Held
from device.ledger import Ledger
from device.settings import SendSettings
from device.surroundings import NetworkState, PowerState


class Leave:
    """Leave for one request: what of its body has not left yet is spoken for."""

    def __init__(self, next_bytes: int) -> None:
        self.left_bytes = next_bytes
        self._whole_bytes = next_bytes

    def moved(self, now_bytes: int) -> None:
        """Take note of how much of the body has left."""
        self.left_bytes = max(0, self._whole_bytes - now_bytes)


class Permission:
    """Says whether bytes may leave. The sources are asked anew each time."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        daytime: Daytime,
        settings: Callable[[], SendSettings],
        network: Callable[[], NetworkState],
        power: Callable[[], PowerState],
    ) -> None:
        self._ledger = ledger
        self._daytime = daytime
        self._settings = settings
        self._network = network
        self._power = power
        self._given: list[Leave] = []

    def told(self, next_bytes: int = 0) -> Send | Hold:
        """Ask whether so many bytes may leave; 0 asks of the surroundings alone."""
        spoken_for = sum(each.left_bytes for each in self._given)
        standing = Standing(
            network=self._network(),
            power=self._power(),
            now=self._daytime.now(),
            used_bytes=self._ledger.used_bytes() + spoken_for,
        )
        return decide(standing, self._settings(), next_bytes)

    @contextmanager
    def leave(self, next_bytes: int) -> Iterator[Leave]:
        """Let one request go, and hold its bytes against the limit while it is on its way.

        Raises:
            Held: The policy says no.
        """
        told = self.told(next_bytes)
        if isinstance(told, Hold):
            raise Held(told.code, told.reason, told.until)
        given = Leave(next_bytes)
        self._given.append(given)
        try:
            yield given
        finally:
            self._given.remove(given)
