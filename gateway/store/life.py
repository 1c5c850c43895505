"""Seams of the life of devices: commands, settings, enrolment by code, what they reported."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from gateway.model import (
    Command,
    CommandStatus,
    DeviceToken,
    EnrolCode,
    Fault,
    Intent,
    Level,
    Report,
)
from gateway.store.made import Made


class Orders(Protocol):
    """Commands for devices; a command is expired from `expires_at` on, without being touched."""

    async def create(self, command: Command, intent: Intent | None, *, limit: int) -> Made[Command]:
        """Keep a command, or return the one that the same `intent` made.

        Raises:
            IdempotencyMismatch: The key is known with another fingerprint.
            TooManyCommands: Its device has `limit` that are neither ended nor expired.
        """
        ...

    async def command(self, device_id: str, command_id: str) -> Command | None:
        """Look one up; None also where it is another device's."""
        ...

    async def page(
        self, device_id: str, status: CommandStatus | None, at: datetime, limit: int, offset: int
    ) -> list[Command]:
        """List those of a device that have a status at that time, newest first; None: any."""
        ...

    async def deliver(self, device_id: str, at: datetime) -> list[Command]:
        """List what is neither ended nor expired, oldest first, and note that it was delivered."""
        ...

    async def cancel(self, device_id: str, command_id: str, at: datetime) -> Command:
        """Take a command back; repeatable.

        Raises:
            NotFound: There is no such command.
            CommandOver: It was executed, it failed, or it expired.
        """
        ...

    async def finish(  # noqa: PLR0913 - what a device says of a command, by keyword
        self,
        device_id: str,
        command_id: str,
        *,
        status: CommandStatus,
        result: Mapping[str, Any] | None,
        error: str | None,
        at: datetime,
    ) -> Command:
        """Note what came of a command, also of one that expired or was cancelled; repeatable.

        Raises:
            NotFound: There is no such command.
            CommandOver: Something else came of it.
        """
        ...


class SettingsLevels(Protocol):
    """Settings as they were written, one document for each level."""

    async def levels(self, names: Sequence[str]) -> list[Level]:
        """Look levels up, all of one moment; one that nobody wrote is empty."""
        ...

    async def change(
        self,
        name: str,
        change: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        at: datetime,
    ) -> Level:
        """Change a level by a function of what it is, in one step; raises what `change` raises."""
        ...


class Enrolments(Protocol):
    """One-time codes that a device's token is given for."""

    async def add(self, code: EnrolCode) -> None:
        """Keep a code; forgets those that are expired by then."""
        ...

    async def redeem(self, code_hash: str, token: DeviceToken) -> DeviceToken:
        """Keep `token` as one of the device that the code is of; its older ones stay until used.

        Args:
            code_hash: Of the code, which is used up by this.
            token: Without its device; `created_at` is now.

        Returns:
            The token with its device; the one that is kept, where the code was used for the very
            same (by its hash).

        Raises:
            CodeRefused: No such code, or expired, or used for another token.
        """
        ...


class Reports(Protocol):
    """What devices say of themselves."""

    async def keep(
        self,
        device_id: str,
        report: Mapping[str, Any],
        faults: Mapping[str, Mapping[str, Any]],
        at: datetime,
    ) -> None:
        """Keep a heartbeat, and faults by their ids; a fault that is known stays as it is."""
        ...

    async def heartbeats(self, device_id: str, limit: int) -> list[Report]:
        """List heartbeats, newest first; old ones are forgotten."""
        ...

    async def faults(self, device_id: str, limit: int) -> list[Fault]:
        """List faults, newest first; old ones are forgotten."""
        ...
