"""Deliveries over SQLAlchemy Core (see `gateway.store.outgoing.Deliveries`)."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    Select,
    and_,
    func,
    insert,
    or_,
    select,
    update,
)

from gateway.errors import Conflict
from gateway.model_events import (
    Backlog,
    Claimed,
    Delivery,
    DeliveryStatus,
    Event,
    EventType,
    Lease,
    Try,
    Webhook,
)
from gateway.store.database import Database
from gateway.store.events import SqlEvents, add_event, new_delivery, to_event
from gateway.store.schema_events import deliveries, events, webhooks
from gateway.store.webhooks import webhook_of


class SqlDeliveries:
    """Deliveries in a database."""

    def __init__(self, database: Database, noted: SqlEvents) -> None:
        self._database = database
        self._bell = noted.bell

    async def claim(
        self, lease: Lease, *, limit: int, each: int, slots: Mapping[str, int]
    ) -> list[Claimed]:
        """See `Deliveries.claim`."""
        # Most often nothing is due: that is no reason to write.
        if not await self._database.asking(_any_due, lease.at, slots):
            return []
        return await self._database.writing_of(
            "deliveries", _claim, lease, limit=limit, each=each, slots=slots
        )

    async def ended(
        self, claimed: Claimed, tried: Try, next_at: datetime | None
    ) -> DeliveryStatus | None:
        """See `Deliveries.ended`."""
        return await self._database.writing_of("deliveries", _ended, claimed, tried, next_at)

    async def delivery(self, delivery_id: str) -> Delivery | None:
        """See `Deliveries.delivery`."""
        return await self._database.reading(_delivery, delivery_id)

    async def page(
        self, webhook_id: str | None, status: DeliveryStatus | None, limit: int, offset: int
    ) -> list[Delivery]:
        """See `Deliveries.page`."""
        return await self._database.reading(_page, webhook_id, status, limit, offset)

    async def test(self, event: Event, webhook_id: str) -> Delivery:
        """See `Deliveries.test`."""
        made = await self._database.writing(_test, event, webhook_id)
        self._bell.ring()
        return made

    async def replay(self, delivery_id: str, at: datetime) -> Delivery | None:
        """See `Deliveries.replay`."""
        made = await self._database.writing(_replay, delivery_id, at)
        self._bell.ring()
        return made

    async def replay_dead(self, webhook_id: str, at: datetime, limit: int) -> list[Delivery]:
        """See `Deliveries.replay_dead`."""
        made = await self._database.writing(_replay_dead, webhook_id, at, limit)
        self._bell.ring()
        return made

    async def backlog(self) -> Backlog:
        """See `Deliveries.backlog`."""
        return await self._database.reading(_backlog)


def _any_due(connection: Connection, at: datetime, slots: Mapping[str, int]) -> bool:
    full = [webhook_id for webhook_id, free in slots.items() if free <= 0]
    query = select(webhooks.c.id).where(
        webhooks.c.deleted_at.is_(None),
        webhooks.c.id.not_in(full),
        _first_due(at).is_not(None),
    )
    return connection.execute(query.limit(1)).first() is not None


def _claim(
    connection: Connection, lease: Lease, *, limit: int, each: int, slots: Mapping[str, int]
) -> list[Claimed]:
    first_at = _first_due(lease.at)
    hooks = connection.execute(
        select(webhooks.c.id)
        .where(webhooks.c.deleted_at.is_(None), first_at.is_not(None))
        .order_by(first_at, webhooks.c.id)
    ).scalars()
    taken: list[Claimed] = []
    for webhook_id in hooks.all():
        webhook = webhook_of(connection, webhook_id)
        free = min(slots.get(webhook_id, each), limit - len(taken))
        if webhook is not None and free > 0:
            taken += _take(connection, webhook, lease, free)
    return taken


def _take(connection: Connection, webhook: Webhook, lease: Lease, limit: int) -> list[Claimed]:
    due = (
        select(deliveries.c.id)
        .where(_due(lease.at), deliveries.c.webhook_id == webhook.id)
        .order_by(deliveries.c.next_at, deliveries.c.seq)
        .limit(limit)
        # Where there are other writers: theirs are left to them.
        .with_for_update(skip_locked=True)
    )
    taken = []
    for delivery_id in connection.execute(due).scalars().all():
        mine = connection.execute(
            update(deliveries)
            .where(deliveries.c.id == delivery_id, _due(lease.at))
            .values(leased_by=lease.name, leased_until=lease.until)
        )
        delivery = _delivery(connection, delivery_id)
        if mine.rowcount == 0 or delivery is None:
            continue
        event = connection.execute(select(events).where(events.c.id == delivery.event_id)).one()
        taken.append(
            Claimed(delivery=delivery, event=to_event(event), webhook=webhook, lease=lease.name)
        )
    return taken


def _ended(
    connection: Connection, claimed: Claimed, tried: Try, next_at: datetime | None
) -> DeliveryStatus | None:
    mine = (
        deliveries.c.id == claimed.delivery.id,
        deliveries.c.leased_by == claimed.lease,
        deliveries.c.status == DeliveryStatus.PENDING,
    )
    row = connection.execute(select(deliveries.c.history).where(*mine)).one_or_none()
    if row is None:
        return None
    status = DeliveryStatus.PENDING
    if tried.good:
        status, next_at = DeliveryStatus.DELIVERED, None
    elif next_at is None:
        status = DeliveryStatus.DEAD
    connection.execute(
        update(deliveries)
        .where(*mine)
        .values(
            status=status,
            attempts=deliveries.c.attempts + 1,
            next_at=next_at,
            leased_by=None,
            leased_until=None,
            history=[*row.history, {**dataclasses.asdict(tried), "at": tried.at.isoformat()}],
            ended_at=None if status is DeliveryStatus.PENDING else tried.at,
        )
    )
    return status


def _delivery(connection: Connection, delivery_id: str) -> Delivery | None:
    row = connection.execute(_shown().where(deliveries.c.id == delivery_id)).one_or_none()
    return None if row is None else _to_delivery(row)


def _page(
    connection: Connection,
    webhook_id: str | None,
    status: DeliveryStatus | None,
    limit: int,
    offset: int,
) -> list[Delivery]:
    query = _shown().order_by(deliveries.c.seq.desc()).limit(limit).offset(offset)
    if webhook_id is not None:
        query = query.where(deliveries.c.webhook_id == webhook_id)
    if status is not None:
        query = query.where(deliveries.c.status == status)
    return [_to_delivery(row) for row in connection.execute(query).all()]


def _test(connection: Connection, event: Event, webhook_id: str) -> Delivery:
    add_event(connection, event)
    return _made(connection, event.id, webhook_id, event.created_at, None)


def _replay(connection: Connection, delivery_id: str, at: datetime) -> Delivery | None:
    known = _delivery(connection, delivery_id)
    if known is None:
        return None
    if known.status is DeliveryStatus.PENDING:
        raise Conflict("the delivery is on its way; its next try is in next_at")
    _check_open(connection, known.webhook_id)
    return _made(connection, known.event_id, known.webhook_id, at, known.id)


def _replay_dead(
    connection: Connection, webhook_id: str, at: datetime, limit: int
) -> list[Delivery]:
    _check_open(connection, webhook_id)
    again = deliveries.alias("again")
    replayed = select(again.c.id).where(again.c.replay_of == deliveries.c.id).exists()
    dead = connection.execute(
        select(deliveries.c.id, deliveries.c.event_id)
        .where(
            deliveries.c.webhook_id == webhook_id,
            deliveries.c.status == DeliveryStatus.DEAD,
            ~replayed,
        )
        .order_by(deliveries.c.seq)
        .limit(limit)
    ).all()
    return [_made(connection, row.event_id, webhook_id, at, row.id) for row in dead]


def _check_open(connection: Connection, webhook_id: str) -> None:
    webhook = webhook_of(connection, webhook_id)
    if webhook is None:
        raise Conflict("the webhook was deleted")
    if webhook.disabled_at is not None:
        raise Conflict("the webhook is disabled; enable it first")


def _made(
    connection: Connection, event_id: str, webhook_id: str, at: datetime, replay_of: str | None
) -> Delivery:
    row = new_delivery(event_id, webhook_id, at, replay_of)
    connection.execute(insert(deliveries).values(**row))
    return _to_delivery(connection.execute(_shown().where(deliveries.c.id == row["id"])).one())


def _backlog(connection: Connection) -> Backlog:
    query = select(func.count(), func.min(deliveries.c.created_at)).where(
        deliveries.c.status == DeliveryStatus.PENDING
    )
    waiting, oldest_at = connection.execute(query).one()
    return Backlog(waiting=waiting, oldest_at=oldest_at)


def _due(at: datetime) -> ColumnElement[bool]:
    return and_(
        deliveries.c.status == DeliveryStatus.PENDING,
        deliveries.c.next_at <= at,
        or_(deliveries.c.leased_until.is_(None), deliveries.c.leased_until <= at),
    )


def _first_due(at: datetime) -> ScalarSelect[Any]:
    """Say when the first of a webhook's was due: one look at the index, however long its queue."""
    return (
        select(deliveries.c.next_at)
        .where(deliveries.c.webhook_id == webhooks.c.id, _due(at))
        .order_by(deliveries.c.next_at)
        .limit(1)
        .scalar_subquery()
    )


def _shown() -> Select[Any]:
    return select(deliveries, events.c.type.label("event_type")).join(
        events, deliveries.c.event_id == events.c.id
    )


def _to_delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        event_id=row.event_id,
        event_type=EventType(row.event_type),
        webhook_id=row.webhook_id,
        status=DeliveryStatus(row.status),
        created_at=row.created_at,
        attempts=row.attempts,
        next_at=row.next_at,
        ended_at=row.ended_at,
        replay_of=row.replay_of,
        history=tuple(
            Try(**{**tried, "at": datetime.fromisoformat(tried["at"])}) for tried in row.history
        ),
    )
