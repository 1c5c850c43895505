"""Bring a database to this program's version; a new one at once, an old one only when told."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from gateway.store.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0004"
"""The newest migration. Written here so that a current database is known without Alembic."""


class Version(StrEnum):
    """How a database stands to this program."""

    NEW = "new"
    CURRENT = "current"
    BEHIND = "behind"
    AHEAD = "ahead"


async def version(database: Database) -> Version:
    """Say how the database stands to this program."""
    return await database.reading(_version)


async def upgrade(database: Database) -> None:
    """Run every migration that is missing, in one transaction; repeatable."""
    await database.writing(_upgrade)


def _config() -> "Config":
    # Deferred: Alembic is slow to import, and most starts find a current database.
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def _version(connection: Connection) -> Version:
    tables = inspect(connection).get_table_names()
    if not tables:
        return Version.NEW
    if "alembic_version" not in tables:
        return Version.BEHIND
    current = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if current == HEAD:
        return Version.CURRENT
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see `_config`

    known = {each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions()}
    return Version.BEHIND if current is None or current in known else Version.AHEAD


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - see `_config`

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
