"""Webhooks over SQLAlchemy Core (see `gateway.store.outgoing.Webhooks`)."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from gateway.errors import Conflict
from gateway.model_events import DeliveryStatus, Webhook
from gateway.store.database import Database
from gateway.store.schema_events import deliveries, webhooks


class SqlWebhooks:
    """Webhooks in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, webhook: Webhook, *, limit: int) -> None:
        """See `Webhooks.add`."""
        await self._database.writing(_add, webhook, limit)

    async def webhook(self, webhook_id: str) -> Webhook | None:
        """See `Webhooks.webhook`."""
        return await self._database.reading(webhook_of, webhook_id)

    async def all(self) -> list[Webhook]:
        """See `Webhooks.all`."""
        return await self._database.reading(_all)

    async def change(self, webhook: Webhook, at: datetime) -> bool:
        """See `Webhooks.change`."""
        return await self._database.writing(_change, webhook, at)

    async def rotate(self, webhook_id: str) -> Webhook | None:
        """See `Webhooks.rotate`."""
        return await self._database.writing(_rotate, webhook_id)

    async def delete(self, webhook_id: str, at: datetime) -> bool:
        """See `Webhooks.delete`."""
        return await self._database.writing(_delete, webhook_id, at)


def webhook_of(connection: Connection, webhook_id: str) -> Webhook | None:
    """See `Webhooks.webhook`."""
    row = connection.execute(
        select(webhooks).where(webhooks.c.id == webhook_id, webhooks.c.deleted_at.is_(None))
    ).one_or_none()
    return None if row is None else to_webhook(row)


def to_webhook(row: Row[Any]) -> Webhook:
    """Read a row of webhooks."""
    return Webhook(
        id=row.id,
        url=row.url,
        events=tuple(row.events),
        created_at=row.created_at,
        description=row.description,
        secret_generation=row.secret_generation,
        disabled_at=row.disabled_at,
    )


def _add(connection: Connection, webhook: Webhook, limit: int) -> None:
    count = select(func.count()).select_from(webhooks).where(webhooks.c.deleted_at.is_(None))
    if connection.execute(count).scalar_one() >= limit:
        raise Conflict(f"there are {limit} webhooks already; delete one first")
    connection.execute(
        insert(webhooks).values(
            id=webhook.id,
            url=webhook.url,
            description=webhook.description,
            events=list(webhook.events),
            created_at=webhook.created_at,
            secret_generation=webhook.secret_generation,
            disabled_at=webhook.disabled_at,
        )
    )


def _all(connection: Connection) -> list[Webhook]:
    query = select(webhooks).where(webhooks.c.deleted_at.is_(None)).order_by(webhooks.c.seq)
    return [to_webhook(row) for row in connection.execute(query).all()]


def _change(connection: Connection, webhook: Webhook, at: datetime) -> bool:
    changed = connection.execute(
        update(webhooks)
        .where(webhooks.c.id == webhook.id, webhooks.c.deleted_at.is_(None))
        .values(
            url=webhook.url,
            description=webhook.description,
            events=list(webhook.events),
            disabled_at=webhook.disabled_at,
        )
    )
    if changed.rowcount and webhook.disabled_at is not None:
        _cancel(connection, webhook.id, at)
    return bool(changed.rowcount)


def _rotate(connection: Connection, webhook_id: str) -> Webhook | None:
    connection.execute(
        update(webhooks)
        .where(webhooks.c.id == webhook_id, webhooks.c.deleted_at.is_(None))
        .values(secret_generation=webhooks.c.secret_generation + 1)
    )
    return webhook_of(connection, webhook_id)


def _delete(connection: Connection, webhook_id: str, at: datetime) -> bool:
    deleted = connection.execute(
        update(webhooks)
        .where(webhooks.c.id == webhook_id, webhooks.c.deleted_at.is_(None))
        .values(deleted_at=at)
    )
    if deleted.rowcount:
        _cancel(connection, webhook_id, at)
    return bool(deleted.rowcount)


def _cancel(connection: Connection, webhook_id: str, at: datetime) -> None:
    connection.execute(
        update(deliveries)
        .where(
            deliveries.c.webhook_id == webhook_id,
            deliveries.c.status == DeliveryStatus.PENDING,
        )
        .values(
            status=DeliveryStatus.CANCELLED,
            ended_at=at,
            next_at=None,
            leased_by=None,
            leased_until=None,
        )
    )
