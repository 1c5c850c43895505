"""Pieces follow the rate at which the other side acknowledges."""

import pytest

from device.pace import Pace

LARGEST = 8_388_608


def settle(rate: float, *, rtt_s: float = 0.0, pace: Pace | None = None, for_s: float = 60) -> Pace:
    """Send for a while over a link of that rate, which swallows 256 KiB at once."""
    pace = pace or Pace()
    now_s, handed = 50.0, 0.0
    pace.begin(now_s)
    while now_s < 50 + for_s and handed < 2_000_000_000:
        handed += pace.piece_bytes
        # The piece is handed over when all but the queue has left.
        now_s = max(now_s + 0.0002, 50 + rtt_s + (handed - 262_144) / rate)
        acknowledged = int(max(0.0, min(handed, (now_s - 50 - rtt_s) * rate)))
        pace.heard(acknowledged, now_s, largest_bytes=LARGEST)
    return pace


@pytest.mark.parametrize(
    ("rate", "least", "most"),
    [
        (5_000, 16_384, 16_384),
        (40_000, 16_384, 16_384),
        (400_000, 65_536, 131_072),
        (2_000_000, 262_144, 524_288),
        (500_000_000, LARGEST, LARGEST),
    ],
)
def test_a_piece_is_a_quarter_of_a_second(rate: int, least: int, most: int) -> None:
    """16 KiB on slow links, 256 KiB and more on fast ones, and nothing believed of the queue."""
    assert least <= settle(rate).piece_bytes <= most


def test_a_long_way_is_not_slow() -> None:
    """Half a second of round trip keeps a fast link's pieces large."""
    assert settle(20_000_000, rtt_s=0.5).piece_bytes >= 1_048_576


def test_a_link_that_becomes_slow() -> None:
    """What was learned on a fast link is forgotten within a few pieces on a slow one."""
    fast = settle(500_000_000)
    slow = settle(100_000, pace=fast, for_s=300)

    assert slow.piece_bytes <= 65_536


def test_the_next_body_starts_where_the_last_ended() -> None:
    """A connection that was fast begins its next body with large pieces."""
    fast = settle(500_000_000)
    fast.begin(1000.0)

    assert LARGEST == fast.piece_bytes


def _answered(pace: Pace, size_bytes: int, seconds: float) -> int:
    pace.begin(100.0)
    pace.over(size_bytes, 100.0 + seconds)
    return pace.piece_bytes


def test_small_bodies_that_are_answered_at_once_go_in_one_piece() -> None:
    """Nothing is heard of them on their way, so nothing else could teach it."""
    pace = Pace()

    assert [131_072, 262_144, 262_144] == [_answered(pace, 110_000, 0.01) for _ in range(3)]


def test_an_answer_that_took_long_makes_no_piece_smaller() -> None:
    """It may be the store that was slow; nor is a large piece cut to the size of small ones."""
    fast = settle(500_000_000)

    assert Pace().piece_bytes == _answered(Pace(), 110_000, 5.0)
    assert LARGEST == _answered(fast, 110_000, 0.001)


def test_small_bodies_that_crawl_make_their_pieces_small_again() -> None:
    """An early answer is read only between the pieces of the next large body."""
    pace = Pace()
    for _ in range(4):
        _answered(pace, 110_000, 0.01)

    assert [131_072, 65_536, 65_536] == [_answered(pace, 110_000, 14.0) for _ in range(3)]
