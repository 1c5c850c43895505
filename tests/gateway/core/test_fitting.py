"""What of a request fits its medium: above all, what may be held in memory as a whole."""

from datetime import UTC, datetime

import pytest

from gateway.core.brought import Append, Begin, Chunk, Query, Whole
from gateway.core.fitting import small_whole
from gateway.model import MediaStatus, MediaType, Medium

MOST = 1024 * 1024


def medium(status=MediaStatus.PENDING):
    return Medium(
        id="med_1",
        recording_id="rec_1",
        type=MediaType.IMAGE,
        content_type="image/jpeg",
        created_at=datetime(2026, 3, 1, tzinfo=UTC),
        status=status,
    )


@pytest.mark.parametrize(
    ("brought", "total"),
    [(Chunk(0, 0, 1), 1), (Whole(1), 1), (Chunk(0, MOST - 1, MOST), MOST), (Whole(MOST), MOST)],
)
def test_a_small_body_that_is_the_medium_is_held(brought, total):
    """From one byte to one MiB, with a range or without."""
    assert total == small_whole(medium(), brought, total)


@pytest.mark.parametrize(
    ("brought", "total"),
    [
        (Whole(0), 0),
        (Whole(MOST + 1), MOST + 1),
        (Chunk(0, MOST, MOST + 1), MOST + 1),
        (Chunk(0, 4, 10), 10),
        (Chunk(5, 9, 10), 10),
        (Chunk(0, 4, None), None),
        (Query(10), 10),
        (Begin(total=10, size_bytes=10), 10),
        (Append(first=0, size_bytes=10, total=10), 10),
    ],
)
def test_any_other_body_goes_by_its_part(brought, total):
    """Too large for memory, a piece of the medium, of unknown size, or another protocol's."""
    assert 0 == small_whole(medium(), brought, total)


@pytest.mark.parametrize("brought", [Chunk(0, 9, 10), Whole(10)])
def test_a_whole_medium_is_not_kept_beside_itself(brought):
    """What is there already is found, or replaced by way of its part."""
    assert 0 == small_whole(medium(MediaStatus.UPLOADED), brought, 10)
