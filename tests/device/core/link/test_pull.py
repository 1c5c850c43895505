"""Reader and recorder through a simulated line: the right bytes, and near the line's rate."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.errors import FieldpostError
from tests.device.core.link.simulation import Simulation

CONTENT = random.Random(11).randbytes(1 << 20)


def efficiency(simulation: Simulation) -> float:
    return len(simulation.got) / simulation.now_s / simulation.down.rate


@pytest.mark.parametrize("rate", [11_520.0, 92_160.0, 300_000.0])
def test_a_clean_line_is_used_to_97_percent(rate):
    """Payload takes at least 97 % of a clean line, round trips and credit included."""
    done = Simulation(CONTENT[:400_000], rate=rate).pull()

    assert done.got == CONTENT[:400_000]
    assert done.reader.rereads == 0
    assert efficiency(done) >= 0.97


@pytest.mark.parametrize(
    ("flip", "drop", "zmodem"),
    [(1e-6, 0, 0.946), (1e-5, 0, 0.897), (1e-4, 0, 0.357), (0, 1e-5, 0.828)],
)
def test_a_bad_line_is_used_better_than_zmodem_uses_it(flip, drop, zmodem):
    """Bit flips and dropped bytes cost less of the line than they cost ZMODEM (measured)."""
    done = Simulation(CONTENT, flip=flip, drop=drop, seed=3).pull()

    assert done.got == CONTENT
    assert efficiency(done) > zmodem


lines = st.fixed_dictionaries(
    {
        "seed": st.integers(min_value=0, max_value=1 << 16),
        "flip": st.sampled_from([0.0, 1e-5, 1e-4, 1e-3]),
        "drop": st.sampled_from([0.0, 1e-5, 3e-4]),
        "frame": st.sampled_from([240, 500, 1034, 4096]),
    }
)


@settings(max_examples=60, deadline=None)
@given(st.integers(min_value=0, max_value=40_000), st.floats(min_value=0, max_value=1), lines)
def test_any_line_gives_the_right_bytes_or_an_error(size, start, line):
    """Whatever the line does, what arrives is a prefix of the truth, and whole when it ends."""
    content = CONTENT[:size]
    offset = int(size * start)
    run = Simulation(content, **line)
    try:
        run.pull(offset)
    except FieldpostError:
        assert content[offset:].startswith(bytes(run.got))
    else:
        assert run.got == content[offset:]


def test_a_noisy_line_gets_smaller_frames_and_a_clean_one_large_ones_again():
    """After losses the reader asks for smaller payloads, after a long clean run for large ones."""
    noisy = Simulation(CONTENT[:300_000], flip=3e-4, seed=5).pull()
    small = noisy.pace.payload_bytes(0)
    large = noisy.pace.payload_bytes(1 << 24)

    assert noisy.got == CONTENT[:300_000]
    assert small is not None
    assert small <= 384
    assert large is None
