"""The life of a spool entry: only the moves of the table, in any order anybody tries."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from device.core import lifecycle
from device.core.lifecycle import TRANSITIONS
from device.errors import IllegalMove
from device.model import State


class Life(RuleBasedStateMachine):
    """One entry, and whoever wants to move it."""

    def __init__(self):
        super().__init__()
        self.state = State.PULLING
        self.been = [State.PULLING]

    @rule(wanted=st.sampled_from(State))
    def anybody_wants(self, wanted):
        if wanted not in TRANSITIONS[self.state]:
            with pytest.raises(IllegalMove, match=f"{self.state} cannot become {wanted}"):
                lifecycle.move(self.state, wanted)
            return
        self.state = lifecycle.move(self.state, wanted)
        self.been.append(self.state)

        assert self.state is wanted

    @invariant()
    def stored_is_never_taken_back(self):
        if State.STORED in self.been:
            assert self.state in {State.STORED, State.RELEASED}

    @invariant()
    def released_comes_only_from_stored_and_stored_only_from_sealed(self):
        for before, after in zip(self.been, self.been[1:], strict=False):
            if after is State.RELEASED:
                assert before is State.STORED
            if after is State.STORED:
                assert before is State.SEALED


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_every_state_is_in_the_table():
    """A state without a row would be a life without an end."""
    assert set(State) == set(TRANSITIONS)


@pytest.mark.parametrize("state", State)
def test_nothing_stays_where_it_is_by_a_move(state):
    """A move to the same state is a mistake of the caller's."""
    with pytest.raises(IllegalMove):
        lifecycle.move(state, state)
