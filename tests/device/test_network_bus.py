"""The system bus at its worst: not there, gone, silent, or with services that nobody started."""

import asyncio

import pytest
import pytest_asyncio
from dbus_fast.signature import Variant

from device import network_bus
from device.bell import Bell
from device.network import ANEW_S
from device.network_bus import SystemBus
from tests.device.dbus_mocks import Mocks, PrivateBus
from tests.device.network_conformance import DEADLINE_S, rings, running
from tests.device.service_stage import BATTERY, DISPLAY, ServiceStage

UPOWER = "org.freedesktop.UPower"


@pytest_asyncio.fixture
async def news():
    return Bell()


@pytest_asyncio.fixture
async def bus(mocks, news):
    """A connection to a bus with UPower on it, whose display device it listens to."""
    await mocks.have("upower")
    found = SystemBus({UPOWER: (BATTERY,)}, news, mocks.bus.address)
    await found.connect()
    yield found
    await found.aclose()


async def percentage(bus: SystemBus) -> object:
    return (await bus.properties(UPOWER, DISPLAY, BATTERY) or {}).get("Percentage")


@pytest.fixture
def hasty(monkeypatch):
    """Let the deadline for an answer be short."""
    monkeypatch.setattr(network_bus, "CALL_S", 0.1)


@pytest.mark.asyncio
async def test_there_is_no_bus(tmp_path):
    """A box without a bus is no error: nobody says anything."""
    bus = SystemBus({}, Bell(), f"unix:path={tmp_path / 'none'}")

    assert (False, None, None) == (
        await bus.connect(),
        await bus.properties(UPOWER, DISPLAY, BATTERY),
        await bus.objects(UPOWER, "/"),
    )


@pytest.mark.asyncio
@pytest.mark.parametrize("address", ["", "nonsense", "unix:", "tcp:host=127.0.0.1,port=1"])
async def test_an_address_that_is_none(address):
    """A bus address that cannot be used is as good as no bus."""
    bus = SystemBus({}, Bell(), address or None)

    assert (await bus.connect()) in ({False} if address else {True, False})

    await bus.aclose()


@pytest.mark.asyncio
async def test_an_answer_is_remembered(bus, mocks):
    """What was said is not asked again until it changed."""
    await percentage(bus)
    code = f"self.props['{BATTERY}']['Percentage'] = 33.0"
    await mocks.method("upower", DISPLAY, "field.test.Whisper", "", code)
    await mocks.call("upower", DISPLAY, "field.test.Whisper")

    assert 0.0 == await percentage(bus)


@pytest.mark.asyncio
async def test_a_change_is_asked_for(bus, news, mocks):
    """A signal makes it forget, and ring; the service itself tells the new value."""
    await percentage(bus)
    seen = news.count
    await mocks.change("upower", DISPLAY, BATTERY, Percentage=Variant("d", 33.0))
    async with asyncio.timeout(DEADLINE_S):
        await news.after(seen)

    assert 33.0 == await percentage(bus)


class Overtaken:
    """A connection whose first answer comes when a signal has already told of a change."""

    def __init__(self, connection, change) -> None:
        self._connection = connection
        self._change = change

    def __getattr__(self, name):
        return getattr(self._connection, name)

    async def call(self, message):
        answer = await self._connection.call(message)
        change, self._change = self._change, None
        if change is not None:
            await change()
        return answer


@pytest.mark.asyncio
async def test_a_change_while_it_is_asked(bus, news, mocks):
    """An answer that a signal overtook is not remembered."""

    async def change():
        await mocks.change("upower", DISPLAY, BATTERY, Percentage=Variant("d", 33.0))
        async with asyncio.timeout(DEADLINE_S):
            await news.after(0)

    bus._bus = Overtaken(bus._bus, change)

    assert [0.0, 33.0] == [await percentage(bus), await percentage(bus)]


@pytest.mark.asyncio
async def test_a_stranger_changes_nothing(bus, news, mocks):
    """Signals about objects that nobody asked for wake nobody."""
    await percentage(bus)
    await mocks.mock("upower", "AddChargingBattery", "ssdx", "other", "Mouse", 30.0, 1200)
    other = DISPLAY.replace("DisplayDevice", "other")
    await mocks.change("upower", other, BATTERY, Percentage=Variant("d", 31.0))
    await bus.properties(UPOWER, other, BATTERY)

    assert 0 == news.count


@pytest.mark.asyncio
async def test_no_service_is_started(mocks, private_bus, tmp_path):
    """A service that the bus could start is left alone: that is not for us to do."""
    await mocks.have()
    began = tmp_path / "began"
    service = private_bus.folder / "org.freedesktop.UPower.service"
    service.write_text(f"[D-BUS Service]\nName={UPOWER}\nExec=/usr/bin/touch {began}\n")
    await mocks.reload()
    bus = SystemBus({UPOWER: (BATTERY,)}, Bell(), private_bus.address)
    await bus.connect()
    said = await bus.properties(UPOWER, DISPLAY, BATTERY)
    await bus.aclose()
    service.unlink()
    await mocks.reload()

    assert (None, False) == (said, began.exists())


@pytest.mark.asyncio
async def test_a_service_that_hangs_is_not_asked_again(bus, mocks, hasty, caplog):
    """A service that does not answer costs one deadline, and one line in the log."""
    with mocks.bus.stopped("upower"):
        said = [await percentage(bus), await bus.objects(UPOWER, "/")]

    assert ([None, None], ["A service on the system bus does not answer"]) == (
        said,
        [record.message for record in caplog.records],
    )


@pytest.mark.asyncio
async def test_a_service_that_hung_is_asked_anew(bus, mocks, hasty):
    """After a while it is tried again, over a new connection."""
    with mocks.bus.stopped("upower"):
        await percentage(bus)
    before = bus._bus.unique_name
    bus.forget()
    await bus.connect()

    assert 0.0 == await percentage(bus)
    assert before != bus._bus.unique_name


@pytest.mark.asyncio
async def test_a_service_that_hangs_is_replaced(mocks, tmp_path, hasty):
    """While NetworkManager hangs, the kernel's routes tell; afterwards NetworkManager again."""
    await mocks.have("networkmanager")
    stage = ServiceStage(mocks, tmp_path)
    await stage.arrange_network()
    await stage.cable()
    stage.files.interface("eth1")
    stage.files.routes("eth1")
    async with running(stage) as surroundings:
        with mocks.bus.stopped("networkmanager"):
            stage.clock.advance(ANEW_S)
            await asyncio.sleep(0)
            await rings(stage, surroundings.changed.count)
            hung = surroundings.network.interface
        await rings(stage, surroundings.changed.count)

        assert ("eth1", "eth0") == (hung, surroundings.network.interface)


@pytest.mark.asyncio
async def test_a_bus_that_ends_and_comes_again(mocks, tmp_path):
    """Without the bus the kernel tells, and with a new one its services do."""
    other = PrivateBus(tmp_path)
    other.start()
    stage = ServiceStage(Mocks(other), tmp_path)
    await stage.mocks.connect()
    await stage.mocks.have("networkmanager")
    await stage.arrange_network()
    await stage.cable()
    stage.files.interface("eth1")
    stage.files.routes("eth1")
    try:
        async with running(stage) as surroundings:
            other.kill()
            await rings(stage, surroundings.changed.count)
            without = surroundings.network.interface
            await stage.mocks.aclose()
            other.start()
            await stage.mocks.connect()
            await stage.mocks.have("networkmanager")
            await stage.arrange_network()
            await stage.cable()
            await rings(stage, surroundings.changed.count)
            again = surroundings.network.interface
    finally:
        await stage.mocks.aclose()
        other.kill()

    assert ("eth1", "eth0") == (without, again)


@pytest.mark.asyncio
async def test_a_bus_that_ends_in_the_midst_of_a_question(tmp_path):
    """A question whose answer the bus took along has none."""
    other = PrivateBus(tmp_path)
    other.start()
    mocks = Mocks(other)
    await mocks.connect()
    await mocks.have("upower")
    bus = SystemBus({UPOWER: (BATTERY,)}, Bell(), other.address)
    await bus.connect()
    try:
        with other.stopped("upower"):
            asking = asyncio.ensure_future(percentage(bus))
            await mocks.connections()  # by now the question is on its way
            other.kill_daemon()
            async with asyncio.timeout(network_bus.CALL_S / 2):
                said = await asking
    finally:
        await bus.aclose()
        await mocks.aclose()
        other.kill()

    assert said is None


@pytest.mark.asyncio
async def test_closing_twice(bus):
    """To close what is closed is harmless."""
    await bus.aclose()
    await bus.aclose()

    assert await percentage(bus) is None


@pytest.mark.asyncio
async def test_a_look_of_its_own_leaves_no_connection(mocks, tmp_path):
    """Who looks once without a run leaves no connection behind."""
    await mocks.have("networkmanager")
    stage = ServiceStage(mocks, tmp_path)
    before = await mocks.connections()
    await stage.surroundings.look()

    async with asyncio.timeout(DEADLINE_S):
        while before != await mocks.connections():
            pass  # the bus notices in its own time


@pytest.mark.asyncio
async def test_a_run_that_is_cancelled_while_it_asks(mocks, tmp_path):
    """Cancelled in the middle of a question, it ends at once."""
    await mocks.have("networkmanager")
    stage = ServiceStage(mocks, tmp_path)
    with mocks.bus.stopped("networkmanager"):
        task = asyncio.ensure_future(stage.surroundings.run())
        while stage.surroundings._bus._bus is None:  # noqa: ASYNC110 - nobody else can see it
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    assert task.cancelled()
