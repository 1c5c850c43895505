"""Who did what over SQLAlchemy Core (see `gateway.store.bounds.Audit`)."""

import dataclasses
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from gateway.model_bounds import AuditEntry, AuditFilter
from gateway.store.database import Database
from gateway.store.schema_bounds import audit


class SqlAudit:
    """The audit log in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, entry: AuditEntry) -> None:
        """See `Audit.note`."""
        await self._database.writing_of(entry.subject, _note, entry)

    async def page(self, which: AuditFilter, limit: int) -> list[AuditEntry]:
        """See `Audit.page`."""
        return await self._database.reading(_page, which, limit)

    async def forget(self, before: datetime) -> int:
        """See `Audit.forget`."""
        return await self._database.writing(_forget, before)


def _note(connection: Connection, entry: AuditEntry) -> None:
    values = dataclasses.asdict(entry)
    del values["seq"]
    connection.execute(insert(audit).values(**values))


def _page(connection: Connection, which: AuditFilter, limit: int) -> list[AuditEntry]:
    query = select(audit).order_by(audit.c.seq.desc()).limit(limit)
    if which.subject is not None:
        query = query.where(audit.c.subject == which.subject)
    if which.actor is not None:
        query = query.where(audit.c.actor == which.actor)
    if which.before is not None:
        query = query.where(audit.c.seq < which.before)
    rows = connection.execute(query).all()
    return [AuditEntry(**row._mapping) for row in rows]  # noqa: SLF001 - the documented accessor


def _forget(connection: Connection, before: datetime) -> int:
    return connection.execute(delete(audit).where(audit.c.at < before)).rowcount
