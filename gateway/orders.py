"""What can be done about commands: give one to a device, deliver it, take it back, hear its end."""

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any

from device.clock import Clock
from gateway.access import new_id
from gateway.core.ids import Prefix
from gateway.core.orders import seen
from gateway.errors import NotFound
from gateway.model import Command, CommandStatus, Intent
from gateway.store import Made, Store

logger = logging.getLogger(__name__)

MOST_WAITING = 32
"""How many commands may wait for one device: all of them are in every answer to it."""


class OrderDesk:
    """The use cases of commands; who may see the device was asked before."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def give(self, wanted: Command, intent: Intent | None) -> Made[Command]:
        """Keep a command for a device; the same intent gives the same one.

        Args:
            wanted: Without its id.
            intent: The Idempotency-Key it came with.

        Raises:
            TooManyCommands: The device has not taken the last ones.
        """
        command = dataclasses.replace(wanted, id=new_id(Prefix.COMMAND))
        made = await self._store.orders.create(command, intent, limit=MOST_WAITING)
        if not made.replayed:
            logger.info("A command waits for its device.", extra=_facts(command))
        return Made(seen(made.value, self._clock.now()), replayed=made.replayed)

    async def find(self, device_id: str, command_id: str) -> Command:
        """Look up a command of a device.

        Raises:
            NotFound: The device has no such command.
        """
        command = await self._store.orders.command(device_id, command_id)
        if command is None:
            raise NotFound("the device has no such command")
        return seen(command, self._clock.now())

    async def page(
        self, device_id: str, status: CommandStatus | None, *, limit: int, offset: int
    ) -> tuple[list[Command], bool]:
        """List commands of a device, newest first, and whether there are more."""
        now = self._clock.now()
        found = await self._store.orders.page(device_id, status, now, limit + 1, offset)
        return [seen(each, now) for each in found[:limit]], len(found) > limit

    async def deliver(self, device_id: str) -> list[Command]:
        """Give a device its commands: each again, until its end is known or it expires."""
        return await self._store.orders.deliver(device_id, self._clock.now())

    async def cancel(self, device_id: str, command_id: str) -> Command:
        """Take a command back; repeatable.

        Raises:
            CommandOver: It was executed, it failed, or it expired.
        """
        cancelled = await self._store.orders.cancel(device_id, command_id, self._clock.now())
        logger.info("A command was cancelled.", extra=_facts(cancelled))
        return cancelled

    async def finish(
        self,
        device_id: str,
        command_id: str,
        *,
        status: CommandStatus,
        result: Mapping[str, Any] | None,
        error: str | None,
    ) -> Command:
        """Take a device's word on what came of a command; repeatable.

        Raises:
            CommandOver: It said something else before.
        """
        finished = await self._store.orders.finish(
            device_id,
            command_id,
            status=status,
            result=result,
            error=error,
            at=self._clock.now(),
        )
        logger.info("A command came to its end.", extra=_facts(finished))
        return finished


def _facts(command: Command) -> dict[str, str]:
    return {
        "device_id": command.device_id,
        "command_id": command.id,
        "command": command.type,
        "status": command.status,
    }
