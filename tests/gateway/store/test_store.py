"""The database: its versions, its writers, its faults."""

import asyncio
import sqlite3
from datetime import timedelta

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from gateway.errors import DatabaseDamaged, DatabaseOutdated, Unavailable
from gateway.model import DeviceToken, EnrolCode, Recording, RecordingFilter
from gateway.store.migrate import HEAD, _config
from gateway.store.postgres import PostgresDatabase
from gateway.store.schema import metadata
from gateway.store.sql import migrate, open_store
from gateway.store.sqlite import SqliteDatabase
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.asyncio


def revise(folder, revision):
    connection = sqlite3.connect(folder / "gateway.db")
    connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.commit()
    connection.close()


async def test_a_new_folder_is_set_up(tmp_path):
    """Opening a new folder makes the tables; migrating afterwards changes nothing."""
    async with open_store(tmp_path) as store:
        await store.ping()

    assert await migrate(tmp_path) is False


async def test_migrations_make_the_tables_that_the_code_expects(any_store):
    """The newest migration and the schema in code are the same, on each kind of database."""
    differences = await any_store._database.reading(
        lambda connection: compare_metadata(
            MigrationContext.configure(connection, opts={"compare_type": True}), metadata
        )
    )

    assert differences == []


async def test_the_newest_migration_is_the_one_named():
    """The version in code is Alembic's head."""
    assert ScriptDirectory.from_config(_config()).get_current_head() == HEAD


async def older(folder, revision, *statements):
    """Make a database as an older release left it."""
    await make(SqliteDatabase(folder / "gateway.db"), revision, *statements)


async def make(database, revision, *statements):
    def migrated(connection):
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        for statement in statements:
            connection.execute(text(statement))

    await database.writing(migrated)
    await database.aclose()


async def test_a_database_of_the_first_version_is_migrated(tmp_path):
    """What an older release kept is there after the migration, and can be worked on."""
    await older(
        tmp_path,
        "0001",
        "INSERT INTO recordings (id, status, metadata, created_at)"
        " VALUES ('rec_1', 'pending', '{}', '2026-03-01 12:00:00')",
        "INSERT INTO media (id, recording_id, type, content_type, status, created_at)"
        " VALUES ('med_1', 'rec_1', 'audio', 'audio/ogg', 'pending', '2026-03-01 12:00:00')",
    )
    migrated = await migrate(tmp_path)
    now = FakeClock().now()
    async with open_store(tmp_path) as store:
        idle = await store.idle.media(now + timedelta(days=1))
        done = await store.recordings.finish_medium(idle[0], size_bytes=1, sha256="0" * 64)

    assert migrated is True
    assert ["med_1"] == [medium.id for medium in idle]
    assert ("0" * 64, None) == (done.content_sha256, done.expired_at)


async def test_tokens_of_the_second_version_work_after_the_migration(tmp_path):
    """Devices need no new token, and one that is enrolled then ends the one from before."""
    await older(
        tmp_path,
        "0002",
        "INSERT INTO devices (id, serial_number, metadata, heartbeat, binding_generation,"
        " created_at, updated_at)"
        " VALUES ('dev_1', 'AM-07', '{}', '{}', 0, '2026-03-01 12:00:00', '2026-03-01 12:00:00')",
        "INSERT INTO device_tokens (id, device_id, token_hash, created_at)"
        " VALUES ('tok_1', 'dev_1', 'old', '2026-03-01 12:00:00')",
    )
    await migrate(tmp_path)
    now = FakeClock().now()
    fresh = DeviceToken(id="tok_2", device_id="", token_hash="new", created_at=now)  # noqa: S106
    code = EnrolCode(
        id="enc_1",
        device_id="dev_1",
        code_hash="c",
        created_at=now,
        expires_at=now + timedelta(minutes=1),
    )
    async with open_store(tmp_path) as store:
        before = await store.devices.token("old")
        await store.enrolments.add(code)
        enrolled = await store.enrolments.redeem("c", fresh)
        await store.devices.used(enrolled, now)
        after = await store.devices.token("old")

    assert (before.enrolment, before.revoked_at) == (0, None)
    assert ("dev_1", 1) == (enrolled.device_id, enrolled.enrolment)
    assert after.revoked_at == now


async def test_an_old_database_is_not_touched(tmp_path):
    """A database that lacks migrations is refused with the command that helps."""
    connection = sqlite3.connect(tmp_path / "gateway.db")
    connection.execute("CREATE TABLE devices (id TEXT)")
    connection.commit()
    connection.close()

    with pytest.raises(DatabaseOutdated, match="run migrate"):
        async with open_store(tmp_path):
            pass


async def test_a_newer_database_is_not_touched(tmp_path):
    """An old program does not write into a newer database."""
    async with open_store(tmp_path):
        pass
    revise(tmp_path, "9999")

    with pytest.raises(DatabaseOutdated, match="newer"):
        async with open_store(tmp_path):
            pass
    with pytest.raises(DatabaseOutdated, match="newer"):
        await migrate(tmp_path)


async def test_a_newer_shared_database_is_not_touched(postgres, postgres_server, tmp_path):
    """The same where others serve from it."""
    name = postgres.url.rpartition("/")[2]
    await asyncio.to_thread(
        postgres_server.run, "UPDATE alembic_version SET version_num = '9999'", name
    )

    with pytest.raises(DatabaseOutdated, match="newer"):
        async with open_store(tmp_path, postgres):
            pass
    with pytest.raises(DatabaseOutdated, match="newer"):
        await migrate(tmp_path, postgres)


async def test_a_shared_database_of_the_third_version_is_migrated(empty_postgres, tmp_path):
    """Every migration runs there too, and what was kept is there afterwards."""
    database = PostgresDatabase(empty_postgres)
    await make(
        database,
        "0003",
        "INSERT INTO recordings (id, status, metadata, created_at)"
        " VALUES ('rec_1', 'pending', '{}', '2026-03-01 12:00:00Z')",
    )
    with pytest.raises(DatabaseOutdated, match="run migrate"):
        async with open_store(tmp_path, empty_postgres):
            pass
    migrated = await migrate(tmp_path, empty_postgres)
    async with open_store(tmp_path, empty_postgres) as store:
        found = await store.recordings.recording("rec_1")

    assert migrated is True
    assert FakeClock().now().tzinfo == found.created_at.tzinfo


async def test_two_programs_set_up_one_folder(tmp_path):
    """Opening a new folder twice at once ends in one good database."""

    async def look():
        async with open_store(tmp_path) as store:
            return await store.recordings.page(RecordingFilter(), 1, 0)

    assert await asyncio.gather(look(), look(), look()) == [[], [], []]


async def test_a_locked_database_is_unavailable(tmp_path, monkeypatch):
    """Another program that holds the lock too long is a 503, not a bug."""
    monkeypatch.setattr("gateway.store.sqlite._BUSY_TIMEOUT_MS", 1)
    now = FakeClock().now()
    async with open_store(tmp_path) as store:
        holder = sqlite3.connect(tmp_path / "gateway.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            await store.recordings.create(Recording(id="rec_1", created_at=now), None)
        holder.execute("ROLLBACK")
        holder.close()
        made = await store.recordings.create(Recording(id="rec_1", created_at=now), None)

    assert made.value.id == "rec_1"


async def test_a_file_that_is_no_database_is_told(tmp_path):
    """A damaged database file is one clear error, and is left as it is."""
    path = tmp_path / "gateway.db"
    await asyncio.to_thread(path.write_bytes, b"no database" * 1000)
    with pytest.raises(DatabaseDamaged):
        async with open_store(tmp_path):
            pass

    assert await asyncio.to_thread(path.read_bytes) == b"no database" * 1000
