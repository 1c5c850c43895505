"""What `status` knows: one look at the spool, its disk and its lock, as values."""

import fcntl
import os
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from device.config import Config
from device.errors import SpoolError
from device.model import Entry, Kept, LastSeen, Lately, Noticed, Spent, State, Unreached, Wait
from device.settings import merge
from device.spool.notices import noticed
from device.spool.reader import read_only

OPEN_STATES = (State.PULLING, State.SEALED, State.STORED)
LATELY = timedelta(hours=24)
_HOLD, _HEARTBEAT, _SETTINGS = "hold", "heartbeat", "settings"
_UNHEARD = "heartbeat-unheard"
"""What the spool keeps facts under; who keeps them loads too much for a look."""


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
    day: date
    """Today, of the box's own zone."""
    spent: tuple[Spent, ...]
    """What left on that day, by network."""
    limit_mb: int
    """What may leave a day over networks that cost, in megabytes; 0 without a limit."""
    hold: Wait | None
    """Why the sending policy lets nothing leave; old news where no agent runs."""
    heartbeat: Kept | None
    """When the cloud took one last."""
    unheard: str | None
    """Why it takes none now, as far as the last run knew."""
    lately: Lately
    free_bytes: int | None
    last_seen: tuple[LastSeen, ...]
    unreached: tuple[Unreached, ...]
    noticed: tuple[Noticed, ...]
    """What needs a person on the configured recorders."""

    @property
    def sent_bytes(self) -> int:
        """What left today."""
        return sum(each.sent_bytes for each in self.spent)

    @property
    def backlog(self) -> tuple[Entry, ...]:
        """Entries that are not in the cloud yet, oldest first."""
        return tuple(e for e in self.moving if e.state in {State.PULLING, State.SEALED})

    def count(self, state: State) -> int:
        """Count the entries in a state."""
        return sum(states.get(state, 0) for states in self.counts.values())


def glance(config: Config, now: datetime, *, day: date | None = None) -> Glance:
    """Look once, without the lock and without changing anything.

    Args:
        config: What is configured now.
        now: The box's own time.
        day: Today by whoever knows better than the box's clock.

    Raises:
        SpoolError: It is there and cannot be read.
    """
    root = config.spool.path
    day = day or now.astimezone().date()
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
                day=day,
                spent=reader.spent(day),
                limit_mb=_limit_mb(config, reader.kept(_SETTINGS)),
                hold=_hold(reader.kept(_HOLD)),
                heartbeat=reader.kept(_HEARTBEAT),
                unheard=_unheard(reader.kept(_UNHEARD)),
                lately=reader.lately(now - LATELY),
                free_bytes=_free_bytes(root),
                last_seen=tuple(reader.last_seen()),
                unreached=tuple(reader.unreached()),
                noticed=tuple(
                    found
                    for each in config.recorders
                    if (found := noticed(reader.kept, each.url)) is not None
                ),
            )
    except PermissionError as error:
        raise SpoolError(
            f"the spool {root} cannot be read: permission denied",
            hint=f"run it as the owner of {root}, or with sudo",
        ) from error


def _limit_mb(config: Config, kept: Kept | None) -> int:
    remote: dict[str, Any] = kept.value if kept and isinstance(kept.value, dict) else {}
    merged = merge(config.connection, config.upload, config.power, remote)
    return merged.send.daily_data_limit_mb


def _hold(kept: Kept | None) -> Wait | None:
    match kept:
        case Kept(value={"code": str(code), "reason": str(reason), "until": str() | None as until}):
            try:
                ends = datetime.fromisoformat(until) if until else None
            except ValueError:
                ends = None
            return Wait(code=code, reason=reason, until=ends)
        case _:
            return None


def _unheard(kept: Kept | None) -> str | None:
    match kept:
        case Kept(value={"reason": str(reason)}):
            return reason
        case _:
            return None


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
