"""Media that become whole at about the same time, noted together.

Those of a recording by one statement where the database is asked over a network: there each costs a
journey. Else those of all recordings: there is one writer. Whoever comes before its turn joins in.
"""

import asyncio
import logging
import threading
from collections.abc import Iterable, Sequence
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

from gateway.errors import NotFound, Unavailable, Verifying
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
_AGAIN_S = 1.0


@dataclass(slots=True, eq=False)
class _Batch:
    key: str
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
        self._failed: dict[str, Medium] = {}
        # Batches are joined in the loop, and closed where the database is written to.
        self._joining = threading.Lock()

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

        What comes in between loses nothing: its object says that it is whole. A database that
        cannot be used is tried again and again.
        """
        self._joined(finished)

    def forget(self, media_ids: Iterable[str]) -> None:
        """Do not try those again that could not be noted: they are about to be something else."""
        for medium_id in media_ids:
            self._failed.pop(medium_id, None)

    async def settled(self, at_most_s: float | None = None) -> None:
        """Wait until all that was to be noted is noted, or was tried in vain."""
        at_work = list(self._at_work)
        for batch in at_work:
            batch.hurried.set()
        if tasks := [batch.task for batch in at_work if batch.task is not None]:
            await asyncio.wait(tasks, timeout=at_most_s)

    def _joined(self, finished: Medium) -> _Batch:
        self._failed.pop(finished.id, None)
        key = finished.recording_id if self._database.shared else ""
        with self._joining:
            batch = self._open.get(key)
            if batch is None:
                batch = self._open[key] = _Batch(key)
            batch.media[finished.id] = finished
        if batch.task is None:
            batch.task = asyncio.create_task(self._run(batch), name="finishing")
            self._at_work.add(batch)
            batch.task.add_done_callback(partial(self._over, batch))
        return batch

    async def _run(self, batch: _Batch) -> _Refusals:
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                await batch.hurried.wait()
        return await self._database.writing_of(batch.key, self._finish, batch)

    def _finish(self, connection: Connection, batch: _Batch) -> _Refusals:
        brought = self._closed(batch)
        done = self._note(connection, brought)
        return _refusals(connection, {each.id for each in brought} - done)

    def _closed(self, batch: _Batch) -> list[Medium]:
        """Let nobody join any more; repeatable, since work may be run again."""
        with self._joining:
            if self._open.get(batch.key) is batch:
                del self._open[batch.key]
            return list(batch.media.values())

    def _over(self, batch: _Batch, done: "asyncio.Task[_Refusals]") -> None:
        self._at_work.discard(batch)
        brought = self._closed(batch)
        if done.cancelled() or (error := done.exception()) is None:
            return
        logger.warning("Media that are whole are not noted.", extra={"reason": str(error)})
        if isinstance(error, Unavailable):
            self._failed.update((each.id, each) for each in brought)
            asyncio.get_running_loop().call_later(_AGAIN_S, self._try_again)

    def _try_again(self) -> None:
        for each in list(self._failed.values()):
            self._joined(each)


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
