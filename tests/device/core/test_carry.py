"""What a link carries in one piece, by what was measured of it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.carry import (
    COSTLY,
    MOST_PARTS,
    SMALLEST_BYTES,
    Fares,
    Links,
    abreast,
    cost,
    explain,
    largest_part,
)

KB = 1000


def link(rate_kb_s: float, every_s: float, drops: int = 10) -> Fares:
    return Fares(sent_bytes=rate_kb_s * KB * every_s * drops, seconds=every_s * drops, drops=drops)


@pytest.mark.parametrize(
    ("rate_kb_s", "every_s", "size_mb", "times"),
    [
        (40, 120, 1, 1.11), (40, 120, 5, 1.76), (40, 120, 20, 15.3),
        (100, 120, 5, 1.24), (100, 120, 20, 2.6), (100, 120, 50, 15.3),
        (200, 300, 20, 1.19), (200, 300, 50, 1.56),
    ],
)  # fmt: skip
def test_the_cost_of_one_piece_is_that_of_the_model(rate_kb_s, every_s, size_mb, times):
    """Poisson drops: (eˣ - 1)/x for x = size/(rate · time between drops)."""
    assert times == pytest.approx(cost(size_mb * KB**2, link(rate_kb_s, every_s)), rel=0.02)


@pytest.mark.parametrize("drops", [0, 1])
def test_nothing_is_cut_until_drops_were_seen(drops):
    """One drop may be a router that was switched off, once."""
    fares = Fares(sent_bytes=1000, seconds=1, drops=drops)

    assert largest_part(10**9, fares) is None
    assert 1.0 == cost(10**9, fares)


@given(st.integers(1, 10**10), st.floats(0, 10**9), st.integers(0, 1000))
def test_parts_are_what_the_link_carries(size_bytes, sent_bytes, drops):
    """Cut only where it is dear, never below the floor, never into too many."""
    fares = Fares(sent_bytes=sent_bytes, seconds=1.0, drops=drops)
    part_bytes = largest_part(size_bytes, fares)

    if part_bytes is None:
        assert cost(size_bytes, fares) <= COSTLY or size_bytes <= SMALLEST_BYTES
        return
    assert cost(size_bytes, fares) > COSTLY
    assert SMALLEST_BYTES <= part_bytes < size_bytes
    assert math.ceil(size_bytes / part_bytes) <= MOST_PARTS
    assert part_bytes <= max(sent_bytes / drops, SMALLEST_BYTES, size_bytes / MOST_PARTS + 1)


def test_half_is_forgotten_after_an_hour_of_sending():
    """A link that has become better is believed again."""
    links = Links()
    for _ in range(20):
        links.note("https://store", 10_000, 60.0, dropped=True)
    before = links.fares("https://store").between_bytes
    for _ in range(400):
        links.note("https://store", 6_000_000, 60.0, dropped=False)

    assert before == pytest.approx(10_000)
    assert largest_part(10**7, links.fares("https://store")) is None


def test_each_store_has_a_link_of_its_own():
    """A way that drops says nothing of another."""
    links = Links()
    links.note("https://a", 1000, 1.0, dropped=True)

    assert Fares() == links.fares("https://b")


@pytest.mark.parametrize(
    ("fares", "size_bytes", "said"),
    [
        (link(60, 40), 10**7, "every 40 s at 60 kB/s; a whole PUT would cost 15 times its size"),
        (link(40, 9), 5 * 10**5, "every 9 s at 40 kB/s; a whole PUT would cost 2.2 times its size"),
        (link(40, 120), 10**8, "every 2 min at 40 kB/s; a whole PUT would never arrive"),
        (Fares(sent_bytes=2e6, drops=2), 10**8, "every 1000 kB; a whole PUT would never arrive"),
    ],
)  # fmt: skip
def test_the_choice_is_explained_with_its_figures(fares, size_bytes, said):
    """Whatever was measured, in a sentence."""
    assert f"this link drops {said}" == explain(size_bytes, fares)


@pytest.mark.parametrize(
    ("fares", "beside"),
    [
        (Fares(), False),
        (Fares(sent_bytes=10**6, seconds=1.0), True),
        (Fares(sent_bytes=10**6, seconds=1.1), False),
        (Fares(sent_bytes=10**7, seconds=1.0, drops=1), False),
        (Fares(sent_bytes=64 * 10**6, seconds=64.0, drops=1), True),
        (Fares(sent_bytes=64 * 10**6, seconds=64.0, drops=2), False),
    ],
)
def test_pieces_go_beside_each_other_where_a_cut_costs_little(fares, beside):
    """Only on a measured link on which a piece takes a second, and that seldom drops."""
    assert beside == abreast(10**6, fares)
