"""Surroundings as NetworkManager, ModemManager and UPower tell of them, mocked on a private bus."""

import asyncio

import pytest
import pytest_asyncio
from dbus_fast.signature import Variant

from device.network import ANEW_S, SETTLE_S
from device.surroundings import Connectivity, NetworkKind, PowerState
from tests.device.network_conformance import (
    DEADLINE_S,
    SurroundingsConformance,
    rings,
    running,
    told,
)
from tests.device.service_stage import (
    BATTERY,
    DISPLAY,
    NM,
    NM_PATH,
    ServiceStage,
)


@pytest_asyncio.fixture
async def stage(mocks, tmp_path):
    await mocks.have("networkmanager", "upower")
    found = ServiceStage(mocks, tmp_path)
    await found.arrange_network()
    await found.wifi(-60)
    return found


class TestServices(SurroundingsConformance):
    """The suite, over D-Bus."""


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("number", "meaning"),
    [
        (0, Connectivity.UNKNOWN),
        (1, Connectivity.NONE),
        (2, Connectivity.PORTAL),
        (3, Connectivity.LIMITED),
        (4, Connectivity.FULL),
        (77, Connectivity.UNKNOWN),
    ],
)
async def test_connectivity(stage, number, meaning):
    """How far the network reaches is what NetworkManager says, a portal included."""
    await stage.manager(Connectivity=Variant("u", number))
    await stage.surroundings.look()

    assert meaning is stage.surroundings.network.connectivity


@pytest.mark.asyncio
async def test_connectivity_that_nobody_checks(stage):
    """Where NetworkManager does not check, its full connectivity is a guess."""
    await stage.manager(ConnectivityCheckEnabled=Variant("b", False))
    await stage.surroundings.look()

    assert Connectivity.UNKNOWN is stage.surroundings.network.connectivity


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("number", "meaning"), [(0, None), (1, True), (2, False), (3, True), (4, False), (9, None)]
)
async def test_metered(stage, number, meaning):
    """A network that costs is known as one, if NetworkManager only guesses too."""
    await stage.manager(Metered=Variant("u", number))
    await stage.surroundings.look()

    assert meaning is stage.surroundings.network.metered


@pytest.mark.asyncio
async def test_a_portal_is_told_at_once(stage):
    """A change that NetworkManager signals needs no waiting for a look."""
    async with running(stage) as surroundings:
        seen = surroundings.changed.count
        await stage.manager(Connectivity=Variant("u", 2))
        await told(stage, seen)

        assert Connectivity.PORTAL is surroundings.network.connectivity


@pytest.mark.asyncio
async def test_a_battery_is_told_at_once(stage):
    """A change that UPower signals needs no waiting for a look."""
    async with running(stage) as surroundings:
        seen = surroundings.changed.count
        await stage.battery(12.6, charging=False)
        await told(stage, seen)
        while surroundings.power.charging is None:
            await told(stage, surroundings.changed.count)

        assert PowerState(battery_percent=13, charging=False) == surroundings.power


@pytest.mark.asyncio
async def test_a_weak_signal_is_told_at_once(stage):
    """The access point's strength is followed by signals."""
    async with running(stage) as surroundings:
        seen = surroundings.changed.count
        await stage.wifi(-82)
        await told(stage, seen)

        assert -82 == surroundings.network.signal_dbm


@pytest.mark.asyncio
async def test_a_network_is_told_with_what_it_costs(stage):
    """NetworkManager knows of a network before it knows its price: both are told together."""
    await stage.nothing()
    async with running(stage) as surroundings:
        seen = surroundings.changed.count
        await stage.cable()
        async with asyncio.timeout(DEADLINE_S):
            while stage.clock.due_s != SETTLE_S:  # noqa: ASYNC110 - a fake clock tells nobody
                await asyncio.sleep(0)
        await stage.manager(Metered=Variant("u", 3))
        await told(stage, seen)

        assert (NetworkKind.ETHERNET, True) == (
            surroundings.network.kind,
            surroundings.network.metered,
        )


@pytest.mark.asyncio
async def test_nothing_is_polled(stage):
    """With services there, it sleeps until everything is looked at anew."""
    async with running(stage):
        stage.clock.advance(ANEW_S - 1.0)
        await asyncio.sleep(0)

        assert 1 == stage.clock.sleeping


@pytest.mark.asyncio
async def test_a_lost_signal_costs_a_minute(stage):
    """What changed without a word is seen at the next look at everything."""
    code = f"self.props['{NM}']['Metered'] = dbus.UInt32(1)"
    await stage.mocks.method("networkmanager", NM_PATH, "field.test.Whisper", "", code)
    async with running(stage) as surroundings:
        seen = surroundings.changed.count
        await stage.mocks.call("networkmanager", NM_PATH, "field.test.Whisper")
        stage.clock.advance(ANEW_S)
        await told(stage, seen)

        assert surroundings.network.metered is True


@pytest.mark.asyncio
async def test_a_bridge_is_what_lies_below_it(stage):
    """Where the connection's type does not say what carries it, the kernel does."""
    stage.files.interface("wlan0", devtype="wlan")
    stage.files.interface("br0", devtype="bridge", lower=("wlan0",))
    await stage.mocks.mock("networkmanager", "AddEthernetDevice", "ssi", "bridge", "br0", 100)
    await stage.activate("bridge", "bridge")
    await stage.primary("bridge")
    await stage.surroundings.look()

    assert (NetworkKind.WIFI, "br0") == (
        stage.surroundings.network.kind,
        stage.surroundings.network.interface,
    )


@pytest.mark.asyncio
async def test_an_interface_that_networkmanager_leaves_alone(stage):
    """Where NetworkManager knows no way out, the kernel's routes may show one."""
    await stage.nothing()
    await stage.manager(Connectivity=Variant("u", 1))
    stage.files.interface("eth1")
    stage.files.routes("eth1")
    await stage.surroundings.look()
    network = stage.surroundings.network

    assert (NetworkKind.ETHERNET, "eth1", Connectivity.UNKNOWN) == (
        network.kind,
        network.interface,
        network.connectivity,
    )


@pytest.mark.asyncio
async def test_a_connection_that_vanishes_while_it_is_read(stage):
    """A primary connection that is no more when asked for is no error."""
    await stage.manager(PrimaryConnection=Variant("o", f"{NM_PATH}/ActiveConnection/gone"))
    await stage.surroundings.look()

    assert stage.surroundings.network.kind is None


@pytest.mark.asyncio
async def test_a_device_that_vanishes_while_it_is_read(stage):
    """A connection over a device that is no more is no way out."""
    await stage.activate("gone", "802-3-ethernet")
    await stage.primary("gone")
    await stage.surroundings.look()

    assert stage.surroundings.network.kind is None


@pytest.mark.asyncio
async def test_networkmanager_that_goes(stage):
    """When NetworkManager ends, the kernel's routes tell from then on."""
    stage.files.interface("eth1")
    stage.files.routes("eth1")
    async with running(stage) as surroundings:
        seen = surroundings.changed.count
        await stage.mocks.stop("networkmanager")
        await told(stage, seen)
        first = surroundings.network.interface
        seen = surroundings.changed.count
        stage.files.routes()
        await rings(stage, seen)

        assert ("eth1", None) == (first, surroundings.network.interface)


@pytest.mark.asyncio
async def test_a_network_costs_no_less_without_networkmanager(stage):
    """While NetworkManager restarts, the network is metered as it was."""
    await stage.cable()
    await stage.manager(Metered=Variant("u", 1))
    await stage.surroundings.look()
    stage.files.interface("eth0")
    stage.files.routes("eth0")
    await stage.mocks.stop("networkmanager")
    await stage.surroundings.look()
    first = stage.surroundings.network.metered
    await stage.surroundings.look()

    assert (True, True) == (first, stage.surroundings.network.metered)


@pytest.mark.asyncio
async def test_another_network_has_its_own_price(stage):
    """What the last network cost says nothing of the next one."""
    await stage.manager(Metered=Variant("u", 1))
    await stage.surroundings.look()
    stage.files.interface("eth0")
    stage.files.routes("eth0")
    await stage.mocks.stop("networkmanager")
    await stage.surroundings.look()

    assert stage.surroundings.network.metered is None


@pytest.mark.asyncio
async def test_services_that_come(mocks, tmp_path):
    """A service that starts later is asked from then on."""
    await mocks.have()
    stage = ServiceStage(mocks, tmp_path)
    async with running(stage) as surroundings:
        await mocks.start("networkmanager")
        await mocks.start("upower")
        await stage.arrange_network()
        await stage.battery(80, charging=True)
        seen = surroundings.changed.count
        await stage.primary("cable")
        await told(stage, seen)
        while surroundings.network.kind is None or surroundings.power.charging is None:
            await told(stage, surroundings.changed.count)

        assert ("eth0", 80) == (
            surroundings.network.interface,
            surroundings.power.battery_percent,
        )


@pytest.mark.asyncio
async def test_upower_alone(mocks, tmp_path):
    """Beside another network manager, the kernel tells of the network and UPower of power."""
    await mocks.have("upower")
    stage = ServiceStage(mocks, tmp_path)
    stage.files.interface("eth1")
    stage.files.routes("eth1")
    await stage.battery(80, charging=True)
    await stage.surroundings.look()

    assert ("eth1", 80) == (
        stage.surroundings.network.interface,
        stage.surroundings.power.battery_percent,
    )


@pytest.mark.asyncio
async def test_a_battery_without_upower(mocks, tmp_path):
    """Beside NetworkManager, the kernel tells of the battery."""
    await mocks.have("networkmanager")
    stage = ServiceStage(mocks, tmp_path)
    await stage.arrange_network()
    await stage.cable()
    stage.files.supply("BAT0", type="Battery", capacity=41, status="Discharging")
    await stage.surroundings.look()

    assert ("eth0", 41) == (
        stage.surroundings.network.interface,
        stage.surroundings.power.battery_percent,
    )


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("state", "charging"), [(0, None), (1, True), (2, False), (3, False), (4, True), (5, True)]
)
async def test_states_of_a_battery(stage, state, charging):
    """A battery that is full, or waits for charge, hangs on a supply."""
    await stage.battery(99, charging=True)
    await stage.mocks.change("upower", DISPLAY, BATTERY, State=Variant("u", state))
    await stage.surroundings.look()

    assert charging is stage.surroundings.power.charging
