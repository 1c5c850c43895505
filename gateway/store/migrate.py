"""Bring a database to this program's version; a new one at once, an old one only when told."""

from enum import StrEnum
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from gateway.store.database import Database


class Version(StrEnum):
    """How a database stands to this program."""

    NEW = "new"
    CURRENT = "current"
    BEHIND = "behind"
    AHEAD = "ahead"


async def version(database: Database) -> Version:
    """Say how the database stands to this program."""
    async with database.reading() as connection:
        return await connection.run_sync(_version)


async def upgrade(database: Database) -> None:
    """Run every migration that is missing, in one transaction; repeatable."""
    async with database.writing() as connection:
        await connection.run_sync(_upgrade)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def _version(connection: Connection) -> Version:
    if not inspect(connection).get_table_names():
        return Version.NEW
    script = ScriptDirectory.from_config(_config())
    current = MigrationContext.configure(connection).get_current_revision()
    if current == script.get_current_head():
        return Version.CURRENT
    known = {revision.revision for revision in script.walk_revisions()}
    return Version.BEHIND if current is None or current in known else Version.AHEAD


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
