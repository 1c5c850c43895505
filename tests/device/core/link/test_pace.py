"""How much a host asks for at once follows from what the line carries."""

import pytest

from device.core.link.pace import Pace


@pytest.mark.parametrize(("frame", "window"), [(300, 4800), (1024, 16_384), (4096, 16_384)])
def test_the_first_window_suits_the_frames_of_the_line(frame, window):
    """A line of small frames is given sixteen of them, every other one 16 KiB."""
    assert window == Pace(frame).window_bytes()


def test_a_fast_line_is_given_more():
    """A quarter of a second of the measured rate is granted once it is known."""
    pace = Pace(300)
    pace.moved(400_000, 2.0)

    assert 200_000 // 4 // 4096 * 4096 == pace.window_bytes()
