"""Content-Range of chunked PUTs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.brought import Chunk, Query, Whole
from gateway.core.content_range import held_range, parse
from gateway.errors import InvalidContentRange

SIZE = st.integers(0, 2**50)


@given(SIZE, SIZE, SIZE)
def test_a_chunk_is_read_back(first, more, rest):
    """Whatever is written in the form is read as it was meant."""
    last, total = first + more, first + more + 1 + rest

    assert parse(f"bytes {first}-{last}/{total}", more + 1) == Chunk(first, last, total)
    assert parse(f"bytes {first}-{last}/*", None) == Chunk(first, last, None)


@given(SIZE)
def test_a_query_is_read_back(total):
    """A status query carries the total, or none."""
    assert parse(f"bytes */{total}", 0) == Query(total)
    assert parse("bytes */*", None) == Query(None)


@given(st.text(max_size=40), st.none() | SIZE)
def test_anything_else_is_refused_cleanly(text, length):
    """No text makes the parser fail in another way than its own error."""
    try:
        brought = parse(text, length)
    except InvalidContentRange:
        return

    assert isinstance(brought, Chunk | Query)


@given(SIZE, SIZE, SIZE)
def test_a_range_beyond_its_total_is_refused(first, more, short):
    """A range must lie within the total."""
    last = first + more
    total = max(0, last - short)

    with pytest.raises(InvalidContentRange):
        parse(f"bytes {first}-{last}/{total}", None)


@pytest.mark.parametrize(
    ("header", "length"),
    [
        ("bytes 0-9/10", 9),
        ("bytes */10", 1),
        ("bytes 5-4/10", None),
        ("bytes 0-9", 10),
        ("bytes -5/10", None),
        ("bytes 0-٩/10", None),
        ("bytes 0-9/10\n", 11),
        (f"bytes 0-{'9' * 19}/*", None),
        (None, None),
    ],
)
def test_odd_forms_are_refused(header, length):
    """Sizes that disagree, other digits and absurd numbers do not pass."""
    with pytest.raises(InvalidContentRange):
        parse(header, length)


def test_no_header_is_the_whole_medium():
    """A plain PUT brings everything."""
    assert parse(None, 7) == Whole(7)


def test_nothing_held_has_no_range():
    """The dialect tells an empty session by the absent header."""
    assert held_range(0) is None
    assert held_range(1) == "bytes=0-0"
