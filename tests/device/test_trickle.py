"""The limit on what leaves: exact over time, never a pause."""

import random

import pytest

from device.trickle import Trickle


def test_no_limit_costs_nothing() -> None:
    """Without a limit nobody waits and no piece is cut."""
    trickle = Trickle(0)

    assert (8_388_608, 0.0) == (trickle.piece_bytes(8_388_608), trickle.promise(8_388_608, 5.0))


@pytest.mark.parametrize("rate", [4096, 100_000, 12_500_000])
def test_the_rate_is_kept(rate: int) -> None:
    """Ten seconds' worth in pieces takes ten seconds, less what may go at once."""
    trickle, now_s, left = Trickle(rate), 100.0, rate * 10
    longest_s = 0.0
    while left > 0:
        piece = min(trickle.piece_bytes(262_144), left)
        wait_s = max(0.0, trickle.promise(piece, now_s))
        longest_s = max(longest_s, wait_s)
        now_s += wait_s
        left -= piece

    assert 109.8 < now_s <= 110.0
    assert longest_s <= 0.13


def test_sixteen_take_turns() -> None:
    """With many uploads at the slowest rate, each one still sends every couple of seconds."""
    trickle, random_ = Trickle(4096), random.Random(7)
    due = [0.0] * 16
    longest_s = 0.0
    for _ in range(2000):
        now_s = min(due)
        who = random_.choice([i for i, at in enumerate(due) if at == now_s])
        wait_s = max(0.0, trickle.promise(trickle.piece_bytes(16_384), now_s))
        longest_s = max(longest_s, wait_s)
        due[who] = now_s + wait_s

    assert longest_s < 2.5


def test_an_idle_time_is_not_saved_up() -> None:
    """After an hour of silence no more than an eighth of a second goes at once."""
    trickle = Trickle(80_000)
    trickle.promise(10_000, 0.0)

    assert 0.0 == trickle.promise(10_000, 3600.0)
    assert pytest.approx(0.125) == trickle.promise(10_000, 3600.0)
