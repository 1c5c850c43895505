"""The writer thread: shared commits, separate failures, and an orderly end."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from device.errors import SpoolDamaged, SpoolError, SpoolFull, SpoolStorageFailed
from device.spool import journal as journals
from device.spool import schema
from device.spool.journal import Journal


def add(connection, day, sent_bytes=1):
    connection.execute("INSERT INTO spent VALUES (?, 'wifi', 0, ?)", (day, sent_bytes))
    return day


def days(connection):
    return [row[0] for row in connection.execute("SELECT day FROM spent ORDER BY day")]


@pytest.fixture
def journal(tmp_path):
    opened = Journal(schema.connect(tmp_path / "spool.db"))
    yield opened
    opened.close()


def test_an_answer_comes_after_the_commit(journal, tmp_path):
    """What `run` returned is seen by everybody else at once."""
    answer = journal.run(add, "2026-03-01")
    other = sqlite3.connect(tmp_path / "spool.db")

    assert "2026-03-01" == answer
    assert ["2026-03-01"] == days(other)
    other.close()


def test_a_failing_job_undoes_its_own_changes_alone(journal):
    """Its neighbours in the same commit are kept, and the error is the caller's."""

    def fail_half_way(connection):
        add(connection, "half")
        raise LookupError("no")

    gate = threading.Event()
    with ThreadPoolExecutor(4) as callers:
        # While the thread is held up, the others queue and share its next commit.
        first = callers.submit(journal.run, lambda _: gate.wait(10))
        rest = [
            callers.submit(journal.run, add, "a"),
            callers.submit(journal.run, fail_half_way),
            callers.submit(journal.run, add, "b"),
        ]
        gate.set()
        first.result()
        failed = rest[1].exception()

    assert isinstance(failed, LookupError)
    assert ["a", "b"] == journal.run(days)


def test_many_callers_share_few_commits(tmp_path):
    """What waits while a commit is on its way costs one more, however much it is."""
    gate, entered, batches = threading.Event(), threading.Event(), []

    class Counting(Journal):
        def _commit(self, batch):
            batches.append(len(batch))
            return super()._commit(batch)

    def hold(_):
        entered.set()
        gate.wait(10)

    journal = Counting(schema.connect(tmp_path / "spool.db"))
    with ThreadPoolExecutor(20) as callers:
        callers.submit(journal.run, hold)
        entered.wait(10)
        rest = [callers.submit(journal.run, add, f"{n:02}") for n in range(19)]
        while len(journal._jobs) < 19:
            pass
        gate.set()
        for each in rest:
            each.result()
    journal.close()

    assert [1, 19] == batches


def test_closing_drains_the_queue_and_refuses_what_comes_later(tmp_path):
    """Nothing that was accepted is dropped."""
    journal = Journal(schema.connect(tmp_path / "spool.db"))
    gate, entered = threading.Event(), threading.Event()

    def hold(_):
        entered.set()
        gate.wait(10)

    with ThreadPoolExecutor(3) as callers:
        callers.submit(journal.run, hold)
        entered.wait(10)
        waiting = callers.submit(journal.run, add, "late")
        while not journal._jobs:
            pass
        closing = callers.submit(journal.close)
        gate.set()
        closing.result()

        assert "late" == waiting.result()
    with pytest.raises(SpoolError, match="closed"):
        journal.run(days)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (sqlite3.SQLITE_FULL, SpoolFull),
        (sqlite3.SQLITE_IOERR_FSYNC, SpoolStorageFailed),
        (sqlite3.SQLITE_READONLY, SpoolStorageFailed),
        (sqlite3.SQLITE_CORRUPT_INDEX, SpoolDamaged),
        (sqlite3.SQLITE_NOTADB, SpoolDamaged),
    ],
)
def test_a_failed_commit_is_a_typed_error_for_everybody_in_it(journal, code, expected, monkeypatch):
    """Nobody is told that a change is kept when it is not."""
    error = sqlite3.OperationalError("it failed")
    error.sqlite_errorcode = code

    def fail(_, __):
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(Journal, "_commit", fail)
        with pytest.raises(expected):
            journal.run(add, "x")

    assert [] == journal.run(days)


def test_a_thread_that_ends_by_a_defect_lets_nobody_wait(tmp_path, monkeypatch):
    """Callers get an error instead of silence."""
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    monkeypatch.setattr(Journal, "_commit", lambda _, __: 1 // 0)
    journal = Journal(schema.connect(tmp_path / "spool.db"))

    with pytest.raises(SpoolError, match="ended"):
        journal.run(days)
    journal._thread.join()
    with pytest.raises(SpoolError, match="closed"):
        journal.run(days)


def test_a_migration_cut_in_the_middle_is_done_again_whole(tmp_path, monkeypatch):
    """A step and its version are one commit."""
    with monkeypatch.context() as broken:
        broken.setattr(schema, "MIGRATIONS", (schema.MIGRATIONS[0] + "; NONSENSE",))
        with pytest.raises(SpoolError):
            schema.connect(tmp_path / "spool.db")
    connection = schema.connect(tmp_path / "spool.db")

    assert schema.VERSION == schema.check_version(connection)
    assert [] == days(connection)
    connection.close()


def test_what_is_handed_in_shares_a_commit(journal, monkeypatch):
    """However many jobs wait for the one under way, the next commit takes them all."""
    commits = []
    commit = journal._commit

    def counting(batch):
        commits.append(len(batch))
        return commit(batch)

    monkeypatch.setattr(journal, "_commit", counting)
    begun, gate = threading.Event(), threading.Event()
    journal.submit(lambda _: (begun.set(), gate.wait(10)))
    begun.wait(10)
    rest = [journal.submit(add, f"2026-03-{day:02}") for day in range(1, 9)]
    gate.set()
    told = [each.result(10) for each in rest]

    assert journal.run(days) == told
    assert [1, 8] == commits[:2]


def test_what_was_handed_in_cannot_be_taken_back(journal):
    """Whoever gives up waiting leaves the change to be made."""
    gate = threading.Event()
    journal.submit(lambda _: gate.wait(10))
    abandoned = journal.submit(add, "2026-03-01")
    taken_back = abandoned.cancel()
    gate.set()

    assert not taken_back
    assert ["2026-03-01"] == journal.run(days)


def test_what_is_patient_goes_with_what_is_not(journal, monkeypatch):
    """It waits for others, and the first that cannot wait takes all of it along."""
    monkeypatch.setattr(journals, "PATIENCE_S", 3600.0)
    commits = []
    commit = journal._commit

    def counting(batch):
        commits.append(len(batch))
        return commit(batch)

    monkeypatch.setattr(journal, "_commit", counting)
    patient = [journal.submit_patiently(add, f"2026-03-{day:02}") for day in range(1, 9)]
    seen = journal.run(days)

    assert seen == [each.result(10) for each in patient]
    assert [9] == commits


def test_patience_ends(journal, monkeypatch):
    """Without company it is committed all the same, and at the latest when the journal closes."""
    alone = journal.submit_patiently(add, "2026-03-01").result(10)
    monkeypatch.setattr(journals, "PATIENCE_S", 3600.0)
    last = journal.submit_patiently(add, "2026-03-02")
    journal.close()

    assert ("2026-03-01", "2026-03-02") == (alone, last.result(0))
