"""The one thread that writes spool.db: jobs queue up and share a commit."""

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar

from device.errors import SpoolError
from device.spool import schema

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE_S = 0.02
"""How long what can wait gathers company; measured: it halves the commits of many small uploads."""


@dataclass(slots=True)
class _Job:
    """One change to the index, and who waits for it."""

    work: Callable[[sqlite3.Connection], Any]
    done: "Future[Any]"
    patient: bool
    answer: Any = None


class Journal:
    """Group commit: however many jobs wait, they cost one fsync.

    `run` may be called from any thread and returns when the change is durable; `submit` does not
    wait for that. What is handed in by `submit_patiently` waits a moment for others: each fsync
    wears a card and slows whoever shares the disk. A job that raises undoes its own changes and
    nobody else's; those of its batch are then run again, so all that a job may do is to look at the
    database and change it.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._jobs: deque[_Job] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._gathering = False
        # A daemon thread: an agent that dies on an error must not hang on its own journal.
        self._thread = threading.Thread(target=self._work, name="spool-journal", daemon=True)
        self._thread.start()

    def run(
        self,
        work: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `work(connection, …)` in a transaction; return its answer once it is committed.

        Raises:
            SpoolFull: No space for the commit.
            SpoolDamaged: The index is broken; the next start rebuilds it.
            SpoolStorageFailed: The disk failed; nothing of the job is kept.
            SpoolError: The journal is closed. Or whatever `work` raised.
        """
        return self.submit(work, *args, **kwargs).result()

    def submit(
        self,
        work: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> "Future[T]":
        """Hand in a job; its answer, or what `run` would raise, comes with the commit.

        Raises:
            SpoolError: The journal is closed.
        """
        return self._hand_in(lambda connection: work(connection, *args, **kwargs), patient=False)

    def submit_patiently(
        self,
        work: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> "Future[T]":
        """Hand in a job that nothing waits for; see `submit`."""
        return self._hand_in(lambda connection: work(connection, *args, **kwargs), patient=True)

    def _hand_in(self, work: Callable[[sqlite3.Connection], T], *, patient: bool) -> "Future[T]":
        done: Future[T] = Future()
        # What is handed in is done, even if nobody waits for it any more.
        done.set_running_or_notify_cancel()
        with self._wake:
            if self._closing:
                raise SpoolError("the spool is closed")
            self._jobs.append(_Job(work, done, patient))
            if not (patient and self._gathering):
                self._wake.notify()
        return done

    def close(self) -> None:
        """Finish what is queued, then close the database. Idempotent."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _work(self) -> None:
        batch: list[_Job] = []
        try:
            while batch := self._next_batch():
                try:
                    failed = self._commit(batch)
                except sqlite3.Error as error:
                    self._abandon(batch, error)
                else:
                    _tell(batch, failed)
        finally:
            self._turn_away(batch)
            self._connection.close()

    def _next_batch(self) -> list[_Job]:
        """Wait for work; empty when the journal closes and nothing is left."""
        with self._wake:
            while not self._jobs and not self._closing:
                self._wake.wait()
            until_s = time.monotonic() + PATIENCE_S
            self._gathering = True
            while not self._closing and all(job.patient for job in self._jobs):
                if (left_s := until_s - time.monotonic()) <= 0:
                    break
                self._wake.wait(left_s)
            self._gathering = False
            batch = list(self._jobs)
            self._jobs.clear()
            return batch

    def _commit(self, batch: list[_Job]) -> dict[int, Exception]:
        """Run every job in one transaction; return what some raised."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for job in batch:
                job.answer = job.work(self._connection)
        except Exception as error:  # noqa: BLE001 - raised again, by whichever job it was
            # Seldom, so that savepoints are only paid for then: each statement hands the
            # interpreter to another thread and back.
            self._still_open(error)
            self._connection.execute("ROLLBACK")
            return self._commit_apart(batch)
        self._connection.execute("COMMIT")
        return {}

    def _commit_apart(self, batch: list[_Job]) -> dict[int, Exception]:
        """Run every job once more, in a savepoint of its own."""
        self._connection.execute("BEGIN IMMEDIATE")
        failed: dict[int, Exception] = {}
        for number, job in enumerate(batch):
            self._connection.execute("SAVEPOINT job")
            try:
                job.answer = job.work(self._connection)
            except Exception as error:  # noqa: BLE001 - kept for whoever wants the job
                self._still_open(error)
                self._connection.execute("ROLLBACK TO job")
                failed[number] = _ours(error)
            self._connection.execute("RELEASE job")
        self._connection.execute("COMMIT")
        return failed

    def _still_open(self, error: Exception) -> None:
        """Leave an error to whoever wants the job, unless SQLite gave up the whole transaction.

        Raises:
            sqlite3.Error: It did: nobody's change is kept.
        """
        if self._connection.in_transaction:
            return
        if isinstance(error, sqlite3.Error):
            raise error  # it says by a number what failed
        raise sqlite3.OperationalError(str(error)) from error

    def _abandon(self, batch: list[_Job], error: sqlite3.Error) -> None:
        """Undo the batch and tell everybody why."""
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error as second:
                error = second
        for job in batch:
            job.done.set_exception(schema.failure(error))

    def _turn_away(self, batch: list[_Job]) -> None:
        """Let nobody wait for a thread that is gone, should a defect ever end it early."""
        with self._wake:
            self._closing = True
            waiting = [*batch, *self._jobs]
        for job in waiting:
            if not job.done.done():
                job.done.set_exception(SpoolError("the spool's journal has ended"))


def _tell(batch: list[_Job], failed: dict[int, Exception]) -> None:
    for number, job in enumerate(batch):
        if number in failed:
            job.done.set_exception(failed[number])
        else:
            job.done.set_result(job.answer)


def _ours(error: Exception) -> Exception:
    return schema.failure(error) if isinstance(error, sqlite3.Error) else error
