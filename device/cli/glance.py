"""What `status` knows: one look at the spool, its disk and its lock, as values."""

import fcntl
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from device.cli import recorder_views
from device.cli.words import count, printable, relative, size
from device.config import Config
from device.config_clouds import clouds
from device.errors import SpoolError, SpoolFull
from device.model import Entry, LastSeen, State, Unreached, Wait
from device.spool.reader import read_only

OPEN_STATES = (State.PULLING, State.SEALED, State.STORED)
_HINTS = {
    "serial": "plug the recorder in and switch it on",
    "folder": "create or mount the folder",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """The spool at one moment. `pid` is 0 when an agent runs and does not say who it is."""

    now: datetime
    exists: bool
    pid: int | None
    entries: tuple[Entry, ...]
    cooldowns: dict[str, Wait]
    sent_bytes: int
    free_bytes: int | None
    last_seen: tuple[LastSeen, ...]
    unreached: tuple[Unreached, ...]

    @property
    def moving(self) -> tuple[Entry, ...]:
        """Entries that have steps before them, oldest first."""
        return tuple(entry for entry in self.entries if entry.state in OPEN_STATES)

    @property
    def backlog(self) -> tuple[Entry, ...]:
        """Entries that are not in the cloud yet, oldest first."""
        return tuple(e for e in self.entries if e.state in {State.PULLING, State.SEALED})

    def by_recorder(self) -> dict[str, Counter[State]]:
        """Count states per recorder, in the order of names."""
        counts: dict[str, Counter[State]] = {}
        for entry in self.entries:
            counts.setdefault(entry.recording.key.recorder, Counter())[entry.state] += 1
        return dict(sorted(counts.items()))


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
                entries=tuple(reader.entries()),
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


def warnings(seen: Glance, config: Config) -> Iterator[str]:
    """Say what a person should know first."""
    for origin, wait in sorted(seen.cooldowns.items()):
        if wait.until is None or wait.until > seen.now:
            until = f"; next try {relative(wait.until, seen.now)}" if wait.until else ""
            if "://" in origin:
                yield printable(f"uploads to {origin} pause: {wait.reason}{until}")
            else:  # a refused token holds everything up, whatever the origin
                yield printable(
                    f"all uploads pause: {wait.reason}; {_remedy(config, wait.reason)}{until}"
                )
    failing = {each.url: each for each in seen.unreached}
    for recorder in config.recorders:
        unreached = failing.get(recorder.url)
        if complaint := _absent(recorder.url):  # as of now, where a visit knew it as of then
            yield printable(f"{recorder.url}: {complaint}")
            unreached = None
        for sentence in recorder_views.warnings(
            recorder, seen.last_seen, unreached, now=seen.now, running=seen.pid is not None
        ):
            yield printable(sentence)
    if quarantined := sum(entry.state is State.QUARANTINED for entry in seen.entries):
        noun = count(quarantined, "recording is", "recordings are")
        yield f"{noun} quarantined; see: fieldpost spool ls --state quarantined"
    if seen.free_bytes is not None and seen.free_bytes < config.spool.min_free_bytes:
        yield (
            f"the disk is full ({size(seen.free_bytes)} free, {size(config.spool.min_free_bytes)}"
            " kept free): pulling stops"
        )
    if homeless := sum(e.wait is not None and e.wait.code == SpoolFull.code for e in seen.moving):
        yield (
            f"{count(homeless, 'recording finds', 'recordings find')} no room in the spool;"
            " restore the uplink, or raise [spool] max_bytes"
        )


def _remedy(config: Config, refusal: str) -> str:
    """Say which file a refused credential is in; of two clouds the refusal begins with the name."""
    every = [cloud for _, cloud in clouds(config)]
    named = [cloud for cloud in every if refusal.startswith(f"{cloud.api}: ")]
    return f"the token file is {' or '.join(str(each.token_file) for each in named or every)}"


def _absent(url: str) -> str | None:
    """Say that a port or folder is not there now; whoever answers behind it is not asked."""
    parts = urlsplit(url)
    try:
        there = parts.scheme not in _HINTS or os.path.lexists(unquote(parts.path))
    except ValueError:
        return None  # not a path at all: opening it says why
    return None if there else f"not there; {_HINTS[parts.scheme]}"


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
