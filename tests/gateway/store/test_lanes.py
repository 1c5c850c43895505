"""Writers of PostgreSQL: who waits together is committed together, in turns by key."""

import asyncio

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.util import await_only

from gateway.errors import NotFound
from gateway.store.lanes import _begun
from gateway.store.postgres import _WRITERS, PostgresDatabase

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def database(empty_postgres):
    database = PostgresDatabase(empty_postgres)
    await database.writing(lambda c: c.execute(text("CREATE TABLE t (n INTEGER UNIQUE)")) and None)
    yield database
    await database.aclose()


@pytest_asyncio.fixture
async def other(empty_postgres, database):
    """Another process at the same database."""
    other = PostgresDatabase(empty_postgres)
    yield other
    await other.aclose()


def put(connection, number):
    """Answers which transaction it was."""
    connection.execute(text("INSERT INTO t VALUES (:n)"), {"n": number})
    return connection.execute(text("SELECT txid_current()")).scalar_one()


def fail(connection, number):
    put(connection, number)
    raise NotFound("no")


def divide(connection, number):
    put(connection, number)
    connection.execute(text("SELECT 1 / 0"))


async def kept(database):
    return await database.reading(
        lambda c: list(c.execute(text("SELECT n FROM t ORDER BY n")).scalars())
    )


class Held:
    """Work that holds a lane until it is let go."""

    def __init__(self):
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()

    def __call__(self, _connection):
        self.begun.set()
        await_only(self.may_end.wait())


class Behind:
    """All lanes are held; what is asked meanwhile waits together."""

    def __init__(self, database):
        self.database = database
        self.helds = [Held() for _ in range(_WRITERS)]
        self.holding = []

    async def __aenter__(self):
        for number, held in enumerate(self.helds):
            self.holding.append(asyncio.create_task(self.database.writing_of(f"h{number}", held)))
            await held.begun.wait()
        return self

    async def __aexit__(self, *_):
        await asyncio.sleep(0)
        for held in self.helds:
            held.may_end.set()
        await asyncio.gather(*self.holding)

    def ask(self, key, work, *args):
        return asyncio.create_task(self.database.writing_of(key, work, *args))


async def test_those_who_wait_share_a_transaction(database):
    """Ten pieces of work that wait for a lane, of as many keys, are one transaction."""
    async with Behind(database) as behind:
        waiting = [behind.ask(str(n), put, n) for n in range(10)]
    transactions = await asyncio.gather(*waiting)

    assert 1 == len(set(transactions))
    assert list(range(10)) == await kept(database)


@pytest.mark.parametrize("wrong", [fail, divide])
async def test_a_failure_is_its_own(database, wrong):
    """One that fails beside others leaves nothing, and the others count."""
    async with Behind(database) as behind:
        works = [(put, 1), (wrong, 2), (put, 3), (wrong, 4), (put, 5)]
        waiting = [behind.ask(str(n), work, n) for work, n in works]
    results = await asyncio.gather(*waiting, return_exceptions=True)

    assert [False, True, False, True, False] == [isinstance(r, Exception) for r in results]
    assert [1, 3, 5] == await kept(database)


async def test_what_one_saw_of_a_failure_does_not_count(database):
    """Work that found what another of its wave had made finds nothing when that is undone."""
    async with Behind(database) as behind:
        failing = behind.ask("a", fail, 1)
        looking = behind.ask("b", lambda c: c.execute(text("SELECT count(*) FROM t")).scalar_one())
    await asyncio.gather(failing, return_exceptions=True)

    assert 0 == await looking


async def test_one_who_left_while_waiting_changes_nothing(database):
    """Work whose caller was cancelled before its turn is not done."""
    async with Behind(database) as behind:
        left, stays = behind.ask("a", put, 1), behind.ask("b", put, 2)
        await asyncio.sleep(0)
        left.cancel()
    await stays

    assert [2] == await kept(database)


async def test_nobody_overtakes_work_of_the_same_key(database):
    """What waits for a key goes in the order in which it came, whatever else goes first."""
    done = []
    held = Held()
    holding = asyncio.create_task(database.writing_of("a", held))
    await held.begun.wait()
    both = asyncio.create_task(database.writing_of(("a", "b"), lambda _: done.append("both")))
    await asyncio.sleep(0)
    last = asyncio.create_task(database.writing_of("b", lambda _: done.append("last")))
    async with asyncio.timeout(5):
        await database.writing_of("c", lambda _: done.append("other"))
    held.may_end.set()
    await asyncio.gather(holding, both, last)

    assert ["other", "both", "last"] == done


async def test_waves_of_two_processes_do_not_wait_in_a_circle(database, other, monkeypatch):
    """Turns are taken in one order, whoever asks in which: nobody is thrown out and run again."""
    met = []
    monkeypatch.setattr("gateway.store.lanes.met_another", lambda error: met.append(error) or True)
    keys = [f"k{n}" for n in range(6)]

    def work(connection):
        connection.execute(text("SELECT 1"))

    await asyncio.gather(
        *(
            which.writing_of(order, work)
            for _ in range(10)
            for which, order in ((database, tuple(keys)), (other, tuple(reversed(keys))))
        )
    )

    assert [] == met


async def test_the_whole_database_is_alone(database, other):
    """Work without a key waits for that of any key, in whichever process, and holds it up."""
    held = Held()
    holding = asyncio.create_task(database.writing_of("a", held))
    await held.begun.wait()
    whole = asyncio.create_task(other.writing(put, 1))
    await asyncio.wait([whole], timeout=0.2)
    waited = not whole.done()
    held.may_end.set()
    await asyncio.gather(holding, whole)

    assert waited


async def test_counting_by_two_processes_loses_nothing(database, other):
    """Each of those who look and then change saw what the one before it made."""

    def count(connection):
        number = connection.execute(text("SELECT count(*) FROM t")).scalar_one()
        connection.execute(text("INSERT INTO t VALUES (:n)"), {"n": number})
        return number

    numbers = await asyncio.gather(
        *(which.writing_of("count", count) for _ in range(10) for which in (database, other))
    )

    assert list(range(20)) == sorted(numbers) == await kept(database)


async def test_a_wave_that_is_cut_off_is_run_again(database):
    """A lost connection costs all of them one more try, and each counts once."""
    cut = []

    def cut_off(connection, number):
        put(connection, number)
        if not cut:
            cut.append(number)
            connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    async with Behind(database) as behind:
        waiting = [
            behind.ask("a", put, 1),
            behind.ask("b", cut_off, 2),
            behind.ask("c", put, 3),
        ]
    await asyncio.gather(*waiting)

    assert [1, 2, 3] == await kept(database)


async def test_closing_lets_those_who_wait_finish(empty_postgres, database):
    """What was asked for before the database was closed is done."""
    closing_one = PostgresDatabase(empty_postgres)
    async with Behind(closing_one) as behind:
        waiting = [behind.ask(str(n), put, n) for n in range(3)]
        await asyncio.sleep(0)
        closing = asyncio.create_task(closing_one.aclose())
    await closing
    done = [each.done() for each in waiting]
    await closing_one.aclose()

    assert [True] * 3 == done
    assert [0, 1, 2] == await kept(database)


async def test_turns_are_asked_for_in_one_order():
    """From the lowest to the highest, whichever key was named first."""
    numbers = {3, -5, 2**31 - 1, 1, -(2**31)}
    asked = _begun(numbers, alone=False)

    assert sorted(numbers) == sorted(numbers, key=lambda each: asked.index(f" {each})"))
