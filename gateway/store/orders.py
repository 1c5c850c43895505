"""Commands for devices over SQLAlchemy Core (see `gateway.store.life.Orders`)."""

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, func, insert, select, update

from gateway.core.orders import OPEN, cancelled, finished
from gateway.errors import NotFound, TooManyCommands
from gateway.model import Command, CommandStatus, CommandType, Intent
from gateway.store.database import Database
from gateway.store.intents import claim
from gateway.store.made import Made
from gateway.store.schema import commands

_OPEN = (
    select(commands)
    .where(
        commands.c.device_id == bindparam("whose"),
        commands.c.status.in_(OPEN),
        commands.c.expires_at > bindparam("now"),
    )
    .order_by(commands.c.seq)
)


class SqlOrders:
    """Commands in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, command: Command, intent: Intent | None, *, limit: int) -> Made[Command]:
        """See `Orders.create`."""
        return await self._database.writing_of(command.device_id, _create, command, intent, limit)

    async def command(self, device_id: str, command_id: str) -> Command | None:
        """See `Orders.command`."""
        return await self._database.asking(_command, device_id, command_id)

    async def page(
        self, device_id: str, status: CommandStatus | None, at: datetime, limit: int, offset: int
    ) -> list[Command]:
        """See `Orders.page`."""
        which = commands.c.device_id == device_id
        if status is not None:
            which = and_(which, _standing(status, at))
        return await self._database.reading(_page, which, limit, offset)

    async def deliver(self, device_id: str, at: datetime) -> list[Command]:
        """See `Orders.deliver`."""
        found = await self._database.asking(_open, device_id, at)
        # Heartbeats come all day long, commands hardly ever: without a new one nothing is written.
        if any(each.status is CommandStatus.PENDING for each in found):
            return await self._database.writing_of(device_id, _deliver, device_id, at)
        return found

    async def cancel(self, device_id: str, command_id: str, at: datetime) -> Command:
        """See `Orders.cancel`."""
        change = partial(cancelled, now=at)
        return await self._database.writing_of(device_id, _change, device_id, command_id, change)

    async def finish(  # noqa: PLR0913 - the seam's
        self,
        device_id: str,
        command_id: str,
        *,
        status: CommandStatus,
        result: Mapping[str, Any] | None,
        error: str | None,
        at: datetime,
    ) -> Command:
        """See `Orders.finish`."""
        change = partial(finished, now=at, status=status, result=result, error=error)
        return await self._database.writing_of(device_id, _change, device_id, command_id, change)


def _create(
    connection: Connection, command: Command, intent: Intent | None, limit: int
) -> Made[Command]:
    if intent is not None and (made_id := claim(connection, intent, command.id)):
        return Made(_known(connection, command.device_id, made_id), replayed=True)
    waiting = select(func.count()).where(_is_open(command.device_id, command.created_at))
    if connection.execute(waiting).scalar_one() >= limit:
        raise TooManyCommands(f"{limit} commands wait for this device already")
    connection.execute(insert(commands).values(**dataclasses.asdict(command)))
    return Made(command, replayed=False)


def _command(connection: Connection, device_id: str, command_id: str) -> Command | None:
    query = select(commands).where(commands.c.id == command_id, commands.c.device_id == device_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_command(row)


def _known(connection: Connection, device_id: str, command_id: str) -> Command:
    command = _command(connection, device_id, command_id)
    if command is None:
        raise NotFound("the device has no such command")
    return command


def _page(
    connection: Connection, which: ColumnElement[bool], limit: int, offset: int
) -> list[Command]:
    query = select(commands).where(which).order_by(commands.c.seq.desc())
    rows = connection.execute(query.limit(limit).offset(offset)).all()
    return [_to_command(row) for row in rows]


def _standing(status: CommandStatus, at: datetime) -> ColumnElement[bool]:
    if status in OPEN:
        return and_(commands.c.status == status, commands.c.expires_at > at)
    if status is CommandStatus.EXPIRED:
        return and_(commands.c.status.in_(OPEN), commands.c.expires_at <= at)
    return commands.c.status == status


def _open(connection: Connection, device_id: str, at: datetime) -> list[Command]:
    rows = connection.execute(_OPEN, {"whose": device_id, "now": at}).all()
    return [_to_command(row) for row in rows]


def _deliver(connection: Connection, device_id: str, at: datetime) -> list[Command]:
    connection.execute(
        update(commands)
        .where(_is_open(device_id, at), commands.c.status == CommandStatus.PENDING)
        .values(status=CommandStatus.DELIVERED, delivered_at=at)
    )
    return _open(connection, device_id, at)


def _change(
    connection: Connection,
    device_id: str,
    command_id: str,
    change: Callable[[Command], Command],
) -> Command:
    # Locked where the database has more than one writer: two words on a command take turns.
    lock = select(commands.c.id).where(commands.c.id == command_id).with_for_update()
    connection.execute(lock)
    known = _known(connection, device_id, command_id)
    changed = change(known)
    if changed != known:
        values = {
            "status": changed.status,
            "result": changed.result,
            "error": changed.error,
            "ended_at": changed.ended_at,
            "delivered_at": changed.delivered_at,
        }
        connection.execute(update(commands).where(commands.c.id == known.id).values(**values))
    return changed


def _is_open(device_id: str, at: datetime) -> ColumnElement[bool]:
    return and_(
        commands.c.device_id == device_id,
        commands.c.status.in_(OPEN),
        commands.c.expires_at > at,
    )


def _to_command(row: Row[Any]) -> Command:
    values = dict(row._mapping)  # noqa: SLF001 - the documented accessor
    del values["seq"]
    kinds = {"type": CommandType(row.type), "status": CommandStatus(row.status)}
    return Command(**{**values, **kinds})
