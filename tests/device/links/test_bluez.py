"""BlueZ's switches: the messages that go over D-Bus, and what is left alone."""

import asyncio

import pytest
from dbus_fast.constants import MessageType
from dbus_fast.message import Message
from dbus_fast.signature import Variant

from device.links import bluez
from device.links.bluez import Bluez

ADDRESS = "C0:FF:EE:00:00:01"
PATH = "/org/bluez/hci0/dev_C0_FF_EE_00_00_01"


class ScriptedBus:
    """Answers with these objects; keeps the other messages."""

    def __init__(self, *, adapters=("hci0",), refuse: str | None = None, **device) -> None:
        self.sent: list[Message] = []
        self._refuse = refuse
        self._objects = {
            f"/org/bluez/{name}": {"org.bluez.Adapter1": {"Powered": Variant("b", True)}}
            for name in adapters
        }
        values = {"Address": ADDRESS, "Connected": False, "Paired": False, **device}
        wrapped = {
            name: Variant("s" if isinstance(value, str) else "b", value)
            for name, value in values.items()
        }
        self._objects[PATH] = {"org.bluez.Device1": wrapped}

    async def __call__(self, message: Message) -> Message:
        message.serial = 1
        if message.member == "GetManagedObjects":
            return Message.new_method_return(message, "a{oa{sa{sv}}}", [self._objects])
        self.sent.append(message)
        if self._refuse:
            return Message.new_error(message, self._refuse, "no")
        return Message(message_type=MessageType.METHOD_RETURN, reply_serial=1)


def said(bus: ScriptedBus) -> list[tuple]:
    return [(m.path, m.interface, m.member, *m.body) for m in bus.sent]


@pytest.mark.asyncio
@pytest.mark.parametrize("connected", [True, False])
async def test_only_a_connection_is_ended(connected):
    """A device that BlueZ holds open is disconnected, another one is left alone."""
    bus = ScriptedBus(Connected=connected)
    done = await Bluez(bus).disconnect(ADDRESS)

    assert connected is done
    assert said(bus) == [(PATH, "org.bluez.Device1", "Disconnect")] * connected


@pytest.mark.asyncio
async def test_a_device_is_forgotten():
    """What BlueZ remembers of a device is removed at its adapter."""
    bus = ScriptedBus()
    done = await Bluez(bus).forget(ADDRESS)

    assert done
    assert said(bus) == [("/org/bluez/hci0", "org.bluez.Adapter1", "RemoveDevice", PATH)]


@pytest.mark.asyncio
@pytest.mark.parametrize("bond", ["Paired", "Bonded"])
async def test_a_bond_is_never_removed(bond):
    """Removing a paired device would make its owner pair it again."""
    bus = ScriptedBus(**{bond: True})
    done = await Bluez(bus).forget(ADDRESS)

    assert not done
    assert bus.sent == []


@pytest.mark.asyncio
@pytest.mark.parametrize("adapter", ["hci0", None])
async def test_the_adapter_goes_off_and_on(adapter):
    """The named adapter, or the only one, is switched off and on again."""
    bus = ScriptedBus()
    done = await Bluez(bus).power_cycle(adapter)
    powered = ("/org/bluez/hci0", "org.freedesktop.DBus.Properties", "Set", "org.bluez.Adapter1")

    assert done
    assert said(bus) == [
        (*powered, "Powered", Variant("b", False)),
        (*powered, "Powered", Variant("b", True)),
    ]


class Slow(ScriptedBus):
    """Takes its time over one of the switches, or for ever."""

    def __init__(self, *, over: bool) -> None:
        super().__init__()
        self._over = over
        self.asked, self.answer = asyncio.Event(), asyncio.Event()

    async def __call__(self, message: Message) -> Message:
        if message.member == "Set" and message.body[2] == Variant("b", self._over):
            self.asked.set()
            await self.answer.wait()
        return await super().__call__(message)


@pytest.mark.asyncio
@pytest.mark.parametrize("over", [False, True], ids=["off", "on"])
async def test_an_adapter_is_never_left_off(over):
    """Whoever is stopped between off and on, or in them, waits until the adapter is on."""
    bus = Slow(over=over)
    cycling = asyncio.create_task(Bluez(bus).power_cycle("hci0"))
    await bus.asked.wait()
    cycling.cancel()
    await asyncio.sleep(0)
    bus.answer.set()
    with pytest.raises(asyncio.CancelledError):
        await cycling

    assert [m.body[2].value for m in bus.sent] == [False, True]


@pytest.mark.asyncio
async def test_a_switch_that_hangs_is_not_the_last_word(monkeypatch):
    """BlueZ does not answer to off: the adapter is switched on all the same."""
    monkeypatch.setattr(bluez, "SWITCH_S", 0.01)
    bus = Slow(over=False)
    with pytest.raises(TimeoutError):
        await Bluez(bus).power_cycle("hci0")

    assert [m.body[2].value for m in bus.sent] == [True]


@pytest.mark.asyncio
@pytest.mark.parametrize("adapter", ["hci9", None])
async def test_without_knowing_which_no_adapter_is_switched(adapter):
    """Two adapters and no name, or a name that is not there, change nothing."""
    bus = ScriptedBus(adapters=("hci0", "hci1"))
    done = await Bluez(bus).power_cycle(adapter)

    assert not done
    assert bus.sent == []


@pytest.mark.asyncio
async def test_a_refusal_is_an_os_error():
    """What BlueZ says against it stands in the error."""
    bus = ScriptedBus(refuse="org.bluez.Error.Blocked")
    with pytest.raises(OSError, match=r"Set: org\.bluez\.Error\.Blocked"):
        await Bluez(bus).power_cycle("hci0")
