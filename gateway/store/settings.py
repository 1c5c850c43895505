"""Settings of devices over SQLAlchemy Core (see `gateway.store.life.SettingsLevels`)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from gateway.model import Level
from gateway.store.database import Database
from gateway.store.schema import settings

_LEVELS = select(settings).where(settings.c.level.in_(bindparam("names", expanding=True)))


class SqlSettings:
    """Settings in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def levels(self, names: Sequence[str]) -> list[Level]:
        """See `SettingsLevels.levels`."""
        return await self._database.asking(_levels, names)

    async def change(
        self,
        name: str,
        change: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        at: datetime,
    ) -> Level:
        """See `SettingsLevels.change`."""
        return await self._database.writing_of(name, _change, name, change, at)


def _levels(connection: Connection, names: Sequence[str]) -> list[Level]:
    known = {
        row.level: Level(document=row.document, version=row.version)
        for row in connection.execute(_LEVELS, {"names": names}).all()
    }
    return [known.get(name, Level()) for name in names]


def _change(
    connection: Connection,
    name: str,
    change: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    at: datetime,
) -> Level:
    (before,) = _levels(connection, [name])
    document = change(before.document)
    if document == before.document:
        return before
    values = {"document": dict(document), "version": before.version + 1, "changed_at": at}
    if before.version == 0:
        connection.execute(insert(settings).values(level=name, **values))
    else:
        connection.execute(update(settings).where(settings.c.level == name).values(**values))
    return Level(document=document, version=before.version + 1)
