"""The life of orders under any sequence of answers, crashes and clocks: a state machine."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from device.core.orders import (
    OPEN,
    REPEATABLE,
    HeldOrder,
    Order,
    OrderState,
    OrderType,
    done,
    step,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMES = [f"cmd_{n}" for n in range(4)]


class Life(RuleBasedStateMachine):
    """One box: `held` is its disk, `acted` is what the world has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[str, HeldOrder] = {}
        self.acted: Counter[str] = Counter()
        self.late: list[str] = []
        self.ended: dict[str, HeldOrder] = {}
        self.now: datetime = NOON
        self.knows_time = True

    @rule(
        name=st.sampled_from(NAMES),
        kind=st.sampled_from([*OrderType, "make_coffee"]),
        lives_s=st.none() | st.integers(-10, 600),
    )
    def receive(self, name: str, kind: str, lives_s: int | None) -> None:
        """An answer has an order, perhaps one that came before."""
        until = None if lives_s is None else self.now + timedelta(seconds=lives_s)
        order = Order(id=name, type=str(kind), expires_at=until)
        fresh = HeldOrder(order=order, state=OrderState.RECEIVED, received_at=self.now)
        self.held.setdefault(name, fresh)

    @rule(seconds=st.integers(1, 400))
    def wait(self, seconds: int) -> None:
        """Time goes by."""
        self.now += timedelta(seconds=seconds)

    @rule(knows=st.booleans())
    def reboot(self, *, knows: bool) -> None:
        """A box comes up, with or without the time; what it was doing is where its disk has it."""
        self.knows_time = knows

    @rule(name=st.sampled_from(NAMES), dies=st.sampled_from(["", "begun", "acted"]))
    def carry_out(self, name: str, dies: str) -> None:
        """The executor takes its turn, and may die before or after it has acted."""
        held = self.held.get(name)
        if held is None:
            return
        what = step(held, self.now if self.knows_time else None)
        if what is None:
            return
        if isinstance(what, OrderType):
            self.held[name] = replace(held, state=OrderState.BEGUN)
            if dies == "begun":
                return
            self.acted[name] += 1
            until = held.order.expires_at
            if self.knows_time and until is not None and until <= self.now:
                self.late.append(name)
            if dies == "acted":
                return
            what = done()
        self.held[name] = replace(held, state=what.state, outcome=what)

    @invariant()
    def is_done_at_most_once(self) -> None:
        """Nothing but what does no harm twice is carried out twice."""
        for name, times in self.acted.items():
            assert times <= 1 or self.held[name].order.type in REPEATABLE

    @invariant()
    def is_never_late(self) -> None:
        """Nothing is carried out after its end, as far as the time was known."""
        assert [] == self.late

    @invariant()
    def stays_ended(self) -> None:
        """What has ended is as it was, whatever comes."""
        for name, held in self.ended.items():
            assert held == self.held[name]
        self.ended = {n: h for n, h in self.held.items() if h.state not in OPEN}

    @invariant()
    def is_done_if_it_says_so(self) -> None:
        """What is reported as executed was."""
        for name, held in self.held.items():
            assert held.state is not OrderState.DONE or self.acted[name]

    def teardown(self) -> None:
        """Left alone, every order ends with two turns."""
        for _ in range(2):
            for name in self.held:
                self.carry_out(name, "")
        assert all(held.state not in OPEN for held in self.held.values())


Life.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestLife = Life.TestCase
