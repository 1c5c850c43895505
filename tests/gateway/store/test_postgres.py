"""PostgreSQL that goes away, loses connections, or refuses: nothing half done, and it heals."""

import asyncio
import contextlib
import os
import signal

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from gateway.config_database import PostgresConfig
from gateway.errors import ConfigInvalid, InvalidRequest, NotFound, Unavailable
from gateway.model import Recording, RecordingFilter
from gateway.store.postgres import _WRITERS, PostgresDatabase
from gateway.store.sql import migrate, open_store
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.asyncio

NOW = FakeClock().now()


@pytest_asyncio.fixture
async def database(empty_postgres):
    database = PostgresDatabase(empty_postgres)
    await database.writing(lambda c: c.execute(text("CREATE TABLE t (n INTEGER UNIQUE)")) and None)
    yield database
    await database.aclose()


def put(connection, number):
    connection.execute(text("INSERT INTO t VALUES (:n)"), {"n": number})
    return number


async def kept(database):
    return await database.reading(
        lambda c: list(c.execute(text("SELECT n FROM t ORDER BY n")).scalars())
    )


def cut_off(connection):
    """End the connection from within, as an administrator or a failing network would."""
    connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


class Once:
    """Work that is cut off in the middle when it first runs."""

    def __init__(self, number):
        self.runs, self.number = 0, number

    def __call__(self, connection):
        self.runs += 1
        put(connection, self.number)
        if self.runs == 1:
            cut_off(connection)


@pytest.mark.parametrize("kind", ["reading", "writing"])
@pytest.mark.parametrize(
    ("setting", "value"),
    [("synchronous_commit", "on"), ("timezone", "UTC"), ("statement_timeout", "10s")],
)
async def test_every_connection_is_set_up(database, kind, setting, value):
    """A commit waits for the disk whatever the server's default, and nothing waits for ever."""
    run = getattr(database, kind)

    assert value == await run(lambda c: c.execute(text(f"SHOW {setting}")).scalar_one())


async def test_a_reader_cannot_write(database):
    """Reading is one snapshot, and changes nothing."""
    with pytest.raises(Unavailable):
        await database.reading(put, 1)

    assert [] == await kept(database)


async def test_a_failure_leaves_nothing(database):
    """What was done before it is undone."""

    def fail(connection):
        put(connection, 1)
        raise NotFound("no")

    with pytest.raises(NotFound):
        await database.writing(fail)

    assert [] == await kept(database)


async def test_what_the_server_undid_is_not_called_kept(database):
    """A statement failed and the work went on: the server answers COMMIT by undoing all."""

    def hides_a_failure(connection):
        put(connection, 1)
        with contextlib.suppress(IntegrityError):
            put(connection, 1)

    with pytest.raises(Unavailable, match="undid"):
        await database.writing(hides_a_failure)
    await database.writing(put, 2)

    assert [2] == await kept(database)


async def test_work_that_was_cut_off_is_run_again(database):
    """A connection that is lost before the commit costs one more try, and counts once."""
    once = Once(1)
    await database.writing(once)

    assert 2 == once.runs
    assert [1] == await kept(database)


async def test_work_that_is_cut_off_always_is_unavailable(database):
    """Nothing of it counts, and the next one works."""

    def always(connection):
        put(connection, 1)
        cut_off(connection)

    with pytest.raises(Unavailable):
        await database.writing(always)
    await database.writing(put, 2)

    assert [2] == await kept(database)


async def test_a_commit_whose_answer_is_lost_is_not_repeated(database):
    """It might count: whoever asked is told, and asks again as for any lost answer."""
    await database.writing(
        lambda c: [
            c.execute(text(each)) and None
            for each in (
                (
                    "CREATE FUNCTION cut_off() RETURNS trigger LANGUAGE plpgsql AS"
                    " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'"
                ),
                (
                    "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON t INITIALLY DEFERRED"
                    " FOR EACH ROW EXECUTE FUNCTION cut_off()"
                ),
            )
        ]
    )
    runs = []
    with pytest.raises(Unavailable, match="did not say"):
        await database.writing(lambda c: runs.append(put(c, 1)))

    assert [1] == runs
    assert [] == await kept(database)


async def test_idle_connections_that_were_cut_are_replaced(database, postgres_server):
    """After the server threw everybody out, neither readers nor writers notice."""
    await asyncio.gather(*(database.writing(put, n) for n in range(4)))
    name = (await database.reading(lambda c: c.execute(text("SELECT current_database()")))).scalar()
    postgres_server.throw_out(name)
    await asyncio.gather(*(database.writing(put, n) for n in range(4, 8)))

    assert list(range(8)) == await kept(database)


async def test_a_server_that_is_away_is_unavailable_and_comes_back(database, postgres_server):
    """While it is down there is a clear answer at once; afterwards all goes on."""
    await database.writing(put, 1)
    with postgres_server.down():
        async with asyncio.timeout(10):
            with pytest.raises(Unavailable):
                await database.writing(put, 2)
            with pytest.raises(Unavailable):
                await kept(database)
            with pytest.raises(Unavailable):
                await database.ping()
    await database.writing(put, 3)

    assert [1, 3] == await kept(database)


async def test_a_server_that_hangs_is_given_up(database, monkeypatch):
    """A connection that answers no more is unavailable in time, and is not used again."""
    monkeypatch.setattr("gateway.store.postgres._CALL_S", 0.3)
    own = text("SELECT pg_backend_pid()")
    pid = await database.reading(lambda c: c.execute(own).scalar_one())
    os.kill(pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(10):
            with pytest.raises(Unavailable):
                await kept(database)

            assert [] == await kept(database)
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_one_who_leaves_does_not_cut_a_commit(database):
    """Work whose caller was cancelled while it ran is done whole."""
    begun, may_end = asyncio.Event(), asyncio.Event()

    def held(connection):
        from sqlalchemy.util import await_only  # noqa: PLC0415 - here alone

        put(connection, 1)
        begun.set()
        await_only(may_end.wait())

    leaving = asyncio.create_task(database.writing(held))
    await begun.wait()
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    may_end.set()
    await database.writing(put, 2)

    assert [1, 2] == await kept(database)


async def test_a_row_that_another_made_is_seen_the_second_time(database):
    """Work that looks first finds what was committed since, instead of failing."""
    runs = []

    def look_and_put(connection):
        known = connection.execute(text("SELECT n FROM t WHERE n = 1")).first()
        runs.append(known)
        if known is None:
            put(connection, 1)

    results = await asyncio.gather(
        *(database.writing_of(str(n), look_and_put) for n in range(4)), return_exceptions=True
    )

    assert [None] * 4 == results
    assert [1] == await kept(database)


async def test_keys_do_not_wait_for_each_other(database):
    """Work of another key goes on while one holds its turn; of the same key it waits."""
    begun, may_end = asyncio.Event(), asyncio.Event()

    def held(connection):
        from sqlalchemy.util import await_only  # noqa: PLC0415 - here alone

        begun.set()
        await_only(may_end.wait())
        put(connection, 1)

    first = asyncio.create_task(database.writing_of("a", held))
    await begun.wait()
    same = asyncio.create_task(database.writing_of("a", put, 2))
    async with asyncio.timeout(5):
        await database.writing_of("b", put, 3)
    waited = not same.done()
    may_end.set()
    await asyncio.gather(first, same)

    assert waited
    assert [1, 2, 3] == await kept(database)


async def test_nobody_waits_for_ever_to_write(database, monkeypatch):
    """Where all connections are busy for too long, the next one is told to come back."""
    monkeypatch.setattr("gateway.store.lanes._TURN_S", 0.1)
    begun, may_end = asyncio.Queue(), asyncio.Event()

    def held(_connection):
        from sqlalchemy.util import await_only  # noqa: PLC0415 - here alone

        begun.put_nowait(None)
        await_only(may_end.wait())

    busy = []
    for n in range(_WRITERS):
        busy.append(asyncio.create_task(database.writing_of(str(n), held)))
        await begun.get()
    with pytest.raises(Unavailable):
        await database.writing_of("another", put, 1)
    may_end.set()
    await asyncio.gather(*busy)
    await database.writing_of("another", put, 2)

    assert [2] == await kept(database)


@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
async def test_a_text_that_does_not_fit_is_refused(postgres, tmp_path, name):
    """Characters and lengths that PostgreSQL cannot keep are the caller's fault, not ours."""
    async with open_store(tmp_path, postgres) as store:
        with pytest.raises(InvalidRequest):
            await store.recordings.create(
                Recording(id="rec_1", end_user_id=name, created_at=NOW), None
            )
        found = await store.recordings.page(RecordingFilter(), 9, 0)

    assert [] == found


async def opened(config, folder):
    async with open_store(folder, config):
        pass


async def test_a_wrong_password_is_told_without_it(postgres, tmp_path):
    """The sentence names the database; trying again would not help."""
    wrong = PostgresConfig(url=postgres.url.replace("correct-horse", "hunter2"))
    with pytest.raises(ConfigInvalid, match="user or password") as caught:
        await opened(wrong, tmp_path)

    assert "hunter2" not in f"{caught.value} {caught.value.hint}"
    assert "127.0.0.1" in str(caught.value)


async def test_a_database_that_is_none_is_told(postgres_server, tmp_path):
    """The server is there and does not know the name."""
    with pytest.raises(ConfigInvalid, match="has no database nosuch"):
        await opened(postgres_server.config("nosuch"), tmp_path)


async def test_a_server_that_is_not_there_is_told(tmp_path):
    """It may come up yet: worth another try."""
    with pytest.raises(Unavailable, match="does not answer: database gateway at"):
        await opened(PostgresConfig(url="postgresql://u:p@127.0.0.1:1/gateway"), tmp_path)


async def test_an_option_that_is_none_is_told(postgres, tmp_path):
    """The driver's own words may repeat the URL; ours do not."""
    with pytest.raises(ConfigInvalid) as caught:
        await opened(PostgresConfig(url=f"{postgres.url}?sslmode=perhaps"), tmp_path)

    assert "correct-horse" not in f"{caught.value} {caught.value.hint}"


async def test_many_programs_set_up_one_database(empty_postgres, tmp_path):
    """Processes that start at once on an empty database all come up."""

    async def look():
        async with open_store(tmp_path, empty_postgres) as store:
            return await store.recordings.page(RecordingFilter(), 1, 0)

    assert [[]] * 4 == await asyncio.gather(*(look() for _ in range(4)))
    assert await migrate(tmp_path, empty_postgres) is False
