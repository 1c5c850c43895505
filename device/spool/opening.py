"""Opening a spool: lock, folders, index, recovery; and starting the index anew when it is lost."""

import logging
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from device.clock import Clock
from device.config import SpoolConfig
from device.errors import SpoolDamaged
from device.spool import schema
from device.spool.durable import make_folder, settle_folder, storage
from device.spool.journal import Journal
from device.spool.layout import FILE_MODE, FOLDER_MODE, Layout
from device.spool.lock import Lock
from device.spool.moves import Moves
from device.spool.recovery import Recovered, Recovery

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A spool that is locked, current and recovered."""

    layout: Layout
    lock: Lock
    journal: Journal
    moves: Moves
    recovered: Recovered
    aside: Path | None


def open_spool(config: SpoolConfig, clock: Clock, *, anew: bool = False) -> Opened:
    """Open under the lock; see `Spool.open`. With `anew` the old index is not even looked at."""
    layout = Layout(config.path)
    _make_folders(layout)
    lock = Lock(layout.lock)
    try:
        aside = _put_aside(layout) if anew else None
        try:
            journal, moves, recovered = _recover(layout, clock)
        except SpoolDamaged as error:
            aside = _put_aside(layout)
            logger.warning(
                "the spool's index is damaged; it is kept aside and built anew from manifests",
                extra={"reason": str(error), "kept": str(aside)},
            )
            journal, moves, recovered = _recover(layout, clock)
    except BaseException:
        lock.release()
        raise
    return Opened(
        layout=layout, lock=lock, journal=journal, moves=moves, recovered=recovered, aside=aside
    )


def _recover(layout: Layout, clock: Clock) -> tuple[Journal, Moves, Recovered]:
    """Open the index and make it agree with the folders."""
    journal = Journal(_connect(layout))
    try:
        moves = Moves(layout, journal, clock)
        return journal, moves, Recovery(layout, journal, moves).run()
    except BaseException:
        journal.close()
        raise


def _make_folders(layout: Layout) -> None:
    with storage(f"cannot make the spool's folders in {layout.root}"):
        if not layout.root.exists():
            layout.root.mkdir(mode=FOLDER_MODE, parents=True)
            settle_folder(layout.root.parent)
        for folder in layout.folders:
            make_folder(folder)
        settle_folder(layout.root)


def _connect(layout: Layout) -> sqlite3.Connection:
    with storage("cannot make the spool's index"):
        # SQLite gives its log and shared memory the mode of the database.
        layout.database.touch(mode=FILE_MODE)
    return schema.connect(layout.database)


def _put_aside(layout: Layout) -> Path | None:
    """Rename the index, and what belongs to it, to the first free `spool.db.damaged-N`."""
    if not layout.database.exists():
        return None
    number = 1
    while (aside := layout.root / f"{layout.database.name}.damaged-{number}").exists():
        number += 1
    with storage("cannot keep the old index aside"):
        for suffix in ("-wal", "-shm", ""):
            old = layout.root / (layout.database.name + suffix)
            if old.exists():
                old.rename(layout.root / (aside.name + suffix))
        settle_folder(layout.root)
    return aside
