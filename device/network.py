"""The Surroundings seam: the network the box is on and the power it has, and when they change."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from device.bell import Bell
from device.clock import Clock
from device.core.surroundings.change import worth_telling
from device.network_bus import SystemBus
from device.network_probe import Probe
from device.network_services import LISTENED, Services
from device.surroundings import Connectivity, NetworkKind, NetworkState, PowerState

ANEW_S = 60.0
"""How often everything is looked at anew; a signal that got lost costs no more than this."""

ROUTES_S = 5.0
"""How often the kernel's routes are read where no NetworkManager tells of changes."""

SETTLE_S = 0.5
"""How long news are let settle: NetworkManager has a network before it knows what that costs."""

PORTAL_S = 60.0
"""How long a portal that somebody met is believed in: nobody tells when it lets through."""


class Surroundings(Protocol):
    """What surrounds the box. Everything is unknown until the first look."""

    changed: Bell
    """Rings when `network` or `power` became different in a way that somebody may act on."""

    @property
    def network(self) -> NetworkState:
        """The way out, as last seen."""
        ...

    @property
    def power(self) -> PowerState:
        """The box's own battery, as last seen."""
        ...

    async def run(self) -> None:
        """Keep looking until cancelled."""
        ...

    async def look(self) -> None:
        """Look now, beside a `run` or without one. Bounded; never raises for what is not there."""
        ...

    def portal_seen(self) -> None:
        """Tell that somebody else's page answered in place of the cloud."""
        ...

    def reached(self) -> None:
        """Tell that the cloud itself answered."""
        ...


def open_surroundings(
    clock: Clock, *, bus_address: str | None = None, root: Path = Path("/")
) -> Surroundings:
    """Return surroundings that take what each service says, and look themselves where one lacks.

    Args:
        clock: Paces the looking.
        bus_address: The system bus, by default where the system says that it is.
        root: Where /proc and /sys are.
    """
    return Lookout(clock, bus_address=bus_address, root=root)


class Lookout:
    """Looks through D-Bus where there are services, and at the kernel's files where not."""

    def __init__(self, clock: Clock, *, bus_address: str | None, root: Path) -> None:
        self.network = NetworkState()
        self.power = PowerState()
        self.changed = Bell()
        self._clock = clock
        self._news = Bell()
        self._bus = SystemBus(LISTENED, self._news, bus_address)
        self._probe = Probe(root)
        self._services = Services(self._bus, self._kind_of)
        self._looking = asyncio.Lock()
        self._running = False
        self._anew_at = 0.0
        self._tells_changes = False
        self._seen = NetworkState()
        self._portal: tuple[str | None, float] | None = None
        self._told = (self.network, self.power)
        self._told_at = clock.monotonic()

    async def run(self) -> None:
        """See `Surroundings.run`."""
        self._running = True
        self._anew_at = self._clock.monotonic()  # a look before this left no connection
        try:
            while True:
                heard = self._news.count
                async with self._looking:
                    await self._look(anew=self._clock.monotonic() >= self._anew_at)
                await self._pause(heard)
        finally:
            self._running = False
            await self._bus.aclose()

    async def look(self) -> None:
        """See `Surroundings.look`."""
        async with self._looking:
            try:
                await self._look(anew=True)
            finally:
                if not self._running:
                    await self._bus.aclose()

    def portal_seen(self) -> None:
        """See `Surroundings.portal_seen`."""
        self._portal = (self._seen.interface, self._clock.monotonic() + PORTAL_S)
        self._publish(self.power)
        self._news.ring()

    def reached(self) -> None:
        """See `Surroundings.reached`."""
        self._portal = None
        self._publish(self.power)

    async def _look(self, *, anew: bool) -> None:
        if anew:
            self._anew_at = self._clock.monotonic() + ANEW_S
            self._bus.forget()
            await self._bus.connect()
        said = await self._services.network()
        self._tells_changes = said is not None
        seen = said if said is not None and said.kind else await self._probed()
        self._seen = _priced(seen, self._seen, told=said is not None)
        power = await self._services.power()
        if power is None:
            power = await asyncio.to_thread(self._probe.power)
        self._publish(power)

    async def _probed(self) -> NetworkState:
        state = await asyncio.to_thread(self._probe.network)
        if state.kind is NetworkKind.CELLULAR:
            return await self._services.mobile(state)
        return state

    async def _kind_of(self, interface: str) -> NetworkKind:
        return await asyncio.to_thread(self._probe.kind, interface)

    def _publish(self, power: PowerState) -> None:
        now_s = self._clock.monotonic()
        self.network, self.power = self._with_portal(now_s), power
        network_told, power_told = self._told
        if power != power_told or worth_telling(network_told, self.network, now_s - self._told_at):
            self._told, self._told_at = (self.network, power), now_s
            self.changed.ring()

    def _with_portal(self, now_s: float) -> NetworkState:
        """Return what was seen, with the portal that somebody met on this very interface."""
        if self._portal is None:
            return self._seen
        interface, until_s = self._portal
        guessed = self._seen.connectivity in {Connectivity.FULL, Connectivity.UNKNOWN}
        if now_s >= until_s or interface != self._seen.interface:
            self._portal = None
        elif guessed:
            return replace(self._seen, connectivity=Connectivity.PORTAL)
        return self._seen

    async def _pause(self, heard: int) -> None:
        """Wait for news, or for as long as nothing needs another look."""
        due_s = self._anew_at - self._clock.monotonic()
        if not self._tells_changes:
            due_s = min(due_s, ROUTES_S)
        if self._portal is not None:
            due_s = min(due_s, self._portal[1] - self._clock.monotonic())
        due = asyncio.create_task(self._clock.sleep(max(due_s, 0.0)), name="due")
        rung = asyncio.create_task(self._news.after(heard), name="news")
        try:
            await asyncio.wait((due, rung), return_when=asyncio.FIRST_COMPLETED)
        finally:
            due.cancel()
            rung.cancel()
            await asyncio.gather(due, rung, return_exceptions=True)
        if self._news.count > heard:
            await self._clock.sleep(SETTLE_S)


def _priced(seen: NetworkState, before: NetworkState, *, told: bool) -> NetworkState:
    """Keep what a network costs while nobody can tell: it costs no less when a service restarts.

    Args:
        seen: The network now.
        before: The network before; another one's price says nothing.
        told: Whether NetworkManager told of it.
    """
    if seen.kind is None or (seen.kind, seen.interface) != (before.kind, before.interface):
        return seen
    return replace(
        seen,
        metered=seen.metered if told else before.metered,
        roaming=before.roaming if seen.roaming is None else seen.roaming,
    )
