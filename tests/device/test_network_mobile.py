"""Mobile networks, as NetworkManager and ModemManager tell of them, mocked on a private bus."""

import pytest
import pytest_asyncio
from dbus_fast.signature import Variant

from device.surroundings import NetworkKind
from tests.device.network_conformance import running, told
from tests.device.service_stage import (
    MODEM,
    MODEM_PATH,
    REGISTRATION,
    SIGNAL,
    ServiceStage,
)


@pytest_asyncio.fixture
async def mobile(mocks, tmp_path):
    """A box with a modem; each test says what it can measure."""
    await mocks.have("networkmanager", "modemmanager")
    found = ServiceStage(mocks, tmp_path)
    await found.arrange_network()
    return found


@pytest.mark.asyncio
async def test_roaming_does_not_end_with_modemmanager(mobile):
    """While ModemManager restarts, a foreign network stays one; when it is back, it tells."""
    await mobile.mobile()
    foreign, home = Variant("u", 5), Variant("u", 1)
    change = ("modemmanager", MODEM_PATH, REGISTRATION)
    await mobile.mocks.change(*change, RegistrationState=foreign)
    await mobile.surroundings.look()
    await mobile.mocks.stop("modemmanager")
    await mobile.surroundings.look()
    without = mobile.surroundings.network.roaming
    await mobile.mocks.start("modemmanager")
    await mobile.plug_modem()
    await mobile.mocks.change(*change, RegistrationState=home)
    await mobile.surroundings.look()

    assert (True, False) == (without, mobile.surroundings.network.roaming)


@pytest.mark.asyncio
async def test_a_mobile_network(mobile):
    """A modem tells its technology, whose network it is on, and its signal as measured."""
    lte = Variant("a{sv}", {"rssi": Variant("d", -71.6), "rsrp": Variant("d", -99.0)})
    await mobile.mobile(Rate=Variant("u", 10), Lte=lte)
    await mobile.surroundings.look()
    network = mobile.surroundings.network

    assert (NetworkKind.CELLULAR, "wwan0", "lte", False, -72) == (
        network.kind,
        network.interface,
        network.radio,
        network.roaming,
        network.signal_dbm,
    )


@pytest.mark.asyncio
async def test_a_signal_that_is_not_measured(mobile):
    """A modem that measures nothing has its quality in percent made into decibels."""
    await mobile.mobile()
    await mobile.surroundings.look()

    assert -70 == mobile.surroundings.network.signal_dbm


@pytest.mark.asyncio
async def test_a_modem_is_told_to_measure_once(mobile):
    """A modem that could measure and does not is asked to, and not again with every look."""
    await mobile.mobile(Rate=Variant("u", 0))
    async with running(mobile) as surroundings:
        await surroundings.look()
        await surroundings.look()
        calls = await mobile.mocks.calls("modemmanager", MODEM_PATH, "Setup")

        assert [[30]] == calls


@pytest.mark.asyncio
async def test_a_modem_that_measures_is_left_alone(mobile):
    """How often another program lets it measure is not changed."""
    await mobile.mobile(Rate=Variant("u", 10))
    await mobile.surroundings.look()

    assert [] == await mobile.mocks.calls("modemmanager", MODEM_PATH, "Setup")


@pytest.mark.asyncio
async def test_roaming_is_told_at_once(mobile):
    """Crossing a border is known when ModemManager knows it."""
    await mobile.mobile()
    async with running(mobile) as surroundings:
        seen = surroundings.changed.count
        state = Variant("u", 5)
        await mobile.mocks.change("modemmanager", MODEM_PATH, REGISTRATION, RegistrationState=state)
        await told(mobile, seen)

        assert surroundings.network.roaming is True


@pytest.mark.asyncio
async def test_a_measured_signal_is_told_at_once(mobile):
    """What a modem measures is followed by signals."""
    lte = Variant("a{sv}", {"rssi": Variant("d", -60.0)})
    await mobile.mobile(Rate=Variant("u", 10), Lte=lte)
    async with running(mobile) as surroundings:
        seen = surroundings.changed.count
        weak = Variant("a{sv}", {"rssi": Variant("d", -101.0)})
        await mobile.mocks.change("modemmanager", MODEM_PATH, SIGNAL, Lte=weak)
        await told(mobile, seen)

        assert -101 == surroundings.network.signal_dbm


@pytest.mark.asyncio
async def test_a_modem_that_comes_later(mobile):
    """A modem that ModemManager finds after the network was up is asked."""
    await mobile.mobile_network()
    async with running(mobile) as surroundings:
        seen = surroundings.changed.count
        await mobile.plug_modem()
        await told(mobile, seen)

        assert "lte" == surroundings.network.radio


@pytest.mark.asyncio
async def test_a_modem_without_networkmanager(mocks, tmp_path):
    """Beside another network manager, the modem of the kernel's route is asked."""
    await mocks.have("modemmanager")
    stage = ServiceStage(mocks, tmp_path)
    stage.files.interface("wwan0", devtype="wwan", frames=65534, state="unknown")
    stage.files.routes("wwan0")
    await mocks.mock("modemmanager", "AddSimpleModem")
    ports = Variant("a(su)", [["wwan0", 2]])
    await mocks.add("modemmanager", MODEM_PATH, MODEM, Ports=ports)
    await stage.surroundings.look()
    network = stage.surroundings.network

    assert (NetworkKind.CELLULAR, "lte", -70) == (
        network.kind,
        network.radio,
        network.signal_dbm,
    )


@pytest.mark.asyncio
async def test_a_modem_is_known_by_its_control_port(mobile):
    """A modem on a serial line is the one whose port NetworkManager names, not another one."""
    await mobile.mobile()
    ports = Variant("a(su)", [["cdc-wdm0", 6]])
    await mobile.mocks.change("modemmanager", MODEM_PATH, MODEM, Ports=ports)
    other = {"State": Variant("i", 11), "AccessTechnologies": Variant("u", 1 << 5)}
    path = MODEM_PATH.replace("8", "9")
    await mobile.mocks.mock("modemmanager", "AddObject", "ssa{sv}a(ssss)", path, MODEM, other, [])
    await mobile.surroundings.look()

    assert "lte" == mobile.surroundings.network.radio


@pytest.mark.asyncio
async def test_a_modem_that_is_not_in_use(mobile):
    """On Wi-Fi, the signal is that of Wi-Fi and not that of the modem."""
    await mobile.mobile()
    await mobile.wifi(-55)
    await mobile.surroundings.look()
    network = mobile.surroundings.network

    assert (None, None, -55) == (network.radio, network.roaming, network.signal_dbm)
