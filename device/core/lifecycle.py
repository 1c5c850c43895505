"""The life of a spool entry: the only legal moves, as a table."""

from typing import assert_never

from device.errors import IllegalMove
from device.model import Entry, State

TRANSITIONS: dict[State, frozenset[State]] = {
    State.PULLING: frozenset({State.SEALED, State.QUARANTINED}),
    State.SEALED: frozenset({State.STORED, State.QUARANTINED}),
    State.STORED: frozenset({State.RELEASED}),
    State.RELEASED: frozenset(),
    # Back to where it came from, by an operator's requeue.
    State.QUARANTINED: frozenset({State.PULLING, State.SEALED}),
}


def move(current: State, wanted: State) -> State:
    """Return `wanted` if the life of an entry allows it.

    Raises:
        IllegalMove: It does not; nothing changes.
    """
    if wanted not in TRANSITIONS[current]:
        raise IllegalMove(f"an entry that is {current} cannot become {wanted}")
    return wanted


def unreleasable(entry: Entry) -> str | None:
    """Say why no recorder may delete this, as the end of a sentence; None where it may."""
    match entry.state:
        case State.STORED:
            return None
        case State.PULLING | State.SEALED:
            return f"is {entry.state}: the cloud has not acknowledged it"
        case State.RELEASED:
            return "is released already"
        case State.QUARANTINED:
            return f"is quarantined: {entry.quarantine_reason}"
        case _:
            assert_never(entry.state)
