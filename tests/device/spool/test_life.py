"""Any order of what agents and operators do, restarts and lost indexes included."""

import shutil
import tempfile
from contextlib import closing
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from device.config import SpoolConfig
from device.core.lifecycle import TRANSITIONS
from device.errors import IllegalMove
from device.model import State
from device.spool.rebuild import rebuild
from device.spool.spool import Spool
from tests.device.spool.recordings import AUDIO, pull, receipt, recording
from tests.fakes.clock import FakeClock

WANTED = recording()
ENTRY = WANTED.key.entry_id()


class SpoolLife(RuleBasedStateMachine):
    """One recording, its spool, and what its state ought to be."""

    @initialize()
    def start(self):
        memory = Path("/dev/shm")  # noqa: S108 - a fresh folder inside, not a fixed name
        self.folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
        self.config = SpoolConfig(path=self.folder, min_free_bytes=0)
        self.spool = Spool.open(self.config, FakeClock())
        self.spool.begin(WANTED)
        self.state = State.PULLING
        self.came_from = State.PULLING
        self.whole = False

    def teardown(self):
        self.spool.close()
        shutil.rmtree(self.folder)

    def attempt(self, wanted, work, *, possible=True):
        """Do it if the life of an entry allows it; else see that it is refused."""
        if possible and (wanted in TRANSITIONS[self.state] or wanted is self.state):
            assert work().state is wanted
            self.state = wanted
            return
        try:
            work()
        except IllegalMove:
            return
        raise AssertionError(f"{self.state} became {wanted}")

    @rule(upto=st.integers(0, len(AUDIO)))
    def pull_some(self, upto):
        if self.state is not State.PULLING or self.whole:
            return
        with closing(self.spool.partial(ENTRY, 0)) as partial:
            partial.append(AUDIO[partial.size_bytes : upto])

    @rule()
    def pull_all(self):
        if self.state is State.PULLING:
            pull(self.spool, WANTED)
            self.whole = True

    @rule()
    def seal(self):
        if self.state in {State.STORED, State.RELEASED}:
            assert self.spool.seal(ENTRY).state is self.state
            return
        possible = self.whole and self.state is not State.QUARANTINED
        self.attempt(State.SEALED, lambda: self.spool.seal(ENTRY), possible=possible)

    @rule()
    def quarantine(self):
        before = self.state
        self.attempt(State.QUARANTINED, lambda: self.spool.quarantine(ENTRY, "why not"))
        if self.state is State.QUARANTINED is not before:
            self.came_from = before

    @rule()
    def requeue(self):
        if self.state is State.QUARANTINED:
            self.attempt(self.came_from, lambda: self.spool.requeue(ENTRY))

    @rule()
    def store(self):
        self.attempt(State.STORED, lambda: self.spool.store(ENTRY, receipt()))

    @rule()
    def release(self):
        self.attempt(State.RELEASED, lambda: self.spool.release(ENTRY))

    @rule()
    def purge(self):
        entry = self.spool.entry(ENTRY)
        if entry.state is State.STORED:
            assert self.spool._moves.purge(entry)

    @rule()
    def restart(self):
        self.spool.close()
        self.spool = Spool.open(self.config, FakeClock())

    @rule()
    def lose_the_index(self):
        if self.state is State.QUARANTINED:  # its reason, and whence it came, are in the index
            return
        self.spool.close()
        rebuild(self.config, FakeClock())
        self.spool = Spool.open(self.config, FakeClock())
        self.spool.begin(WANTED)
        if self.state is State.PULLING:
            self.whole = False

    @invariant()
    def everything_is_where_it_belongs(self):
        entry = self.spool.entry(ENTRY)
        places = [place for place in self.folder.glob("*/*") if place.name == ENTRY]
        expected = {
            State.PULLING: {"incoming"},
            State.SEALED: {"sealed"},
            State.STORED: {"sealed"},
            State.RELEASED: set(),
            State.QUARANTINED: {"quarantine"},
        }

        assert self.state is entry.state
        assert (entry.receipt is not None) == (self.state in {State.STORED, State.RELEASED})
        assert {place.parent.name for place in places} <= expected[self.state]
        if self.state is State.SEALED:
            assert [] == [each for each in self.spool.verify() if each.problem]


TestSpoolLife = SpoolLife.TestCase
TestSpoolLife.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
