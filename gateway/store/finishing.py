"""Media that become whole at about the same time, noted together.

Those of a recording by one statement where the database is asked over a network: there each costs a
journey. Else those of all recordings: there is one writer. Whoever comes before its turn joins in.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    String,
    bindparam,
    column,
    exists,
    func,
    literal,
    select,
    update,
)

from gateway.errors import NotFound, Verifying
from gateway.model import MediaStatus, Medium
from gateway.store.database import Database
from gateway.store.media import FINISH, finishing
from gateway.store.schema import media, recordings
from gateway.store.schema_shared import leases
from gateway.store.shared import refusing

logger = logging.getLogger(__name__)

_BROUGHT = (
    func.unnest(
        bindparam("ids", type_=ARRAY(String)),
        bindparam("sizes", type_=ARRAY(BigInteger)),
        bindparam("digests", type_=ARRAY(String)),
        bindparam("marks", type_=ARRAY(String)),
    )
    .table_valued(
        column("id", String),
        column("size_bytes", BigInteger),
        column("sha256", String),
        column("mark", String),
        name="brought",
    )
    .render_derived()
)
_FINISH = (
    update(media)
    .where(
        media.c.id == _BROUGHT.c.id,
        exists().where(recordings.c.id == media.c.recording_id, recordings.c.deleted_at.is_(None)),
        ~exists().where(
            leases.c.name == literal(refusing("")) + _BROUGHT.c.id, leases.c.until > func.now()
        ),
    )
    .values(
        status=MediaStatus.UPLOADED,
        file_size_bytes=_BROUGHT.c.size_bytes,
        content_sha256=_BROUGHT.c.sha256,
        store_mark=_BROUGHT.c.mark,
        expired_at=None,
    )
    .returning(media.c.id)
)
_THERE = select(media.c.id).where(
    media.c.id.in_(bindparam("ids", expanding=True)),
    exists().where(recordings.c.id == media.c.recording_id, recordings.c.deleted_at.is_(None)),
)
_REFUSED = select(leases.c.name).where(
    leases.c.name.in_(bindparam("names", expanding=True)), leases.c.until > func.now()
)

_Refusals = dict[str, NotFound | Verifying]


_PATIENCE_S = 0.02


@dataclass(slots=True, eq=False)
class _Batch:
    media: dict[str, Medium] = field(default_factory=dict)
    hurried: asyncio.Event = field(default_factory=asyncio.Event)
    """Set as soon as anybody waits for it."""
    task: asyncio.Task[_Refusals] | None = None


class Finishing:
    """Notes finished media."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._note = _note_shared if database.shared else _note
        self._open: dict[str, _Batch] = {}
        self._at_work: set[_Batch] = set()

    async def finish(self, finished: Medium) -> None:
        """Note one that counts in quotas as it is already.

        Raises:
            NotFound: Its recording was deleted.
            Verifying: Another process puts it aside.
        """
        batch = self._joined(finished)
        batch.hurried.set()
        assert batch.task is not None  # noqa: S101 - made with it
        # Shared: one who leaves takes nothing from the others.
        refusals = await asyncio.shield(batch.task)
        if finished.id in refusals:
            raise refusals[finished.id]

    def finish_soon(self, finished: Medium) -> None:
        """Note one within a moment, together with others; see `settled`.

        What comes in between loses nothing: its object says that it is whole.
        """
        self._joined(finished)

    async def settled(self) -> None:
        """Wait until all that was to be noted is noted, or was found to be impossible."""
        at_work = list(self._at_work)
        for batch in at_work:
            batch.hurried.set()
        if tasks := [batch.task for batch in at_work if batch.task is not None]:
            await asyncio.wait(tasks)

    def _joined(self, finished: Medium) -> _Batch:
        key = finished.recording_id if self._database.shared else ""
        batch = self._open.get(key)
        if batch is None:
            batch = self._open[key] = _Batch()
            batch.task = asyncio.create_task(self._run(key, batch), name="finishing")
            self._at_work.add(batch)
            batch.task.add_done_callback(partial(self._over, batch))
        batch.media[finished.id] = finished
        return batch

    def _over(self, batch: _Batch, done: "asyncio.Task[_Refusals]") -> None:
        self._at_work.discard(batch)
        if not done.cancelled() and (error := done.exception()) is not None:
            # Whoever waits for it is told, too; whoever does not finds the objects, if later.
            logger.warning("Media that are whole are not noted.", extra={"reason": str(error)})

    async def _run(self, key: str, batch: _Batch) -> _Refusals:
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE_S):
                    await batch.hurried.wait()
            return await self._database.writing_of(key, self._finish, key, batch)
        finally:
            self._close(key, batch)

    def _finish(self, connection: Connection, key: str, batch: _Batch) -> _Refusals:
        self._close(key, batch)
        done = self._note(connection, list(batch.media.values()))
        return _refusals(connection, batch.media.keys() - done)

    def _close(self, key: str, batch: _Batch) -> None:
        """Let nobody join any more; repeatable, since work may be run again."""
        if self._open.get(key) is batch:
            del self._open[key]


def _note_shared(connection: Connection, brought: Sequence[Medium]) -> set[str]:
    """Note media; say which there were, and nobody put aside."""
    values = {
        "ids": [each.id for each in brought],
        "sizes": [each.file_size_bytes for each in brought],
        "digests": [each.content_sha256 for each in brought],
        "marks": [each.store_mark for each in brought],
    }
    return set(connection.execute(_FINISH, values).scalars())


def _note(connection: Connection, brought: Sequence[Medium]) -> set[str]:
    """Note media of the one process there is; say which there were."""
    ids = {each.id for each in brought}
    noted = connection.execute(FINISH, [finishing(each) for each in brought])
    if noted.rowcount == len(ids):
        return ids
    return set(connection.execute(_THERE, {"ids": list(ids)}).scalars())


def _refusals(connection: Connection, left: set[str]) -> _Refusals:
    if not left:
        return {}
    names = {"names": [refusing(each) for each in left]}
    refused = set(connection.execute(_REFUSED, names).scalars())
    return {
        each: Verifying("another gateway puts the medium aside; ask again")
        if refusing(each) in refused
        else NotFound("the recording was deleted")
        for each in left
    }
