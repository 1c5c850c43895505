"""Tokens in chunks: put together again they are the token, whatever the MTU."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.bota_ble.provisioning import (
    MAX_TOKEN_BYTES,
    Result,
    check_result,
    token_chunks,
)
from device.errors import RecorderRefused

MTUS = st.integers(23, 517)
TOKENS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=4080)


@given(token=TOKENS, mtu_bytes=MTUS)
def test_chunks_join_to_the_token(token, mtu_bytes):
    """Counted from 0, each with the total, none longer than the MTU leaves room for."""
    chunks = token_chunks(token, mtu_bytes)

    assert b"".join(chunk[2:] for chunk in chunks).decode() == token
    assert [chunk[0] for chunk in chunks] == list(range(len(chunks)))
    assert {chunk[1] for chunk in chunks} == {len(chunks)}
    assert max(len(chunk) for chunk in chunks) <= mtu_bytes - 5


def test_the_longest_token_fits_the_smallest_mtu():
    """A token of the length that is accepted can be told to any recorder."""
    assert len(token_chunks("d" * MAX_TOKEN_BYTES, 23)) == 255


@pytest.mark.parametrize("result", [*(each for each in Result if each), 99])
def test_each_refusal_has_a_hint(result):
    """Nobody is left with a number."""
    with pytest.raises(RecorderRefused) as caught:
        check_result(bytes((result,)))

    assert caught.value.hint
