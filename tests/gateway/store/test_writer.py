"""One writer: who waits together is committed together, and nobody pays for another's failure."""

import asyncio
import sqlite3
import threading

import pytest
import pytest_asyncio
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from gateway.errors import NotFound, Unavailable
from gateway.store.sqlite import SqliteDatabase

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def database(tmp_path):
    database = SqliteDatabase(tmp_path / "some.db")
    await database.writing(lambda c: c.execute(text("CREATE TABLE t (n INTEGER)")) and None)
    yield database
    await database.aclose()


@pytest.fixture
def commits(database):
    seen = []
    event.listen(database._writer._engine, "commit", seen.append)
    return seen


def put(connection, number):
    connection.execute(text("INSERT INTO t VALUES (:n)"), {"n": number})
    return number


def fail(connection, number):
    put(connection, number)
    raise NotFound("no")


async def kept(database):
    return await database.reading(
        lambda c: list(c.execute(text("SELECT n FROM t ORDER BY n")).scalars())
    )


class Held:
    """Work that holds the writer until it is let go."""

    def __init__(self):
        self.begun, self.may_end = threading.Event(), threading.Event()

    def __call__(self, connection):
        self.begun.set()
        assert self.may_end.wait(10)


async def behind(database, *works):
    """Run works that all wait for the writer at the same time."""
    held = Held()
    first = asyncio.create_task(database.writing(held))
    await asyncio.to_thread(held.begun.wait)
    waiting = [asyncio.create_task(database.writing(*work)) for work in works]
    await asyncio.to_thread(lambda: None)
    held.may_end.set()
    await first
    return waiting


async def test_those_who_wait_share_a_commit(database, commits):
    """Ten transactions that wait for the writer cost one commit, each with its own result."""
    waiting = await behind(database, *[(put, number) for number in range(10)])
    results = await asyncio.gather(*waiting)

    assert list(range(10)) == results
    assert list(range(10)) == await kept(database)
    assert 2 == len(commits)


async def test_a_failure_is_its_own(database):
    """One that fails beside others leaves nothing, and the others count."""
    waiting = await behind(database, (put, 1), (fail, 2), (put, 3))
    results = await asyncio.gather(*waiting, return_exceptions=True)

    assert [1, NotFound, 3] == [r if isinstance(r, int) else type(r) for r in results]
    assert [1, 3] == await kept(database)


async def test_one_who_left_while_waiting_changes_nothing(database):
    """Work whose caller was cancelled before its turn is not done."""
    held = Held()
    first = asyncio.create_task(database.writing(held))
    await asyncio.to_thread(held.begun.wait)
    left = asyncio.create_task(database.writing(put, 1))
    stays = asyncio.create_task(database.writing(put, 2))
    await asyncio.to_thread(lambda: None)
    left.cancel()
    held.may_end.set()
    await first

    assert 2 == await stays
    assert [2] == await kept(database)


async def test_one_who_leaves_during_the_commit_holds_up_nobody(database):
    """Where a caller is cancelled while its work runs, those beside it get their results."""
    held = Held()
    waiting = await behind(database, (held,), (put, 1))
    await asyncio.to_thread(held.begun.wait)
    waiting[0].cancel()
    await asyncio.gather(waiting[0], return_exceptions=True)
    held.may_end.set()
    async with asyncio.timeout(5):
        result = await waiting[1]

    assert 1 == result
    assert [1] == await kept(database)


async def test_what_is_answered_is_committed(database):
    """When a write returns, another connection sees it: the commit came before the answer."""
    for number in range(20):
        await asyncio.gather(*(database.writing(put, number) for _ in range(3)))

        assert 3 * (number + 1) == len(await kept(database))


async def test_closing_waits_for_what_is_under_way(tmp_path):
    """A transaction that runs while the database is closed is committed; closing twice is fine."""
    database = SqliteDatabase(tmp_path / "some.db")
    await database.writing(lambda c: c.execute(text("CREATE TABLE t (n INTEGER)")) and None)
    held = Held()

    def slow(connection):
        held(connection)
        put(connection, 1)

    writing = asyncio.create_task(database.writing(slow))
    await asyncio.to_thread(held.begun.wait)
    closing = asyncio.create_task(database.aclose())
    held.may_end.set()
    await asyncio.gather(writing, closing)
    await database.aclose()
    again = SqliteDatabase(tmp_path / "some.db")

    assert [1] == await kept(again)
    await again.aclose()


async def test_a_locked_database_is_waited_for_once(tmp_path, monkeypatch):
    """Where another program holds the lock too long, all who wait together are told together."""
    monkeypatch.setattr("gateway.store.sqlite._BUSY_TIMEOUT_MS", 1)
    database = SqliteDatabase(tmp_path / "some.db")
    await database.writing(lambda c: c.execute(text("CREATE TABLE t (n INTEGER)")) and None)
    tries = []
    commit = database._writer._commit
    monkeypatch.setattr(database._writer, "_commit", lambda w: tries.append(len(w)) or commit(w))
    holder = sqlite3.connect(tmp_path / "some.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    writes = [database.writing(put, number) for number in range(5)]
    results = await asyncio.gather(*writes, return_exceptions=True)
    holder.close()
    await database.aclose()

    assert [Unavailable] * 5 == [type(result) for result in results]
    assert [5] == tries


async def test_those_who_are_run_again_wait_for_a_lock_once(database, monkeypatch):
    """A database that is locked before each is run by itself is waited for once, not by each."""
    tries = []
    commit = database._writer._commit

    def locked_after_the_first_failure(works):
        tries.append(len(works))
        if len(tries) > 2:
            raise OperationalError("BEGIN IMMEDIATE", {}, sqlite3.OperationalError("locked"))
        return commit(works)

    monkeypatch.setattr(database._writer, "_commit", locked_after_the_first_failure)
    waiting = await behind(database, (put, 1), (fail, 2), (put, 3), (put, 4))
    results = await asyncio.gather(*waiting, return_exceptions=True)

    assert [Unavailable] * 4 == [type(result) for result in results]
    assert [1, 4, 1] == tries


async def test_closing_lets_those_who_wait_finish(tmp_path):
    """What was asked for before the database was closed is done."""
    database = SqliteDatabase(tmp_path / "some.db")
    await database.writing(lambda c: c.execute(text("CREATE TABLE t (n INTEGER)")) and None)
    held = Held()
    first = asyncio.create_task(database.writing(held))
    await asyncio.to_thread(held.begun.wait)
    second = asyncio.create_task(database.writing(put, 1))
    closing = asyncio.create_task(database.aclose())
    held.may_end.set()
    await asyncio.gather(first, closing)

    assert 1 == await second


@pytest.mark.parametrize("kind", ["reading", "writing"])
async def test_a_failed_commit_stands_in_nobodys_way(database, monkeypatch, kind):
    """A transaction whose end failed leaves its connection to the next one as it found it."""
    run = getattr(database, kind)
    with monkeypatch.context() as patched:
        for engine in (database._reader, database._writer._engine):
            patched.setattr(engine.dialect, "do_commit", refuse)
        with pytest.raises(Unavailable):
            await run(lambda c: c.execute(text("SELECT n FROM t")).all())

    for number in range(3):
        assert number == await database.writing(put, number)
        assert list(range(number + 1)) == await kept(database)


def refuse(_connection):
    raise sqlite3.OperationalError("disk I/O error")


async def test_who_writes_after_the_end_is_told(database):
    """Nobody waits for a thread that is gone."""
    await database.aclose()

    with pytest.raises(RuntimeError):
        await database.writing(put, 1)
