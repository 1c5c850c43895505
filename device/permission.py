"""Permission: asks the policy before anything leaves, with how things stand at this moment."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from device.clock import Clock
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

    def __init__(  # noqa: PLR0913 - each is a source of its own
        self,
        *,
        ledger: Ledger,
        clock: Clock,
        daytime: Daytime,
        settings: Callable[[], SendSettings],
        network: Callable[[], NetworkState],
        power: Callable[[], PowerState],
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._daytime = daytime
        self._settings = settings
        self._network = network
        self._power = power
        self._given: list[Leave] = []

    def told(self, next_bytes: int = 0) -> Send | Hold:
        """Ask whether so many bytes may leave; 0 asks of the surroundings alone.

        What has leave already stands in the way of further bytes only: it is counted as it goes,
        and until the other side has acknowledged it twice, as spoken for and as gone.

        `until` of the answer is by the box's own clock, wrong as it may be: that is what waits by.
        """
        spoken_for = sum(each.left_bytes for each in self._given) if next_bytes else 0
        now = self._daytime.now()
        standing = Standing(
            network=self._network(),
            power=self._power(),
            now=now,
            used_bytes=self._ledger.used_bytes() + spoken_for,
        )
        told = decide(standing, self._settings(), next_bytes)
        if told.until is None or now is None:
            return told
        return replace(told, until=self._clock.now() + (told.until - now))

    @contextmanager
    def leave(self, next_bytes: int) -> Iterator[Leave]:
        """Let one request go, and hold its bytes against the limit while it is on its way.

        Raises:
            Held: The policy says no.
        """
        told = self.told(next_bytes)
        if isinstance(told, Hold):
            raise Held(told.code, told.reason, told.until, next_bytes)
        given = Leave(next_bytes)
        self._given.append(given)
        try:
            yield given
        finally:
            self._given.remove(given)
