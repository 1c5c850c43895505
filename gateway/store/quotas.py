"""Quotas and what was used of them over SQLAlchemy Core (see `gateway.store.bounds.Quotas`)."""

import dataclasses
from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Connection, delete, insert, select, update

from gateway.model_bounds import Quota, Usage
from gateway.store.database import Database
from gateway.store.schema_bounds import kept, quotas, usage


class SqlQuotas:
    """Quotas in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, subjects: Sequence[str]) -> dict[str, Quota]:
        """See `Quotas.read`."""
        return await self._database.reading(_read, subjects)

    async def all(self) -> dict[str, Quota]:
        """See `Quotas.all`."""
        return await self._database.reading(_read, None)

    async def write(self, subject: str, quota: Quota, at: datetime) -> None:
        """See `Quotas.write`."""
        await self._database.writing(_write, subject, quota, at)

    async def used(self, subject: str, day: date) -> Usage:
        """See `Quotas.used`."""
        return await self._database.reading(_used, subject, day)

    async def forget(self, before: date) -> None:
        """See `Quotas.forget`."""
        await self._database.writing(_forget, before)


def _read(connection: Connection, subjects: Sequence[str] | None) -> dict[str, Quota]:
    query = select(quotas.c.subject, quotas.c.document)
    if subjects is not None:
        query = query.where(quotas.c.subject.in_(subjects))
    return {row.subject: Quota(**row.document) for row in connection.execute(query).all()}


def _write(connection: Connection, subject: str, quota: Quota, at: datetime) -> None:
    document = {name: n for name, n in dataclasses.asdict(quota).items() if n is not None}
    values = {"document": document, "changed_at": at}
    changed = connection.execute(update(quotas).where(quotas.c.subject == subject).values(**values))
    if changed.rowcount == 0:
        connection.execute(insert(quotas).values(subject=subject, **values))


def _used(connection: Connection, subject: str, day: date) -> Usage:
    query = select(usage.c.recordings, usage.c.media, usage.c.media_bytes).where(
        usage.c.subject == subject, usage.c.day == day
    )
    row = connection.execute(query).one_or_none()
    total = connection.execute(select(kept.c.media_bytes).where(kept.c.subject == subject)).scalar()
    counted = {} if row is None else dict(row._mapping)  # noqa: SLF001 - the documented accessor
    return Usage(day=day, storage_bytes=total or 0, **counted)


def _forget(connection: Connection, before: date) -> None:
    connection.execute(delete(usage).where(usage.c.day < before))
