"""Which bodies come too slowly to be waited for."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.least_rate import LeastRate


def verdicts(*came, window_s=60):
    rate = LeastRate(window_s)
    return [rate.too_slow(waited_s, size_bytes) for waited_s, size_bytes in came]


def test_a_byte_a_minute():
    """The first window that ends with next to nothing in it is one too many."""
    assert [False, True] == verdicts((30, 1), (30, 1))


def test_a_stall_that_a_burst_makes_up_for():
    """A window is judged as a whole, and no sooner than it ends."""
    assert [False, False] == verdicts((59, 1), (1, 5999))


def test_each_window_is_judged_alone():
    """A fast beginning buys no slow end."""
    assert [False, True] == verdicts((60, 1_000_000), (60, 5999))


def test_no_time_no_verdict():
    """Bytes that were there before they were asked for cost no waiting."""
    assert [False] * 3 == verdicts((0, 1), (0, 1), (0, 1))


@given(st.lists(st.floats(0.001, 50), min_size=1, max_size=40))
def test_a_steady_link_at_the_limit_goes_on(waits):
    """However its bytes are cut into pieces."""
    rate = LeastRate(60)

    assert not any(rate.too_slow(wait_s, int(wait_s * 101) + 1) for wait_s in waits)
