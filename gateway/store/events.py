"""Events over SQLAlchemy Core (see `gateway.store.outgoing.Events`), noted with what they tell."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from device.bell import Bell
from gateway.core.ids import ENTROPY_BYTES, Prefix, make_id
from gateway.model_events import EVERYTHING, Backlog, DeliveryStatus, Event, EventType
from gateway.store.database import Database
from gateway.store.schema_events import deliveries, events, webhooks

_FANS = 5
_ADD = insert(events).inline()
_WAITING = select(events.c.id).where(events.c.position.is_(None)).limit(1)


class SqlEvents:
    """Events in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.bell = Bell()

    async def fan_out(self, at: datetime, limit: int) -> int:
        """See `Events.fan_out`."""
        if not await self._database.asking(_any_waiting):
            return 0
        done = 0
        for fan in range(_FANS):
            try:
                done = await self._database.writing_of("events", _fan_out, at, limit)
                break
            except IntegrityError:
                # Another process gave the same position: its events are done, ours may not be.
                if fan == _FANS - 1:
                    raise
        if done:
            self.bell.ring()
        return done

    async def after(self, position: int, limit: int) -> list[Event]:
        """See `Events.after`."""
        return await self._database.reading(_after, position, limit)

    async def latest(self) -> int:
        """See `Events.latest`."""
        return await self._database.asking(_latest)

    async def event(self, event_id: str) -> Event | None:
        """See `Events.event`."""
        return await self._database.reading(_event, event_id)

    async def unstreamed(self, limit: int) -> list[Event]:
        """See `Events.unstreamed`."""
        return await self._database.reading(_unstreamed, limit)

    async def streamed(self, event_ids: Sequence[str], at: datetime) -> None:
        """See `Events.streamed`."""
        await self._database.writing_of("events", _streamed, event_ids, at)

    async def backlog(self) -> Backlog:
        """See `Events.backlog`."""
        return await self._database.reading(_backlog)

    async def expire(self, before: datetime, *, streaming: bool, limit: int) -> int:
        """See `Events.expire`."""
        # Most often nothing is old: that is no reason to write.
        if not await self._database.reading(_old, before, streaming=streaming, limit=1):
            return 0
        return await self._database.writing(_expire, before, streaming=streaming, limit=limit)


def note_event(  # noqa: PLR0913 - an event says everything that is known of it
    connection: Connection,
    kind: EventType,
    *,
    data: Mapping[str, Any],
    at: datetime,
    recording_id: str | None = None,
    device_id: str | None = None,
    origin: str | None = None,
) -> None:
    """Note an event in the transaction that makes it true."""
    event = Event(
        id=make_id(Prefix.EVENT, secrets.token_bytes(ENTROPY_BYTES)),
        type=kind,
        created_at=at,
        data=data,
        recording_id=recording_id,
        device_id=device_id,
        origin=origin,
    )
    add_event(connection, event)


def add_event(connection: Connection, event: Event) -> None:
    """Keep an event."""
    connection.execute(
        _ADD,
        {
            "id": event.id,
            "type": event.type,
            "recording_id": event.recording_id,
            "device_id": event.device_id,
            "data": dict(event.data),
            "created_at": event.created_at,
            "origin": event.origin,
            "streamed_at": event.streamed_at,
        },
    )


def to_event(row: Row[Any]) -> Event:
    """Read a row of events."""
    values = dict(row._mapping)  # noqa: SLF001 - the documented accessor
    del values["seq"]
    values["type"] = EventType(values["type"])
    return Event(**values)


def _any_waiting(connection: Connection) -> bool:
    return connection.execute(_WAITING).first() is not None


def _fan_out(connection: Connection, at: datetime, limit: int) -> int:
    waiting = connection.execute(
        select(events.c.id, events.c.type)
        .where(events.c.position.is_(None))
        .order_by(events.c.seq)
        .limit(limit)
    ).all()
    if not waiting:
        return 0
    hooks = connection.execute(
        select(webhooks.c.id, webhooks.c.events)
        .where(webhooks.c.disabled_at.is_(None), webhooks.c.deleted_at.is_(None))
        .order_by(webhooks.c.seq)
    ).all()
    position = _latest(connection)
    made: list[dict[str, Any]] = []
    for event in waiting:
        position += 1
        connection.execute(
            update(events)
            .where(events.c.id == event.id, events.c.position.is_(None))
            .values(position=position)
        )
        made += [
            new_delivery(event.id, hook.id, at) for hook in hooks if _wants(hook.events, event.type)
        ]
    if made:
        connection.execute(insert(deliveries), made)
    return len(waiting)


def new_delivery(
    event_id: str, webhook_id: str, at: datetime, replay_of: str | None = None
) -> dict[str, Any]:
    """Write a row of deliveries whose first try is due at once."""
    return {
        "id": make_id(Prefix.DELIVERY, secrets.token_bytes(ENTROPY_BYTES)),
        "event_id": event_id,
        "webhook_id": webhook_id,
        "replay_of": replay_of,
        "status": DeliveryStatus.PENDING,
        "attempts": 0,
        "next_at": at,
        "history": [],
        "created_at": at,
    }


def _wants(wanted: Sequence[str], kind: str) -> bool:
    # A test is for one webhook alone, and its delivery was made with it.
    return kind != EventType.WEBHOOK_TEST and (EVERYTHING in wanted or kind in wanted)


def _after(connection: Connection, position: int, limit: int) -> list[Event]:
    query = (
        select(events).where(events.c.position > position).order_by(events.c.position).limit(limit)
    )
    return [to_event(row) for row in connection.execute(query).all()]


def _latest(connection: Connection) -> int:
    highest = select(func.coalesce(func.max(events.c.position), 0))
    latest: int = connection.execute(highest).scalar_one()
    return latest


def _event(connection: Connection, event_id: str) -> Event | None:
    row = connection.execute(select(events).where(events.c.id == event_id)).one_or_none()
    return None if row is None else to_event(row)


def _unstreamed(connection: Connection, limit: int) -> list[Event]:
    query = (
        select(events)
        .where(events.c.streamed_at.is_(None), events.c.position.is_not(None))
        .order_by(events.c.position)
        .limit(limit)
    )
    return [to_event(row) for row in connection.execute(query).all()]


def _streamed(connection: Connection, event_ids: Sequence[str], at: datetime) -> None:
    connection.execute(
        update(events)
        .where(events.c.id.in_(event_ids), events.c.streamed_at.is_(None))
        .values(streamed_at=at)
    )


def _backlog(connection: Connection) -> Backlog:
    query = select(func.count(), func.min(events.c.created_at)).where(
        events.c.streamed_at.is_(None)
    )
    waiting, oldest_at = connection.execute(query).one()
    return Backlog(waiting=waiting, oldest_at=oldest_at)


def _expire(connection: Connection, before: datetime, *, streaming: bool, limit: int) -> int:
    old = _old(connection, before, streaming=streaming, limit=limit)
    if old:
        connection.execute(delete(deliveries).where(deliveries.c.event_id.in_(old)))
        connection.execute(delete(events).where(events.c.id.in_(old)))
    return len(old)


def _old(connection: Connection, before: datetime, *, streaming: bool, limit: int) -> list[str]:
    on_its_way = (
        select(deliveries.c.id)
        .where(
            deliveries.c.event_id == events.c.id,
            deliveries.c.status == DeliveryStatus.PENDING,
        )
        .exists()
    )
    # The newest stays: positions must not be given a second time.
    query = (
        select(events.c.id)
        .where(
            events.c.created_at < before,
            events.c.position < _latest(connection),
            ~on_its_way,
        )
        .order_by(events.c.position)
        .limit(limit)
    )
    if streaming:
        query = query.where(events.c.streamed_at.is_not(None))
    return list(connection.execute(query).scalars())
