"""The life of a spool entry: the only legal moves, as a table."""

from device.errors import IllegalMove
from device.model import State

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
