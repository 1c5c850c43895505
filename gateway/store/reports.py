"""What devices say of themselves, over SQLAlchemy Core (see `gateway.store.life.Reports`)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Delete, Table, bindparam, delete, insert, select, update

from gateway.model import Fault, Report
from gateway.store.database import Database
from gateway.store.schema import devices, faults, heartbeats

MOST_HEARTBEATS = 100
"""How many heartbeats of a device are kept."""

MOST_FAULTS = 1000
"""How many faults of a device are kept."""


def _trim(table: Table, most: int) -> Delete:
    oldest_but = (
        select(table.c.seq)
        .where(table.c.device_id == bindparam("whose"))
        .order_by(table.c.seq.desc())
        .limit(1)
        .offset(most)
        .scalar_subquery()
    )
    return delete(table).where(table.c.device_id == bindparam("whose"), table.c.seq <= oldest_but)


# Every heartbeat asks these: to build a statement takes longer than to run it.
_ADD = insert(heartbeats).inline()
_TRIM_HEARTBEATS = _trim(heartbeats, MOST_HEARTBEATS)
_TRIM_FAULTS = _trim(faults, MOST_FAULTS)


class SqlReports:
    """Heartbeats and faults in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(
        self,
        device_id: str,
        report: Mapping[str, Any],
        faults: Mapping[str, Mapping[str, Any]],
        at: datetime,
    ) -> None:
        """See `Reports.keep`."""
        await self._database.writing_of(device_id, _keep, device_id, report, faults, at)

    async def heartbeats(self, device_id: str, limit: int) -> list[Report]:
        """See `Reports.heartbeats`."""
        return await self._database.reading(_heartbeats, device_id, limit)

    async def faults(self, device_id: str, limit: int) -> list[Fault]:
        """See `Reports.faults`."""
        return await self._database.reading(_faults, device_id, limit)


def _keep(
    connection: Connection,
    device_id: str,
    report: Mapping[str, Any],
    told: Mapping[str, Mapping[str, Any]],
    at: datetime,
) -> None:
    values: dict[str, Any] = {"heartbeat": dict(report), "last_heartbeat_at": at}
    for column, said in (("firmware_version", "firmware_version"), ("name", "device_name")):
        if report.get(said) is not None:
            values[column] = report[said]
    connection.execute(update(devices).where(devices.c.id == device_id).values(**values))
    connection.execute(_ADD, {"device_id": device_id, "at": at, "report": dict(report)})
    connection.execute(_TRIM_HEARTBEATS, {"whose": device_id})
    if told:
        _keep_faults(connection, device_id, told, at)
        connection.execute(_TRIM_FAULTS, {"whose": device_id})


def _keep_faults(
    connection: Connection, device_id: str, told: Mapping[str, Mapping[str, Any]], at: datetime
) -> None:
    # Known from a heartbeat whose answer was lost.
    query = select(faults.c.event_id).where(
        faults.c.device_id == device_id, faults.c.event_id.in_(told)
    )
    known = set(connection.execute(query).scalars())
    new = [
        {"device_id": device_id, "event_id": event_id, "event": dict(event), "received_at": at}
        for event_id, event in told.items()
        if event_id not in known
    ]
    if new:
        connection.execute(insert(faults), new)


def _heartbeats(connection: Connection, device_id: str, limit: int) -> list[Report]:
    query = (
        select(heartbeats.c.at, heartbeats.c.report)
        .where(heartbeats.c.device_id == device_id)
        .order_by(heartbeats.c.seq.desc())
        .limit(limit)
    )
    return [Report(at=row.at, report=row.report) for row in connection.execute(query).all()]


def _faults(connection: Connection, device_id: str, limit: int) -> list[Fault]:
    query = (
        select(faults.c.event, faults.c.received_at)
        .where(faults.c.device_id == device_id)
        .order_by(faults.c.seq.desc())
        .limit(limit)
    )
    rows = connection.execute(query).all()
    return [Fault(event=row.event, received_at=row.received_at) for row in rows]
