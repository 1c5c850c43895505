"""The fleet over SQLAlchemy Core (see `gateway.store.watching.Fleet`)."""

from sqlalchemy import Connection, case, func, select

from gateway.core.fleet import Standing
from gateway.model import RecordingStatus
from gateway.store.database import Database
from gateway.store.devices import to_device
from gateway.store.schema import devices, recordings

_UNFINISHED = (RecordingStatus.PENDING, RecordingStatus.INTEGRITY_FAILURE)


class SqlFleet:
    """The fleet in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, limit: int, offset: int) -> list[Standing]:
        """See `Fleet.page`."""
        return await self._database.reading(_page, limit, offset)


def _page(connection: Connection, limit: int, offset: int) -> list[Standing]:
    query = select(devices).order_by(devices.c.seq).limit(limit).offset(offset)
    found = [to_device(row) for row in connection.execute(query).all()]
    broken = case((recordings.c.status == RecordingStatus.INTEGRITY_FAILURE, 1), else_=0)
    waiting = connection.execute(
        select(
            recordings.c.device_id,
            func.count().label("unfinished"),
            func.min(recordings.c.created_at).label("oldest_at"),
            func.sum(broken).label("broken"),
        )
        .where(
            recordings.c.status.in_(_UNFINISHED),
            recordings.c.deleted_at.is_(None),
            recordings.c.device_id.in_([device.id for device in found]),
        )
        .group_by(recordings.c.device_id)
    ).all()
    of_device = {row.device_id: row for row in waiting}
    return [
        Standing(device=device)
        if (row := of_device.get(device.id)) is None
        else Standing(
            device=device,
            unfinished=int(row.unfinished),
            oldest_at=row.oldest_at,
            broken=int(row.broken),
        )
        for device in found
    ]
