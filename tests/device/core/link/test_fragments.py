"""Fragments for Bluetooth LE: golden vectors, and frames whole or not at all under any loss."""

import json
import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.link import fragments
from device.core.link.fragments import Fragmenter, Reassembler, frame_bytes, value_bytes
from device.core.link.framing import CRC_BYTES, MAX_FRAME_BYTES

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "link" / "ble.json").read_text())
PROTOCOL = Path(fragments.__file__).with_name("PROTOCOL.md")

FRAMES = st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=12)
SIZES = st.integers(min_value=2, max_value=60)


def at(sequence: int) -> Fragmenter:
    """A fragmenter that has sent values up to `sequence`, by sending them."""
    cutter = Fragmenter()
    for _ in range(sequence):
        list(cutter.fragments(b"x", 20))
    return cutter


def joined(values) -> list[bytes]:
    joiner = Reassembler()
    return [frame for value in values for frame in joiner.feed(value)]


@pytest.mark.parametrize("vector", VECTORS["frames"], ids=lambda v: v["name"])
def test_a_frame_is_its_vector(vector):
    """Every frame is cut into exactly these values, and joined from them."""
    frame = bytes.fromhex(vector["frame"])
    values = list(at(vector["sequence"]).fragments(frame, vector["value_bytes"]))
    before = at(0)
    lead = [v for _ in range(vector["sequence"]) for v in before.fragments(b"x", 20)]

    assert vector["values"] == [value.hex() for value in values]
    assert frame == joined(lead + values)[-1]


@pytest.mark.parametrize("vector", VECTORS["damaged"], ids=lambda v: v["name"])
def test_damage_is_its_vector(vector):
    """What was lost or damaged is told once in its place, and the next frame arrives."""
    got = joined(bytes.fromhex(value) for value in vector["values"])

    assert vector["frames"] == [frame.hex() for frame in got]


def test_the_examples_of_the_page_are_vectors():
    """The values printed in PROTOCOL.md stand in the vectors."""
    section = PROTOCOL.read_text().split("### 14.2")[1].split("### 14.3")[0]
    lines = re.findall(r"^    ((?:[0-9a-f]{2,} +)+[0-9a-f]+)$", section, re.MULTILINE)
    printed = [line.replace(" ", "") for line in lines]
    known = {"".join(vector["values"]) for vector in VECTORS["frames"]}

    assert len(printed) == 2
    assert set(printed) <= known


@given(FRAMES, SIZES)
def test_what_is_cut_is_joined(frames, size):
    """Without losses every frame arrives as it was, in values no longer than asked for."""
    cutter = Fragmenter()
    values = [value for frame in frames for value in cutter.fragments(frame, size)]

    assert frames == joined(values)
    assert max(map(len, values)) <= size


@given(FRAMES, SIZES, st.data())
def test_lost_values_never_make_a_wrong_frame(frames, size, chosen):
    """Any loss leaves whole frames in order, and damage is told wherever frames are missing."""
    cutter = Fragmenter()
    values = [value for frame in frames for value in cutter.fragments(frame, size)]
    lost = chosen.draw(st.sets(st.integers(0, len(values) - 1), max_size=70))
    got = joined(value for place, value in enumerate(values) if place not in lost)
    whole = iter(frames)

    assert all(frame in whole for frame in got if frame)
    if lost and max(lost) < len(values) - 1 and len(lost) < 64:
        assert b"" in got


@given(st.lists(st.binary(max_size=30)))
def test_any_values_are_taken(values):
    """Whatever arrives gives frames or damage, never an error, and the next good frame after it."""
    joiner = Reassembler()
    for value in values:
        joiner.feed(value)
    good = [value for _ in range(66) for value in at(0).fragments(b"frame", 20)]
    got = [frame for value in good for frame in joiner.feed(value)]

    assert b"frame" in got


def test_a_frame_without_an_end_is_bounded():
    """A flood of continuations is given up at the largest frame there can be, and told once."""
    joiner = Reassembler()
    got = joiner.feed(b"\x80" + bytes(500))
    for sequence in range(1, 200):
        got += joiner.feed(bytes([sequence % 64]) + bytes(500))

    assert [b""] == got
    assert len(joiner._held) <= MAX_FRAME_BYTES + CRC_BYTES


@pytest.mark.parametrize("body", [b"", bytes(MAX_FRAME_BYTES + 1)])
def test_a_frame_of_a_wrong_size_is_refused(body):
    """No frame and one above the limit are errors of the caller."""
    with pytest.raises(ValueError, match="a frame body has 1 to 4096 bytes"):
        list(Fragmenter().fragments(body, 20))


@pytest.mark.parametrize(
    ("largest", "size", "frame"),
    [(20, 20, 300), (182, 182, 1987), (243, 243, 1932), (244, 244, 1940),
     (494, 244, 1940), (495, 495, 1972), (514, 495, 1972)],
)  # fmt: skip
def test_sizes_fill_packets(largest, size, frame):
    """Values fill whole link-layer packets where they can, and frames fill whole values."""
    assert size == value_bytes(largest)
    assert frame == frame_bytes(size)


@pytest.mark.parametrize("mtu", [23, 24, 64, 185, 247, 498, 517])
def test_the_largest_frame_of_every_mtu_travels(mtu):
    """At any ATT MTU the frame size that is asked for arrives whole."""
    size = value_bytes(mtu - fragments.ATT_HEADER_BYTES)
    body = random.Random(mtu).randbytes(frame_bytes(size))

    assert [body] == joined(Fragmenter().fragments(body, size))
