"""Surroundings that a test arranges."""

from device.bell import Bell
from device.surroundings import NetworkState, PowerState
from tests.fakes.clock import FakeClock


class FakeSurroundings:
    """Tells what it is set to; `looks` counts who asked, `met` is what uploads told."""

    def __init__(self, network: NetworkState | None = None, power: PowerState | None = None):
        self.network = network or NetworkState()
        self.power = power or PowerState()
        self.changed = Bell()
        self.looks = 0
        self.met: list[str] = []
        self.clock = FakeClock()

    def set(self, network: NetworkState | None = None, power: PowerState | None = None) -> None:
        """Change what is seen, and ring if that is a change."""
        before = self.network, self.power
        self.network, self.power = network or self.network, power or self.power
        if before != (self.network, self.power):
            self.changed.ring()

    async def run(self) -> None:
        while True:
            await self.clock.sleep(1.0)

    async def look(self) -> None:
        self.looks += 1

    def portal_seen(self) -> None:
        self.met.append("portal")

    def reached(self) -> None:
        self.met.append("cloud")
