"""Retry: how long to wait before the next attempt."""

from hypothesis import given
from hypothesis import strategies as st

from device.core.retry import Retry

POLICY = Retry(first_s=1, factor=2, max_s=300)


@given(attempt=st.integers(1, 10**6), fraction=st.floats(0, 1, exclude_max=True))
def test_delay_is_bounded(attempt: int, fraction: float):
    """Whatever the attempt, the delay is above zero and at most the policy's maximum."""
    assert POLICY.first_s / 2 <= POLICY.delay_s(attempt, fraction) <= POLICY.max_s


@given(st.integers(1, 100))
def test_ceiling_grows(attempt: int):
    """The ceiling never shrinks with further failures."""
    assert POLICY.delay_s(attempt, 0.99) <= POLICY.delay_s(attempt + 1, 0.99)


def test_asked_time_wins():
    """What the other side asked for is the least that is waited, jitter on top."""
    assert 120 <= POLICY.delay_s(1, 0.5, asked_s=120) <= 121
