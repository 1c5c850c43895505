"""Summary: what became of every recording that a run which ends was concerned with."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from device.dispatch import Dispatcher
from device.drivers.named_files import CLI_RECORDER
from device.errors import LinkError
from device.model import Entry, EntryId, RecorderId, State
from device.spool.spool import Spool
from device.visit import Visitor

SOME_FAILED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How a run that ends came out. `problems` are sentences for people."""

    entries: tuple[Entry, ...]
    problems: tuple[str, ...]
    exit_code: int


async def summed_up(
    spool: Spool,
    unconcerned: set[EntryId],
    visitors: Sequence[Visitor],
    dispatcher: Dispatcher | None,
) -> Summary:
    """Tell what became of every entry that this run was concerned with."""
    everything = await asyncio.to_thread(spool.ids)
    concerned = [entry for entry in everything if entry not in unconcerned]
    touched = await asyncio.to_thread(lambda: [spool.entry(entry) for entry in concerned])
    problems = [problem for visitor in visitors for problem in visitor.problems]
    visited = {visitor.recorder for visitor in visitors} | {CLI_RECORDER}
    wanted = State.RELEASED if dispatcher is not None else State.SEALED
    for entry in touched:
        reason = _why_not(entry, wanted, visited, dispatcher)
        if reason is not None and not any(p.startswith(entry.id) for p in problems):
            problems.append(f"{entry.id}: {reason}")
    code = SOME_FAILED if problems else 0
    if visitors and not touched and all(visitor.recorder is None for visitor in visitors):
        code = LinkError.exit_code  # nothing failed: nobody was there
    return Summary(entries=tuple(touched), problems=tuple(problems), exit_code=code)


def _why_not(
    entry: Entry,
    wanted: State,
    visited: set[RecorderId | None],
    dispatcher: Dispatcher | None,
) -> str | None:
    """Say why an entry did not come as far as it should, or None if it did."""
    match entry.state:
        case State.RELEASED:
            return None
        case State.QUARANTINED:
            return f"quarantined: {entry.quarantine_reason}"
        case State.STORED if entry.recording.key.recorder not in visited:
            return None  # its recorder is not here; it is released when it comes back
        case State.SEALED | State.STORED if wanted is State.SEALED:
            return None
        case _:
            known = None
            if dispatcher is not None:
                known = dispatcher.problems.get(entry.id) or dispatcher.stopped
            waiting = entry.wait.reason if entry.wait is not None else None
            return known or waiting or f"still {entry.state}"
