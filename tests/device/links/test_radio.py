"""A stuck Bluetooth stack is helped step by step, with measure."""

import asyncio

import pytest

from device.errors import LinkReason, LinkUnavailable
from device.links import radio as radios
from device.links.radio import POWER_CYCLE_EVERY_S, Radio
from tests.fakes.bluetooth_stack import ScriptedStack

ADDRESS = "C0:FF:EE:00:00:01"


class Stuck:
    """A radio whose clock and stack a test holds."""

    def __init__(self, stack: ScriptedStack) -> None:
        self.now_s = 1000.0
        self.radio = Radio("hci0", stack, lambda: self.now_s)

    async def fail(self, times: int = 1, reason: LinkReason = LinkReason.BUSY, target="A") -> None:
        for _ in range(times):
            error = LinkUnavailable("no", reason=reason)
            await self.radio.failed(target, ADDRESS, error)


@pytest.mark.asyncio
@pytest.mark.parametrize("reason", [LinkReason.BUSY, LinkReason.NO_ANSWER])
async def test_the_ladder_is_climbed_one_step_per_failure(reason):
    """First only the operation is repeated, then come disconnect, forget, and power."""
    stack = ScriptedStack()
    await Stuck(stack).fail(4, reason)

    assert stack.asked == [f"disconnect {ADDRESS}", f"forget {ADDRESS}", "power-cycle hci0"]


@pytest.mark.asyncio
async def test_the_steps_begin_again_and_power_is_cycled_rarely():
    """After the last step the first follows; the adapter goes off and on every 10 min at most."""
    stack = ScriptedStack()
    stuck = Stuck(stack)
    await stuck.fail(8)
    first = stack.asked.count("power-cycle hci0")
    stuck.now_s += POWER_CYCLE_EVERY_S
    await stuck.fail(4)

    assert first == 1
    assert stack.asked.count("power-cycle hci0") == 2


@pytest.mark.asyncio
async def test_an_adapter_in_use_is_not_switched_off():
    """Other recorders' connections are worth more than this one."""
    stack = ScriptedStack()
    stuck = Stuck(stack)
    stuck.radio.connections = 1
    await stuck.fail(4)

    assert "power-cycle hci0" not in stack.asked


@pytest.mark.asyncio
async def test_success_starts_the_ladder_anew():
    """Failures only count in a row, and for each recorder by itself."""
    stack = ScriptedStack()
    stuck = Stuck(stack)
    await stuck.fail()
    stuck.radio.reached("A")
    await stuck.fail()
    await stuck.fail(target="B")

    assert stack.asked == []


@pytest.mark.asyncio
async def test_a_recorder_that_is_away_only_loses_a_forgotten_connection():
    """Not being found is usual: at most a connection that a dead program left is ended."""
    stack = ScriptedStack()
    await Stuck(stack).fail(9, LinkReason.NOT_FOUND)

    assert set(stack.asked) == {f"disconnect {ADDRESS}"}


@pytest.mark.asyncio
async def test_who_looks_once_ends_nobody_s_connection():
    """A recorder that an agent holds does not advertise: one command that misses it is patient."""
    stack = ScriptedStack()
    stuck = Stuck(stack)
    await stuck.fail(1, LinkReason.NOT_FOUND)
    stuck.radio.reached("A")
    await stuck.fail(1, LinkReason.NOT_FOUND)

    assert stack.asked == []


@pytest.mark.asyncio
@pytest.mark.parametrize("reason", [LinkReason.POWERED_OFF, LinkReason.DENIED, LinkReason.BLOCKED])
async def test_what_an_operator_decided_is_left_alone(reason):
    """Nothing is switched on again that somebody switched off."""
    stack = ScriptedStack()
    await Stuck(stack).fail(9, reason)

    assert stack.asked == []


@pytest.mark.asyncio
async def test_a_step_that_fails_is_only_told(caplog):
    """A stack that refuses or is not there does not add a failure of its own."""
    await Stuck(ScriptedStack(PermissionError(1, "no"))).fail(4)

    assert [r.rung for r in caplog.records if r.msg == "Bluetooth recovery step failed"] == [
        "disconnect",
        "forget",
        "power-cycle",
    ]
    taken = [r for r in caplog.records if r.msg == "Bluetooth recovery step taken"]
    assert [r.done for r in taken] == [True, False, False, False]


@pytest.mark.asyncio
async def test_a_step_that_hangs_is_given_up(monkeypatch):
    """Each step has its time."""
    monkeypatch.setattr(radios, "RUNG_S", 0.01)

    class Hanging(ScriptedStack):
        async def disconnect(self, address: str) -> bool:
            await asyncio.Event().wait()
            return True

    stack = Hanging()
    async with asyncio.timeout(5):
        await Stuck(stack).fail(3)

    assert stack.asked == [f"forget {ADDRESS}"]


@pytest.mark.asyncio
async def test_an_adapter_has_one_radio():
    """All links of one adapter share its turn; another adapter has its own."""
    assert radios.radio_of("hci7") is radios.radio_of("hci7")
    assert radios.radio_of("hci7") is not radios.radio_of("hci8")


@pytest.mark.asyncio
async def test_the_first_adapter_has_one_radio_by_either_name():
    """A recorder whose url names the adapter and one whose url does not take turns."""
    assert radios.radio_of(None) is radios.radio_of("hci0")
    assert radios.radio_of(None) is not radios.radio_of("hci1")
