"""What the `spool` commands share: looking without the lock, holding it, finding one entry."""

from contextlib import contextmanager
from typing import TYPE_CHECKING

from device.cli.views import SHORT_ID, matching
from device.config import Config
from device.errors import EntryUnknown, SpoolError, UsageInvalid
from device.model import Entry, EntryId, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from device.spool.spool import Spool


def entries(config: Config, *states: State) -> "list[Entry]":
    """List the spool without its lock, oldest first; a spool that is not there is empty."""
    from device.spool.reader import read_only  # noqa: PLC0415 - only what reads the spool pays

    root = config.spool.path
    try:
        with read_only(root) as reader:
            return reader.entries(*states)
    except PermissionError as error:
        raise SpoolError(
            f"the spool {root} cannot be read: permission denied",
            hint=f"run it as the owner of {root}, or with sudo",
        ) from error


@contextmanager
def held(config: Config) -> "Iterator[Spool]":
    """Hold the spool that is there for a change.

    Raises:
        SpoolLocked: The agent runs.
        EntryUnknown: There is no spool.
    """
    if not config.spool.path.is_dir():
        raise EntryUnknown(
            f"there is no spool at {config.spool.path}",
            hint="enrol, and start the agent once: it makes its spool",
        )
    with opened(config) as spool:
        yield spool


@contextmanager
def opened(config: Config) -> "Iterator[Spool]":
    """Hold the spool, and make it as the agent would where there is none.

    Raises:
        SpoolLocked: The agent runs.
    """
    from device.clock import SystemClock  # noqa: PLC0415 - as above
    from device.spool.spool import Spool  # noqa: PLC0415 - as above

    spool = Spool.open(config.spool, SystemClock())
    try:
        yield spool
    finally:
        spool.close()


def one(found: "Sequence[Entry]", prefix: str) -> Entry:
    """Find the one entry whose id begins so.

    Raises:
        EntryUnknown: None does.
        UsageInvalid: Several do.
    """
    match matching(found, prefix):
        case [entry]:
            return entry
        case []:
            raise EntryUnknown(f"there is no entry {prefix} in the spool")
        case several:
            ids = ", ".join(entry.id[:SHORT_ID] for entry in several[:5])
            raise UsageInvalid(f"{prefix} is the beginning of {len(several)} entries: {ids}")


def chosen(found: "Sequence[Entry]", prefixes: "Sequence[str]") -> list[EntryId]:
    """Find one entry for each beginning of an id; see `one`."""
    return list(dict.fromkeys(one(found, prefix).id for prefix in prefixes))
