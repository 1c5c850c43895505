"""What `status` knows: one look at the spool, its disk and its lock, as values."""

import fcntl
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from device.config import Config
from device.errors import SpoolError
from device.model import Entry, LastSeen, State, Unreached, Wait
from device.spool.reader import read_only

OPEN_STATES = (State.PULLING, State.SEALED, State.STORED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """The spool at one moment. `pid` is 0 when an agent runs and does not say who it is."""

    now: datetime
    exists: bool
    pid: int | None
    moving: tuple[Entry, ...]
    """Entries that have steps before them, oldest first."""
    counts: dict[str, dict[State, int]]
    """Entries of each recorder by state, what was released years ago included."""
    cooldowns: dict[str, Wait]
    sent_bytes: int
    free_bytes: int | None
    last_seen: tuple[LastSeen, ...]
    unreached: tuple[Unreached, ...]

    @property
    def backlog(self) -> tuple[Entry, ...]:
        """Entries that are not in the cloud yet, oldest first."""
        return tuple(e for e in self.moving if e.state in {State.PULLING, State.SEALED})

    def count(self, state: State) -> int:
        """Count the entries in a state."""
        return sum(states.get(state, 0) for states in self.counts.values())


def glance(config: Config, now: datetime) -> Glance:
    """Look once, without the lock and without changing anything.

    Raises:
        SpoolError: It is there and cannot be read.
    """
    root = config.spool.path
    try:
        exists = (root / "spool.db").exists()
        with read_only(root) as reader:
            return Glance(
                now=now,
                exists=exists,
                pid=_holder(root / "lock"),
                moving=tuple(reader.entries(*OPEN_STATES)),
                counts=reader.counts(),
                cooldowns=reader.cooldowns(),
                sent_bytes=reader.sent_bytes(now.date()),
                free_bytes=_free_bytes(root),
                last_seen=tuple(reader.last_seen()),
                unreached=tuple(reader.unreached()),
            )
    except PermissionError as error:
        raise SpoolError(
            f"the spool {root} cannot be read: permission denied",
            hint=f"run it as the owner of {root}, or with sudo",
        ) from error


def _free_bytes(root: Path) -> int | None:
    for place in (root, *root.parents):
        try:
            disk = os.statvfs(place)
        except OSError:
            continue
        return disk.f_bavail * disk.f_frsize
    return None


def _holder(lock: Path) -> int | None:
    """Return the pid of the agent that holds the spool, None when nobody does."""
    try:
        file = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(file, 32, 0).strip()
        return int(text) if text.isdigit() else 0
    finally:
        os.close(file)
    return None
