"""Faults of a simulated line: decided by the seed, independent of chunking."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.simulate.faults import Damage, FaultPlan, boot_messages


@given(
    cuts=st.lists(st.integers(0, 20_000), max_size=20),
    seed=st.text(max_size=5),
)
def test_any_chunking_gives_the_same_damage(cuts, seed):
    """However the line is chunked, the same bytes are hit."""
    wire = bytes(range(250)) * 80
    whole = Damage(flip=0.001, drop=0.001, seed=seed).apply(wire)
    damage = Damage(flip=0.001, drop=0.001, seed=seed)
    edges = [0, *sorted(cuts), len(wire)]

    chunked = b"".join(damage.apply(wire[a:b]) for a, b in itertools.pairwise(edges))

    assert whole == chunked


def test_a_flip_changes_one_bit_at_the_asked_rate():
    """Flips hit single bits, as often as the plan says."""
    wire = bytes(1_000_000)

    hits = [byte for byte in Damage(flip=1e-3, drop=0, seed="a").apply(wire) if byte]

    assert all(hit.bit_count() == 1 for hit in hits)
    assert 850 < len(hits) < 1150


def test_a_drop_removes_bytes_at_the_asked_rate():
    """Drops shorten the line, as often as the plan says."""
    wire = bytes(1_000_000)

    left = Damage(flip=0, drop=1e-3, seed="a").apply(wire)

    assert 850 < len(wire) - len(left) < 1150


def test_different_seeds_hit_different_bytes():
    """The seed, and nothing else, chooses the positions."""
    wire = bytes(100_000)

    first = Damage(flip=1e-3, drop=0, seed="1").apply(wire)
    second = Damage(flip=1e-3, drop=0, seed="2").apply(wire)

    assert first != second


def test_no_faults_leave_the_line_alone():
    """A plan without faults is a clean line."""
    plan = FaultPlan()

    wire = Damage(flip=plan.flip, drop=plan.drop, seed="x").apply(b"abc" * 1000)

    assert wire == b"abc" * 1000


def test_a_probability_beyond_one_is_refused():
    """A probability is below 1."""
    with pytest.raises(ValueError, match="probability"):
        Damage(flip=1.5, drop=0, seed="x")


def test_boot_messages_differ_per_restart_and_repeat_per_seed():
    """A recorder that restarts twice does not say the same noise twice."""
    assert boot_messages(1, 0) == boot_messages(1, 0)
    assert boot_messages(1, 0) != boot_messages(1, 1)
