"""Serial framing: any chunking gives the same frames, damage never gives a wrong one."""

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from device.core.link.framing import MAX_FRAME_BYTES, FrameDecoder, encode, encoded_bound

bodies = st.binary(min_size=1, max_size=600)


def chunked(wire: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(wire), *(cut % (len(wire) + 1) for cut in cuts)})
    return [wire[a:b] for a, b in itertools.pairwise(places)]


@given(st.lists(bodies, max_size=8), st.lists(st.integers(min_value=0), max_size=20))
def test_any_chunking_gives_the_same_frames(frames, cuts):
    """However the line cuts the bytes, the frames are those that were sent."""
    decoder = FrameDecoder()
    wire = b"".join(encode(frame) for frame in frames)

    assert frames == [f for chunk in chunked(wire, cuts) for f in decoder.feed(chunk)]


@given(st.lists(bodies, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_damage_never_gives_a_frame_that_was_not_sent(frames, rng):
    """Flipped, dropped and inserted bytes lose frames; they never make one up."""
    wire = bytearray(b"".join(encode(frame) for frame in frames))
    for _ in range(rng.randint(1, 6)):
        place = rng.randrange(len(wire))
        match rng.randrange(3):
            case 0:
                wire[place] ^= 1 << rng.randrange(8)
            case 1 if len(wire) > 1:
                del wire[place]
            case _:
                wire.insert(place, rng.randrange(256))
    got = [frame for frame in FrameDecoder().feed(bytes(wire)) if frame]

    assert all(frame in frames for frame in got)


@given(st.binary(max_size=3000), st.lists(bodies, max_size=3))
def test_noise_before_a_frame_loses_no_control_frame(noise, frames):
    """A control frame arrives whole whatever was on the line before it."""
    controls = [b"\x01" + frame for frame in frames]
    wire = noise + b"".join(encode(frame) for frame in controls)

    assert controls == [frame for frame in FrameDecoder().feed(wire) if frame]


def test_an_endless_frame_is_damage_once_and_is_not_kept():
    """A line that never delimits costs bounded memory and one mark, then recovers."""
    decoder = FrameDecoder(max_frame_bytes=1024)
    got = [frame for _ in range(1000) for frame in decoder.feed(b"\x55" * 999)]
    held = len(decoder._tail)
    after = decoder.feed(b"\x55\0" + encode(b"\x02ok"))

    assert got == [b""]
    assert held <= encoded_bound(1024)
    assert after == [b"\x02ok"]


def test_a_whole_oversized_frame_is_damage():
    """A frame above the decoder's limit is refused even when its CRC is right."""
    assert FrameDecoder(64).feed(encode(b"\x02" + b"x" * 64) + encode(b"\x02ok")) == [
        b"",
        b"\x02ok",
    ]


def test_framing_costs_at_most_what_the_specification_says():
    """The worst body stays within the stated bound, and 1 KiB of payload above 98 % of the line."""
    rng = random.Random(7)
    worst = max(
        len(encode(bytes([kind]) + bytes([fill]) * (size - 1))) - encoded_bound(size)
        for size in (1, 253, 254, 255, 1030, MAX_FRAME_BYTES)
        for fill in (0, 1, 255)
        for kind in (1, 2)
    )
    frame = b"\x02\x01" + bytes(4) + rng.randbytes(1024)

    assert worst <= 0
    assert 1024 / len(encode(frame)) > 0.98


def test_empty_frames_between_delimiters_are_silence():
    """Runs of delimiters mean nothing, so a sender may flush a line with them."""
    assert FrameDecoder().feed(b"\0" * 5000) == []
