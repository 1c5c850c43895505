"""One Bluetooth adapter: whose turn it is, and how to get a stuck stack going again."""

import asyncio
import logging
import sys
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol
from weakref import WeakKeyDictionary

from device.errors import LinkReason, LinkUnavailable

logger = logging.getLogger(__name__)

RUNG_S = 10.0
POWER_CYCLE_EVERY_S = 600.0
FIRST_ADAPTER = "hci0"
"""What Linux calls it, nearly always. Where it is another, a collision is told as busy."""

_STUCK = {LinkReason.BUSY, LinkReason.NO_ANSWER}
"""What a stale stack gives. A recorder that is not found is usually just not there."""


class Stack(Protocol):
    """What can be done to a Bluetooth stack from outside. Each raises OSError when refused."""

    async def disconnect(self, address: str) -> bool:
        """End a connection to this device that nobody holds; False: there is none."""
        ...

    async def forget(self, address: str) -> bool:
        """Remove what the stack remembers of this device; False: nothing that may be removed."""
        ...

    async def power_cycle(self, adapter: str | None) -> bool:
        """Switch the adapter off and on; False: it cannot be told which."""
        ...


class Rung(StrEnum):
    """What is tried after each failure in a row, in this order, and then from the start."""

    OPERATION = "operation"
    DISCONNECT = "disconnect"
    FORGET = "forget"
    POWER_CYCLE = "power-cycle"


class Radio:
    """An adapter as all links of one event loop share it."""

    def __init__(
        self, adapter: str | None, stack: Stack | None, now_s: Callable[[], float]
    ) -> None:
        self.turn = asyncio.Lock()
        """Held while scanning and connecting: stacks answer "in progress" to a second one."""
        self.connections = 0
        """How many are open; an adapter that carries any is not switched off."""
        self._adapter = adapter
        self._stack = stack
        self._now_s = now_s
        self._cycled_s = -POWER_CYCLE_EVERY_S
        self._failures: dict[str, int] = {}
        self._missed: dict[str, int] = {}
        """How often in a row each recorder was not found."""

    def reached(self, target: str) -> None:
        """Note that a connection came about: the next failure is a first one."""
        self._failures.pop(target, None)
        self._missed.pop(target, None)

    async def failed(self, target: str, address: str | None, error: LinkUnavailable) -> None:
        """Do what this failure in a row asks for; the caller's next try finds out if it helped.

        Args:
            target: What the failures are counted by.
            address: The device's own, if it is known.
            error: How the try failed. Only what a stuck stack gives climbs the ladder; a recorder
                that is not found may be held by a connection that a dead program left.
        """
        if self._stack is None:
            return
        if error.reason is LinkReason.NOT_FOUND:
            missed = self._missed[target] = self._missed.get(target, 0) + 1
            # Whoever tries once only looks, and what it would end may be an agent's at work.
            if missed > 1 and address is not None:
                await self._take(Rung.DISCONNECT, self._stack, address)
        if error.reason not in _STUCK:
            return
        count = self._failures.get(target, 0)
        self._failures[target] = count + 1
        rung = tuple(Rung)[count % len(Rung)]
        done = await self._take(rung, self._stack, address)
        logger.warning(
            "Bluetooth recovery step taken",
            extra={"recorder": target, "rung": rung, "done": done, "problem": str(error)},
        )

    async def _take(self, rung: Rung, stack: Stack, address: str | None) -> bool:
        try:
            async with asyncio.timeout(RUNG_S):
                match rung:
                    case Rung.OPERATION:
                        return True
                    case Rung.DISCONNECT:
                        return address is not None and await stack.disconnect(address)
                    case Rung.FORGET:
                        return address is not None and await stack.forget(address)
                    case Rung.POWER_CYCLE:
                        return await self._cycle(stack)
        except OSError as error:  # a timeout too
            logger.warning(
                "Bluetooth recovery step failed",
                extra={"rung": rung, "problem": str(error) or type(error).__name__},
            )
            return False

    async def _cycle(self, stack: Stack) -> bool:
        if self.connections or self._now_s() - self._cycled_s < POWER_CYCLE_EVERY_S:
            return False
        self._cycled_s = self._now_s()
        return await stack.power_cycle(self._adapter)


_RADIOS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str | None, Radio]] = WeakKeyDictionary()


def radio_of(adapter: str | None) -> Radio:
    """Return the adapter's one radio in the running loop; None is the system's first adapter.

    One that is named and the same one unnamed share it: two radios would scan over each other, and
    one would switch off what carries the other's connections.
    """
    loop = asyncio.get_running_loop()
    radios = _RADIOS.setdefault(loop, {})
    name = None if adapter == FIRST_ADAPTER else adapter
    if name not in radios:
        radios[name] = Radio(adapter, _system_stack(), time.monotonic)
    return radios[name]


def _system_stack() -> Stack | None:
    if sys.platform != "linux":
        return None
    from device.links.bluez import Bluez, call_system_bus  # noqa: PLC0415 - only Linux has it

    return Bluez(call_system_bus)
