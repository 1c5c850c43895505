"""Opus packets and headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.ogg.opus import add_comments, packet_samples, read_head
from device.errors import Uncuttable
from tests.fakes.opus_streams import head, tags

_MS = {
    **{n: (10, 20, 40, 60)[n % 4] for n in range(12)},
    **{n: (10, 20)[n % 2] for n in range(12, 16)},
    **{n: (2.5, 5, 10, 20)[n % 4] for n in range(16, 32)},
}
"""Table 2 of RFC 6716."""


@pytest.mark.parametrize("config", range(32))
def test_a_packet_of_one_or_two_frames_says_how_long_it_is(config):
    """Every configuration of RFC 6716's table 2, by each code of one or two frames."""
    samples = int(_MS[config] * 48)
    lengths = [
        packet_samples(bytes([config << 3 | stereo << 2 | code]) + b"x")
        for code in (0, 1, 2)
        for stereo in (0, 1)
    ]

    assert [samples, samples, 2 * samples, 2 * samples, 2 * samples, 2 * samples] == lengths


@given(st.integers(0, 31), st.integers(0, 63), st.integers(0, 3))
def test_a_packet_of_many_frames_is_at_most_120_ms(config, frames, padding):
    """Code 3 counts its frames in the second byte; none and more than 120 ms are refused."""
    packet = bytes([config << 3 | 3, padding << 6 | frames])
    if 0 < frames * _MS[config] <= 120:
        assert int(frames * _MS[config] * 48) == packet_samples(packet)
        return
    with pytest.raises(Uncuttable):
        packet_samples(packet)


@pytest.mark.parametrize("packet", [b"", b"\xff"])
def test_packets_too_short_to_be_are_refused(packet):
    """No byte, or the count missing."""
    with pytest.raises(Uncuttable):
        packet_samples(packet)


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        head()[:18],
        b"\x01vorbis" + bytes(23),
        head()[:8] + b"\x10" + head()[9:],
        head()[:9] + b"\0" + head()[10:],
    ],
)
def test_what_is_not_opus_is_refused(blob):
    """Vorbis, a later version, no channels, a header that is cut."""
    with pytest.raises(Uncuttable):
        read_head(blob)


def test_the_pre_skip_alone_changes():
    """Gain, rate and mapping of the header are those of the whole."""
    assert head(pre_skip=48_312) == read_head(head(pre_skip=312)).skipping(48_312)


@given(st.lists(st.text(max_size=20), max_size=4), st.binary(max_size=20))
def test_comments_are_added_behind_those_that_are_there(comments, tail):
    """Vendor, comments and whatever follows them stay as they are."""
    before = tags(*comments, tail=tail)

    assert tags(*comments, "PART=2", tail=tail) == add_comments(before, ("PART=2",))


@given(st.binary(max_size=60))
def test_damaged_tags_are_refused(blob):
    """Lengths that reach beyond the end never make tags."""
    with pytest.raises(Uncuttable):
        add_comments(b"OpusTags" + b"\xff" + blob, ("PART=2",))
