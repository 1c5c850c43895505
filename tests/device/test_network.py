"""Surroundings of a box without any service: the kernel's files, and how often they are read."""

import pytest
import pytest_asyncio

from device.network import ANEW_S, ROUTES_S, open_surroundings
from device.surroundings import Connectivity, NetworkKind, NetworkState, PowerState
from tests.device.kernel_files import KernelFiles
from tests.device.network_conformance import (
    SightConformance,
    SurroundingsConformance,
    asleep,
    rings,
    running,
)
from tests.fakes.clock import FakeClock
from tests.fakes.surroundings import FakeSurroundings


class KernelStage:
    """A box on which only the kernel tells of networks."""

    def __init__(self, root) -> None:
        self.files = KernelFiles(root / "kernel")
        self.files.interface("wlan0", devtype="wlan")
        self.files.interface("eth0")
        self.files.interface("wwan0", devtype="wwan", frames=65534, state="unknown")
        self.clock = FakeClock()
        self.surroundings = open_surroundings(
            self.clock, bus_address=f"unix:path={root / 'no-bus'}", root=self.files.root
        )

    async def wifi(self, level_dbm):
        self.files.routes("wlan0")
        self.files.wireless("wlan0", f"{level_dbm}.")

    async def cable(self):
        self.files.routes("eth0")

    async def nothing(self):
        self.files.routes()

    async def battery(self, percent, *, charging):
        status = "Charging" if charging else "Discharging"
        self.files.supply("BAT0", type="Battery", capacity=percent, status=status)


@pytest_asyncio.fixture
async def stage(tmp_path):
    found = KernelStage(tmp_path)
    await found.wifi(-60)
    return found


class FakeStage:
    """Surroundings that a test arranges, arranged."""

    def __init__(self) -> None:
        self.surroundings = FakeSurroundings()
        self.clock = self.surroundings.clock

    async def wifi(self, level_dbm):
        kind = NetworkKind.WIFI
        found = NetworkState(kind=kind, interface="wlan0", signal_dbm=level_dbm)
        self.surroundings.set(found)

    async def cable(self):
        self.surroundings.set(NetworkState(kind=NetworkKind.ETHERNET, interface="eth0"))

    async def nothing(self):
        self.surroundings.set(NetworkState(connectivity=Connectivity.NONE))

    async def battery(self, percent, *, charging):
        self.surroundings.set(power=PowerState(battery_percent=percent, charging=charging))


class TestFake(SightConformance):
    """What the fake does not look for itself, it tells like the others."""

    @pytest_asyncio.fixture
    async def stage(self):
        found = FakeStage()
        await found.wifi(-60)
        return found


class TestKernel(SurroundingsConformance):
    """The suite, without a bus."""


@pytest.mark.asyncio
async def test_what_the_kernel_cannot_know_stays_unknown(stage):
    """A route says nothing of how far it reaches or of what it costs."""
    await stage.surroundings.look()
    network = stage.surroundings.network

    assert (Connectivity.UNKNOWN, None, None) == (
        network.connectivity,
        network.metered,
        network.roaming,
    )


@pytest.mark.asyncio
async def test_a_network_is_noticed_within_seconds(stage):
    """Routes are read every few seconds: nobody else tells of them."""
    await stage.nothing()
    async with running(stage) as surroundings:
        seen = surroundings.changed.count
        await stage.cable()
        began_s = stage.clock.monotonic()
        await rings(stage, seen)

        assert stage.clock.monotonic() - began_s <= ROUTES_S + 1.0


@pytest.mark.asyncio
async def test_a_signal_that_wavers_is_told_after_a_minute(stage):
    """What changed by little is told when it was not told for long."""
    async with running(stage) as surroundings:
        told_s = []
        for level_dbm in (-62, -64):
            await stage.wifi(level_dbm)
            await rings(stage, surroundings.changed.count)
            told_s.append(stage.clock.monotonic())

        assert pytest.approx([ANEW_S, 2 * ANEW_S], abs=2 * ROUTES_S) == told_s


@pytest.mark.asyncio
async def test_a_mobile_network_without_services(stage):
    """A modem that nobody manages is at least known as one."""
    stage.files.routes("wwan0")
    await stage.surroundings.look()
    network = stage.surroundings.network

    assert (NetworkKind.CELLULAR, "wwan0", None) == (
        network.kind,
        network.interface,
        network.signal_dbm,
    )


@pytest.mark.asyncio
async def test_a_portal_without_any_network_is_none(stage):
    """What was met on a network that is gone says nothing of having none."""
    await stage.surroundings.look()
    await stage.nothing()
    await stage.surroundings.look()
    stage.surroundings.portal_seen()

    assert Connectivity.NONE is stage.surroundings.network.connectivity


@pytest.mark.asyncio
async def test_everything_is_unknown_before_a_look(stage):
    """Nothing is made up: a look tells, and until then nobody can."""
    assert (None, Connectivity.UNKNOWN, 0) == (
        stage.surroundings.network.kind,
        stage.surroundings.network.connectivity,
        stage.surroundings.changed.count,
    )


@pytest.mark.asyncio
async def test_it_waits_between_looks(stage):
    """It is asleep once it has looked, however often it is woken for nothing."""
    async with running(stage) as surroundings:
        surroundings.reached()
        await asleep(stage.clock)

        assert 1 == surroundings.changed.count
