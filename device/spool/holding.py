"""What every side of an open spool works with: its folders, its index, its turns."""

import threading
from contextlib import AbstractContextManager
from zlib import crc32

from device.clock import Clock
from device.config import SpoolConfig
from device.errors import IllegalMove
from device.model import Entry, EntryId, MediumState
from device.spool.open_media import OpenMedia
from device.spool.opening import Opened
from device.spool.reader import SpoolReader

TURNS = 16
"""Entries share so many turns: work on one entry waits for its own, and seldom for another's."""


class Holding:
    """The parts of a spool; its sides share them."""

    def __init__(self, config: SpoolConfig, clock: Clock, opened: Opened) -> None:
        """Take what was opened."""
        self._config = config
        self._clock = clock
        self._layout = opened.layout
        self._lock = opened.lock
        self._journal = opened.journal
        self._moves = opened.moves
        self._reader = SpoolReader(opened.layout.root)
        self._open_media = OpenMedia()
        self._turns = tuple(threading.RLock() for _ in range(TURNS))
        self.left = opened.recovered.left

    def _turn_of(self, entry: EntryId) -> AbstractContextManager[bool]:
        return self._turns[crc32(entry.encode()) % TURNS]


def medium_of(entry: Entry, index: int) -> MediumState:
    """Pick one medium of an entry.

    Raises:
        IllegalMove: It has no such.
    """
    for medium in entry.media:
        if medium.medium.index == index:
            return medium
    raise IllegalMove(f"entry {entry.id} has no medium {index}")
