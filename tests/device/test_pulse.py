"""Pulses: who gives signs of life, and who is overdue."""

from math import inf

from device.pulse import Overdue, Pulses
from tests.fakes.clock import FakeClock


def test_a_loop_that_gets_on_is_never_overdue():
    """Beats within the bound, for ever."""
    clock = FakeClock()
    pulses = Pulses(clock=clock)
    pulse = pulses.of("visit", within_s=10)
    late = []
    for _ in range(100):
        clock.advance(9)
        pulse.beat()
        late += pulses.overdue()

    assert [] == late


def test_a_loop_that_gives_no_sign_is_overdue():
    """Its name, and since when."""
    clock = FakeClock()
    pulses = Pulses(clock=clock)
    pulses.of("visit", within_s=10)
    clock.advance(25)

    assert [Overdue(name="visit", by_s=15)] == pulses.overdue()


def test_rest_is_no_silence():
    """A wait by design counts from its end; one without end never does."""
    clock = FakeClock()
    pulses = Pulses(clock=clock)
    pulses.of("visit", within_s=10).rest(60)
    pulses.of("uploads", within_s=10).rest(inf)
    clock.advance(70)
    before = pulses.overdue()
    clock.advance(1)

    assert ([], ["visit"]) == (before, [each.name for each in pulses.overdue()])


def test_the_longest_overdue_comes_first():
    """Whoever stopped first is likely the cause."""
    clock = FakeClock()
    pulses = Pulses(clock=clock)
    for name, within_s in (("a", 5), ("b", 1), ("c", 3)):
        pulses.of(name, within_s=within_s)
    clock.advance(9)

    assert ["b", "c", "a"] == [each.name for each in pulses.overdue()]


def test_who_ended_is_not_missed():
    """A recorder that was taken out of the configuration owes nothing."""
    clock = FakeClock()
    pulses = Pulses(clock=clock)
    pulses.of("visit", within_s=1)
    pulses.forget("visit")
    clock.advance(99)

    assert [] == pulses.overdue()


def test_a_step_of_the_wall_clock_is_no_silence():
    """NTP sets a board without a clock forward by decades."""
    clock = FakeClock()
    pulses = Pulses(clock=clock)
    pulses.of("visit", within_s=1)
    clock.step(1e9)

    assert [] == pulses.overdue()
