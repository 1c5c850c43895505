"""What arrives behind a gap is kept, bounded, and let go in order."""

from hypothesis import given
from hypothesis import strategies as st

from device.core.link.ahead import Ahead


@given(st.permutations([(at, 10) for at in range(10, 100, 10)]))
def test_any_order_gives_the_bytes_in_order(frames):
    """However frames arrive, what continues at an offset comes out whole."""
    content = bytes(range(100))
    ahead = Ahead(1000)
    for offset, size in frames:
        ahead.put(offset, content[offset : offset + size])

    assert content[10:] == ahead.take(10)


def test_only_what_continues_without_a_gap_is_taken():
    """A second gap holds back what is behind it, and tells where it ends."""
    ahead = Ahead(1000)
    ahead.put(10, b"ab")
    ahead.put(20, b"cd")

    assert ahead.take(10) == b"ab"
    assert ahead.first() == 20


def test_overlaps_are_cut():
    """Frames of two streams may overlap; no byte comes twice."""
    ahead = Ahead(1000)
    ahead.put(10, b"abcd")
    ahead.put(12, b"cdef")

    assert ahead.take(11) == b"bcdef"


def test_what_does_not_fit_is_not_kept():
    """A recorder cannot make the host hold more than was granted."""
    ahead = Ahead(5)
    ahead.put(10, b"abc")
    ahead.put(13, b"def")

    assert ahead.take(10) == b"abc"
    assert ahead.first() is None


def test_nothing_held_has_no_first():
    """Without frames there is no gap."""
    assert Ahead(5).first() is None
