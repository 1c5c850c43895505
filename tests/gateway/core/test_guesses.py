"""How often codes may be tried."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.guesses import OVERALL, PER_ADDRESS, WINDOW_S, Guesses, guesser


def test_an_address_waits_after_its_wrong_codes():
    """It may go on when the oldest of them is a window ago, and is told when."""
    guesses = Guesses()
    begun = [guesses.begin("a", float(at)) for at in range(PER_ADDRESS)]

    assert [None] * PER_ADDRESS == begun
    assert guesses.begin("a", 10.5) == 50
    assert guesses.begin("a", WINDOW_S - 0.1) == 1
    assert guesses.begin("a", WINDOW_S) is None


def test_one_address_does_not_keep_another_waiting():
    """Whoever guesses is stopped alone."""
    guesses = Guesses()
    for _ in range(PER_ADDRESS + 1):
        guesses.begin("a", 0.0)

    assert guesses.begin("b", 0.0) is None


def test_many_addresses_together_are_stopped():
    """A guess from everywhere is one guess too."""
    guesses = Guesses()
    begun = [guesses.begin(str(at), 0.0) for at in range(OVERALL + 1)]

    assert [None] * OVERALL + [60] == begun


def test_right_codes_do_not_count():
    """A fleet behind one address can be enrolled in a row."""
    guesses = Guesses()
    waits = []
    for _ in range(OVERALL * 2):
        waits.append(guesses.begin("a", 0.0))
        guesses.right("a")

    assert {None} == set(waits)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 40), st.booleans()), max_size=400))
def test_no_window_has_more_than_the_limits(tries):
    """Whatever comes, in no window are there more failures than are allowed."""
    guesses, now_s, failed = Guesses(), 0.0, []
    for who, later_s, right in tries:
        now_s += later_s
        if guesses.begin(who, now_s) is None:
            if right:
                guesses.right(who)
            else:
                failed.append((now_s, who))
        recent = [each for at, each in failed if at > now_s - WINDOW_S]

        assert len(recent) <= OVERALL
        assert all(recent.count(each) <= PER_ADDRESS for each in recent)


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("10.0.0.5", None, "10.0.0.5"),
        ("10.0.0.5", "198.51.100.1", "198.51.100.1"),
        ("8.8.8.8", "198.51.100.1", "8.8.8.8"),
        ("127.0.0.1", "1.1.1.1, 8.8.4.4", "8.8.4.4"),
        ("127.0.0.1", "unknown", "127.0.0.1"),
        ("2a00:1450:4001:1::7", None, "2a00:1450:4001:1::/64"),
        ("::ffff:8.8.8.8", None, "8.8.8.8"),
        (None, None, ""),
    ],
)
def test_a_guesser_is_who_the_nearest_proxy_names(peer, forwarded, expected):
    """Only a neighbour is believed to be a proxy, and only what it wrote itself."""
    assert expected == guesser(peer, forwarded)
