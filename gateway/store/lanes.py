"""A few connections that write to a shared database, taking turns with those of others."""

import asyncio
import random
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

from gateway.errors import Unavailable
from gateway.store.links import Link, Links
from gateway.store.postgres_faults import connection_was_lost, is_at_fault, met_another

_TRIES = 5
_TURN_S = 15.0
_CALL_S = 20.0
_PAUSE_S = 0.01
_MOST = 32

_WHOLE, _PART = 0x66706777, 0x66706770

_T = TypeVar("_T")


@dataclass(slots=True)
class _Waiting:
    work: Callable[[Connection], Any]
    turns: frozenset[int]
    """Numbers of its keys; none: the whole database."""
    outcome: asyncio.Future[Any]
    patience: asyncio.TimerHandle | None = None
    is_alone: bool = False


class _Failed(Exception):
    """Work failed, its cause, before the transaction was to be committed."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Lanes:
    """Runs pieces of work, all or nothing each; those of one key one after another.

    Turns are locks that the database keeps until a transaction ends, whoever's connection it is:
    work without a key has the whole database for itself, work with a key is beside that of others.
    A statement sees what was committed before it: once the turn has come, everything of that key.
    Measured: at SERIALIZABLE, which needs no turns, a few writers at small tables refuse each other
    all the time, since reading a page of an index counts as reading all that is on it.

    To begin, to wait for turns and to commit takes longer than most work: what waits when a lane is
    free shares a transaction, which takes its turns at once and in order, so that no two wait for
    each other. If one of them fails nothing counts; it is run again by itself, and so are the rest.

    Work that met another's all the same is run again, as is what lost its connection before it was
    to be committed. So it must do nothing but look at the database and change it.
    """

    def __init__(self, links: Links, lanes: int) -> None:
        self._links = links
        self._free = lanes
        self._is_called = False
        self._gathered: list[_Waiting] = []
        self._taken: set[int] = set()
        self._at_work: set[asyncio.Task[None]] = set()

    async def run(self, keys: Sequence[str], work: Callable[[Connection], _T]) -> _T:
        """Run `work`; when this returns, what it did is on disk. When it raises, nothing is.

        Args:
            keys: What it is alone with; none: the whole database.
            work: Who leaves before its turn has come takes it away, later not.

        Raises:
            TimeoutError: Its turn did not come.
            Unavailable: The database did not say whether it was committed.
        """
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[_T] = loop.create_future()
        waiting = _Waiting(work, frozenset(map(_turn, keys)), outcome)
        waiting.patience = loop.call_later(_TURN_S, _give_up, outcome)
        self._gathered.append(waiting)
        if self._free and not self._is_called:
            # Not at once: others of this moment come along.
            self._is_called = True
            loop.call_soon(self._begin)
        return await outcome

    async def aclose(self) -> None:
        """Wait for what is under way and what waits for it; idempotent."""
        self._begin()
        while self._at_work:
            await asyncio.wait(self._at_work)

    def _begin(self) -> None:
        """Let free lanes work on what waits."""
        self._is_called = False
        while self._free and (wave := self._next()):
            self._free -= 1
            self._taken |= _turns(wave)
            # Not the callers' own task: one who leaves must not cut a commit in two.
            task = asyncio.create_task(self._serve(wave), name="gateway-writer")
            self._at_work.add(task)
            task.add_done_callback(self._at_work.discard)

    def _next(self) -> list[_Waiting]:
        """Take what can be done now in one transaction: nobody overtakes work of the same key."""
        wave: list[_Waiting] = []
        left: list[_Waiting] = []
        later = set(self._taken)
        for each in self._gathered:
            if each.outcome.done():
                _called(each)
            elif (
                each.turns & later
                or len(wave) == _MOST
                or (wave and (each.is_alone or wave[0].is_alone))
            ):
                later |= each.turns
                left.append(each)
            else:
                _called(each)
                wave.append(each)
        self._gathered = left
        return wave

    async def _serve(self, wave: list[_Waiting]) -> None:
        """Give everybody of a wave its outcome, or have it wait once more."""
        try:
            results = await self._committed(wave)
        except _Failed as failed:
            wave[failed.number].is_alone = True
            self._gathered[:0] = wave
        except Exception as error:  # noqa: BLE001 - theirs to look at
            for each in wave:
                if not each.outcome.done():
                    each.outcome.set_exception(error)
        else:
            for each, result in zip(wave, results, strict=True):
                if not each.outcome.done():
                    each.outcome.set_result(result)
        finally:
            self._free += 1
            self._taken -= _turns(wave)
            self._begin()

    async def _committed(self, wave: Sequence[_Waiting]) -> list[Any]:
        for attempt in range(_TRIES + 1):
            try:
                return await self._transaction(wave)
            except _Failed as failed:
                error = failed.__cause__
                assert isinstance(error, Exception)  # noqa: S101 - raised from nothing else
                again = attempt == 0 and connection_was_lost(error)
                if not again and len(wave) > 1 and (met_another(error) or not is_at_fault(error)):
                    raise
                if not again and (attempt == _TRIES or not met_another(error)):
                    raise error from error.__cause__
            except Exception as error:
                if not (attempt == 0 and connection_was_lost(error)):
                    raise
            # Apart: those who met would meet again.
            await asyncio.sleep(random.uniform(0, _PAUSE_S * 2**attempt))  # noqa: S311 - no secret
        raise AssertionError("the last attempt returns or raises")

    async def _transaction(self, wave: Sequence[_Waiting]) -> list[Any]:
        works = [each.work for each in wave]
        alone = not all(each.turns for each in wave)
        async with asyncio.timeout(_CALL_S), self._links.lent() as link:
            await link.ask(_begun(_turns(wave), alone=alone))
            results = await link.run(lambda connection: _each(connection, works))
            await _commit(link)
            return results


async def _commit(link: Link) -> None:
    try:
        told = await link.ask("COMMIT")
    except Exception as error:
        if not is_at_fault(error):
            raise
        # It may count: to run it again here could do it twice. Callers know what they did.
        raise Unavailable("the database did not say whether it kept this") from error
    if told != "COMMIT":
        # So it answers, without an error, where a statement failed and nobody was told.
        raise Unavailable("the database undid this")


def _each(connection: Connection, works: Sequence[Callable[[Connection], Any]]) -> list[Any]:
    results = []
    for number, work in enumerate(works):
        try:
            results.append(work(connection))
        except Exception as error:
            raise _Failed(number) from error
    return results


def _begun(turns: set[int], *, alone: bool) -> str:
    """Write how a transaction begins: with its turns, always in the same order."""
    if alone:
        return f"BEGIN; SELECT pg_advisory_xact_lock({_WHOLE}, 0)"
    own = ", ".join(f"pg_advisory_xact_lock({_PART}, {turn})" for turn in sorted(turns))
    return f"BEGIN; SELECT pg_advisory_xact_lock_shared({_WHOLE}, 0); SELECT {own}"


def _turn(key: str) -> int:
    # Two keys of one number only wait for longer.
    return zlib.crc32(key.encode()) - 2**31


def _turns(wave: Sequence[_Waiting]) -> set[int]:
    return set().union(*(each.turns for each in wave))


def _give_up(outcome: asyncio.Future[Any]) -> None:
    if not outcome.done():
        outcome.set_exception(TimeoutError("no turn to write"))


def _called(waiting: _Waiting) -> None:
    """Wait no longer for its turn: it has come, or nobody wants it any more."""
    if waiting.patience is not None:
        waiting.patience.cancel()
        waiting.patience = None
