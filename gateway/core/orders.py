"""The life of a command: what time and the device's word make of it."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.errors import CommandOver
from gateway.model import Command, CommandStatus

OPEN = (CommandStatus.PENDING, CommandStatus.DELIVERED)
"""Of these a device is still told, until they expire."""

ENDED = (CommandStatus.EXECUTED, CommandStatus.FAILED)
"""The device's own word; nothing changes it."""


def seen(command: Command, now: datetime) -> Command:
    """Show a command as it stands now: expiry comes by itself, nobody writes it."""
    if command.status in OPEN and now >= command.expires_at:
        return dataclasses.replace(command, status=CommandStatus.EXPIRED)
    return command


def cancelled(command: Command, now: datetime) -> Command:
    """Take a command back; repeatable.

    Raises:
        CommandOver: It was executed, it failed, or it expired.
    """
    standing = seen(command, now)
    match standing.status:
        case CommandStatus.CANCELLED:
            return standing
        case CommandStatus.PENDING | CommandStatus.DELIVERED:
            return dataclasses.replace(command, status=CommandStatus.CANCELLED, ended_at=now)
        case _:
            raise CommandOver(f"the command is {standing.status}")


def finished(
    command: Command,
    now: datetime,
    *,
    status: CommandStatus,
    result: Mapping[str, Any] | None,
    error: str | None,
) -> Command:
    """Take a device's word; repeatable.

    It counts whatever was known before: a device may have done something in time and told of it
    after its link was back, or before it could hear that the command was taken back.

    Raises:
        CommandOver: It said something else before.
    """
    if command.status in ENDED:
        if (command.status, command.result, command.error) == (status, result, error):
            return command
        raise CommandOver(f"the device said something else before: {command.status}")
    return dataclasses.replace(
        command,
        status=status,
        result=result,
        error=error,
        ended_at=now,
        delivered_at=command.delivered_at or now,
    )
