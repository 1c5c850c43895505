"""A few connections that write to a shared database, taking turns with those of others."""

import asyncio
import random
import zlib
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.errors import Unavailable
from gateway.store.postgres_faults import connection_was_lost, is_at_fault, met_another

_TRIES = 5
_TURN_S = 15.0
_CALL_S = 20.0
_PAUSE_S = 0.01

_WHOLE, _PART = 0x66706777, 0x66706770
_ALONE = text("SELECT pg_advisory_xact_lock(:whole, 0)").bindparams(whole=_WHOLE)
_BESIDE = text(
    "SELECT pg_advisory_xact_lock_shared(:whole, 0), pg_advisory_xact_lock(:part, :key)"
).bindparams(whole=_WHOLE, part=_PART)

_T = TypeVar("_T")


class Lanes:
    """Runs pieces of work, each one transaction; those of one key one after another.

    Turns are locks that the database keeps until a transaction ends, whoever's connection it is:
    work without a key has the whole database for itself, work with a key is beside that of others.
    A statement sees what was committed before it: once the turn has come, everything of that key.
    Measured: at SERIALIZABLE, which needs no turns, a few writers at small tables refuse each other
    all the time, since reading a page of an index counts as reading all that is on it.

    Work that met another's all the same is run again, as is what lost its connection before it was
    to be committed. So it must do nothing but look at the database and change it.
    """

    def __init__(self, engine: AsyncEngine, lanes: int) -> None:
        self._engine = engine
        self._lanes = asyncio.Semaphore(lanes)
        self._at_work: set[asyncio.Task[Any]] = set()

    async def run(self, key: str | None, work: Callable[[Connection], _T]) -> _T:
        """Run `work`; when this returns, what it did is on disk."""
        async with asyncio.timeout(_TURN_S):
            await self._lanes.acquire()
        # Not the caller's own task: one who leaves must not cut a commit in two.
        task = asyncio.create_task(self._committed(key, work), name="gateway-writer")
        self._at_work.add(task)
        task.add_done_callback(self._over)
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """Wait for what is under way; idempotent."""
        while self._at_work:
            await asyncio.wait(self._at_work)

    def _over(self, task: asyncio.Task[Any]) -> None:
        self._at_work.discard(task)
        self._lanes.release()
        if not task.cancelled():
            # Whoever asked may be gone: then nobody else looks at it.
            task.exception()

    async def _committed(self, key: str | None, work: Callable[[Connection], _T]) -> _T:
        for attempt in range(_TRIES):
            try:
                return await self._transaction(key, work)
            except Exception as error:
                if not (met_another(error) or (attempt == 0 and connection_was_lost(error))):
                    raise
            # Apart: those who met would meet again.
            await asyncio.sleep(random.uniform(0, _PAUSE_S * 2**attempt))  # noqa: S311 - no secret
        return await self._transaction(key, work)

    async def _transaction(self, key: str | None, work: Callable[[Connection], _T]) -> _T:
        async with asyncio.timeout(_CALL_S), self._engine.connect() as connection:
            result = await connection.run_sync(_in_turn, key, work)
            try:
                await connection.commit()
            except Exception as error:
                if not is_at_fault(error):
                    raise
                # It may count: to run it again here could do it twice. Callers know what they did.
                raise Unavailable("the database did not say whether it kept this") from error
            return result


def _in_turn(connection: Connection, key: str | None, work: Callable[[Connection], _T]) -> _T:
    if key is None:
        connection.execute(_ALONE)
    else:
        # Two keys of one number only wait for longer.
        connection.execute(_BESIDE, {"key": zlib.crc32(key.encode()) - 2**31})
    return work(connection)
