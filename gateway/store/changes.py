"""What changes and no event tells, over SQLAlchemy Core (see `gateway.store.watching.Changes`)."""

from datetime import datetime

from sqlalchemy import Connection, select

from gateway.core.watching import Look
from gateway.store.database import Database
from gateway.store.schema import devices
from gateway.store.schema_events import deliveries
from gateway.store.schema_people import phone_visits

_NEWEST = 50


class SqlChanges:
    """Changes in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def look(self, heard_after: datetime | None) -> Look:
        """See `Changes.look`."""
        return await self._database.reading(_look, heard_after)


def _look(connection: Connection, heard_after: datetime | None) -> Look:
    heard = select(devices.c.id, devices.c.last_heartbeat_at)
    if heard_after is None:
        heard = heard.where(devices.c.last_heartbeat_at.is_not(None)).limit(1)
    else:
        heard = heard.where(devices.c.last_heartbeat_at > heard_after)
    sent = select(
        deliveries.c.id, deliveries.c.webhook_id, deliveries.c.status, deliveries.c.attempts
    )
    visits = select(
        phone_visits.c.id,
        phone_visits.c.phone_id,
        phone_visits.c.device_id,
        phone_visits.c.state,
        phone_visits.c.heard_at,
    )
    return Look(
        heard={
            row.id: row.last_heartbeat_at
            for row in connection.execute(heard.order_by(devices.c.last_heartbeat_at.desc()))
        },
        deliveries={
            row.id: {
                "delivery_id": row.id,
                "webhook_id": row.webhook_id,
                "status": row.status,
                "attempts": row.attempts,
            }
            for row in connection.execute(sent.order_by(deliveries.c.seq.desc()).limit(_NEWEST))
        },
        visits={
            row.id: {
                "visit_id": row.id,
                "phone_id": row.phone_id,
                "device_id": row.device_id,
                "state": row.state,
                "heard_at": row.heard_at.isoformat(),
            }
            for row in connection.execute(visits.order_by(phone_visits.c.seq.desc()).limit(_NEWEST))
        },
    )
