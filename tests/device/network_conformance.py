"""What every Surroundings must do, run over every implementation.

A test module subclasses `SurroundingsConformance` and gives an async fixture `stage` that yields a
`Stage` with a network over Wi-Fi at -60 dBm and no battery.
"""

import asyncio
from contextlib import asynccontextmanager
from typing import Protocol

import pytest

from device.network import ANEW_S, PORTAL_S, SETTLE_S, Surroundings
from device.surroundings import Connectivity, NetworkKind, PowerState
from tests.fakes.clock import FakeClock

DEADLINE_S = 10.0


class Stage(Protocol):
    """Surroundings, and hands on what they look at."""

    surroundings: Surroundings
    clock: FakeClock

    async def wifi(self, level_dbm: int) -> None:
        """Be on Wi-Fi (`wlan0`), heard this well."""
        ...

    async def cable(self) -> None:
        """Be on a cable (`eth0`)."""
        ...

    async def nothing(self) -> None:
        """Lose every way out."""
        ...

    async def battery(self, percent: int, *, charging: bool) -> None:
        """Have a battery."""
        ...


@asynccontextmanager
async def running(stage: Stage):
    """Let it run, from after its first look on."""
    surroundings = stage.surroundings
    async with asyncio.TaskGroup() as group:
        task = group.create_task(surroundings.run())
        await asleep(stage.clock)
        yield surroundings
        task.cancel()


async def asleep(clock: FakeClock) -> None:
    """Wait until what runs has seen everything, and waits itself."""
    async with asyncio.timeout(DEADLINE_S):
        while not clock.sleeping:  # noqa: ASYNC110 - a fake clock tells nobody
            await asyncio.sleep(0)


async def rings(stage: Stage, seen: int) -> None:
    """Wait until a change is told. Only as long as nothing is heard does time pass."""
    surroundings = stage.surroundings
    ringing = asyncio.ensure_future(surroundings.changed.after(seen))
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not ringing.done():
                await asleep(stage.clock)
                stage.clock.advance(1.0)
                await asyncio.sleep(0)
    finally:
        ringing.cancel()


async def told(stage: Stage, seen: int) -> None:
    """Wait for a change that only a signal can tell of: no time passes but for it to settle."""
    ringing = asyncio.ensure_future(stage.surroundings.changed.after(seen))
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not ringing.done():
                if (stage.clock.due_s or ANEW_S) <= SETTLE_S:
                    stage.clock.advance(SETTLE_S)
                await asyncio.sleep(0)
    finally:
        ringing.cancel()


class SightConformance:
    """What is seen and told. Every test takes `stage: Stage`."""

    @pytest.mark.asyncio
    async def test_a_look_sees_the_network(self, stage: Stage):
        """After a look it is known what carries the way out, and how well."""
        await stage.surroundings.look()
        network = stage.surroundings.network

        assert (NetworkKind.WIFI, "wlan0", -60) == (
            network.kind,
            network.interface,
            network.signal_dbm,
        )

    @pytest.mark.asyncio
    async def test_the_same_again_does_not_ring(self, stage: Stage):
        """Nobody is woken for nothing."""
        await stage.surroundings.look()
        seen = stage.surroundings.changed.count
        await stage.surroundings.look()

        assert seen == stage.surroundings.changed.count

    @pytest.mark.asyncio
    async def test_no_way_out(self, stage: Stage):
        """Without any way out nothing can be reached, and that is known."""
        await stage.nothing()
        await stage.surroundings.look()
        network = stage.surroundings.network

        assert (None, Connectivity.NONE) == (network.kind, network.connectivity)

    @pytest.mark.asyncio
    async def test_a_network_that_comes_is_told(self, stage: Stage):
        """Who sleeps out a back-off is woken when there is a way out again."""
        await stage.nothing()
        async with running(stage) as surroundings:
            seen = surroundings.changed.count
            await stage.cable()
            await rings(stage, seen)
            while surroundings.network.kind is None:
                await rings(stage, surroundings.changed.count)

        assert NetworkKind.ETHERNET is surroundings.network.kind

    @pytest.mark.asyncio
    async def test_a_network_that_goes_is_told(self, stage: Stage):
        """A way out that is lost is told as well."""
        async with running(stage) as surroundings:
            seen = surroundings.changed.count
            await stage.nothing()
            await rings(stage, seen)

        assert surroundings.network.kind is None

    @pytest.mark.asyncio
    async def test_a_look_while_it_runs(self, stage: Stage):
        """A look beside a run sees what is now, and leaves the run alive."""
        async with running(stage) as surroundings:
            await stage.battery(50, charging=False)
            await surroundings.look()
            first = surroundings.power
            seen = surroundings.changed.count
            await stage.battery(49, charging=False)
            await rings(stage, seen)

        assert (50, 49) == (first.battery_percent, surroundings.power.battery_percent)

    @pytest.mark.asyncio
    async def test_no_battery(self, stage: Stage):
        """A box without a battery has nothing to say of one."""
        await stage.surroundings.look()

        assert PowerState() == stage.surroundings.power

    @pytest.mark.asyncio
    @pytest.mark.parametrize("charging", [True, False])
    async def test_a_battery(self, stage: Stage, charging):
        """A battery tells how full it is and whether it fills."""
        await stage.battery(37, charging=charging)
        await stage.surroundings.look()

        assert PowerState(battery_percent=37, charging=charging) == stage.surroundings.power

    @pytest.mark.asyncio
    async def test_it_may_run_again(self, stage: Stage):
        """A run that was cancelled leaves nothing open and can be started anew."""
        async with running(stage):
            pass
        await stage.cable()
        async with running(stage) as surroundings:
            assert NetworkKind.ETHERNET is surroundings.network.kind

    @pytest.mark.asyncio
    async def test_two_look_at_once(self, stage: Stage):
        """Who looks at the same time as another one sees the same."""
        look = stage.surroundings.look
        await asyncio.gather(look(), look(), look())

        assert (NetworkKind.WIFI, -60) == (
            stage.surroundings.network.kind,
            stage.surroundings.network.signal_dbm,
        )

    @pytest.mark.asyncio
    async def test_a_run_follows_a_look(self, stage: Stage):
        """Who looked once, and then lets it run, sees the same."""
        await stage.surroundings.look()
        before = stage.surroundings.network
        async with running(stage) as surroundings:
            assert before == surroundings.network


class SurroundingsConformance(SightConformance):
    """And how much of it is told, and what uploads meet."""

    @pytest.mark.asyncio
    async def test_a_first_look_rings(self, stage: Stage):
        """Who waits for a network is told that one was found."""
        await stage.surroundings.look()

        assert 1 == stage.surroundings.changed.count

    @pytest.mark.asyncio
    async def test_a_signal_that_wavers_is_seen_and_not_told(self, stage: Stage):
        """A few decibels up or down wake nobody, but are there for who asks."""
        await stage.surroundings.look()
        seen = stage.surroundings.changed.count
        await stage.wifi(-64)
        await stage.surroundings.look()

        assert (seen, -64) == (
            stage.surroundings.changed.count,
            stage.surroundings.network.signal_dbm,
        )

    @pytest.mark.asyncio
    async def test_a_signal_that_falls_is_told(self, stage: Stage):
        """A signal that gets much weaker is told at once."""
        await stage.surroundings.look()
        seen = stage.surroundings.changed.count
        await stage.wifi(-70)
        await stage.surroundings.look()

        assert seen + 1 == stage.surroundings.changed.count

    @pytest.mark.asyncio
    async def test_a_portal_that_uploads_met_is_known(self, stage: Stage):
        """When somebody else's page answered, that is what the network is."""
        await stage.surroundings.look()
        seen = stage.surroundings.changed.count
        stage.surroundings.portal_seen()

        assert (seen + 1, Connectivity.PORTAL) == (
            stage.surroundings.changed.count,
            stage.surroundings.network.connectivity,
        )

    @pytest.mark.asyncio
    async def test_a_portal_is_over_when_the_cloud_answers(self, stage: Stage):
        """Somebody has signed in: what is known is what it was before."""
        await stage.surroundings.look()
        before = stage.surroundings.network
        stage.surroundings.portal_seen()
        stage.surroundings.reached()

        assert before == stage.surroundings.network

    @pytest.mark.asyncio
    async def test_a_portal_is_forgotten_after_a_while(self, stage: Stage):
        """Nobody tells when a portal lets through, so who waits is woken to try again."""
        async with running(stage) as surroundings:
            before = surroundings.network
            # In the midst of its own looking at everything anew.
            stage.clock.advance(ANEW_S / 2)
            await asleep(stage.clock)
            surroundings.portal_seen()
            seen = surroundings.changed.count
            began_s = stage.clock.monotonic()
            await rings(stage, seen)
            waited_s = stage.clock.monotonic() - began_s

        assert (before, PORTAL_S) == (surroundings.network, pytest.approx(waited_s, abs=1.0))

    @pytest.mark.asyncio
    async def test_a_portal_stays_behind(self, stage: Stage):
        """Another network is not behind the portal of the last one."""
        await stage.surroundings.look()
        stage.surroundings.portal_seen()
        await stage.cable()
        await stage.surroundings.look()

        assert Connectivity.PORTAL is not stage.surroundings.network.connectivity
