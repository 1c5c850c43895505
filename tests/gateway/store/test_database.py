"""What every connection promises: durable commits, one writer among programs, no orphans."""

import asyncio
import threading

import pytest
import pytest_asyncio
from sqlalchemy import text

from gateway.store.sqlite import SqliteDatabase

pytestmark = pytest.mark.asyncio

FULL = 2


@pytest_asyncio.fixture
async def database(tmp_path):
    database = SqliteDatabase(tmp_path / "some.db")
    await database.writing(lambda c: c.execute(text("CREATE TABLE t (n INTEGER)")) and None)
    yield database
    await database.aclose()


@pytest.mark.parametrize("kind", ["reading", "writing"])
@pytest.mark.parametrize(
    ("setting", "value"), [("synchronous", FULL), ("journal_mode", "wal"), ("foreign_keys", 1)]
)
async def test_every_connection_is_set_up(database, kind, setting, value):
    """A commit waits for the disk, readers do not wait for it, and rows refer to rows."""
    run = getattr(database, kind)

    assert value == await run(lambda c: c.execute(text(f"PRAGMA {setting}")).scalar_one())


async def test_who_reads_before_writing_is_alone_among_programs(database, tmp_path):
    """Another program's write waits for a transaction that has only read yet, and spoils it not."""
    other = SqliteDatabase(tmp_path / "some.db")
    has_read, may_write = threading.Event(), threading.Event()

    def count_and_put(connection):
        number = connection.execute(text("SELECT count(*) FROM t")).scalar_one()
        has_read.set()
        assert may_write.wait(10)
        connection.execute(text("INSERT INTO t VALUES (:n)"), {"n": number})
        return number

    first = asyncio.create_task(database.writing(count_and_put))
    await asyncio.to_thread(has_read.wait)
    second = asyncio.create_task(other.writing(count_and_put))
    await asyncio.wait([second], timeout=0.2)
    may_write.set()
    numbers = await asyncio.gather(first, second)
    await other.aclose()

    assert [0, 1] == numbers
