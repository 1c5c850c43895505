"""The waveform of audio of any length."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.waveform import (
    MAX_PEAKS,
    MIN_PEAKS,
    Sound,
    Waveform,
    parse_sound,
    sound_document,
)

_LEVELS = st.lists(st.floats(0, 1).map(lambda level: round(level, 4)), min_size=1, max_size=40)


def _heard(levels: list[float], frames: int = 480) -> Sound:
    waveform = Waveform(rate_hz=48_000, channels=2)
    for level in levels:
        waveform.add(level, frames)
    return waveform.sound()


@given(_LEVELS, st.integers(1, 200))
def test_every_peak_is_the_loudest_of_its_stretch(levels: list[float], times: int) -> None:
    """However long it is, the peaks are evenly spaced maxima, and none is left out."""
    levels *= times
    width = 1
    while -(-len(levels) // width) > MAX_PEAKS:
        width *= 2
    wanted = [max(levels[i : i + width]) for i in range(0, len(levels), width)]

    peaks = _heard(levels).peaks

    assert MIN_PEAKS <= len(peaks) <= MAX_PEAKS
    assert wanted == list(peaks) or (len(wanted) < MIN_PEAKS and set(wanted) == set(peaks))


@pytest.mark.parametrize("count", [1, 15, 16, 17, 1023, 1024, 1025, 2048, 2049, 4097])
def test_counts_at_the_edges(count: int) -> None:
    """There are always as many peaks as may be told, and the last one is the end."""
    peaks = _heard([0.1] * (count - 1) + [0.9]).peaks

    assert MIN_PEAKS <= len(peaks) <= MAX_PEAKS
    assert 0.9 == peaks[-1]


def test_memory_does_not_grow() -> None:
    """A day of audio leaves no more behind than a minute."""
    waveform = Waveform(rate_hz=100, channels=1)
    for _ in range(200_000):
        waveform.add(0.5, 1)

        assert len(waveform._peaks) <= MAX_PEAKS
    assert 2_000_000 == waveform.sound().duration_ms


@pytest.mark.parametrize(
    ("loudest", "peak"),
    [(1.5, 1.0), (float("inf"), 1.0), (float("nan"), 0.0), (-0.5, 0.0), (0.25, 0.25)],
)
def test_what_is_no_level(loudest: float, peak: float) -> None:
    """Overshoot is full scale, and what is no number is silence."""
    assert {peak} == set(_heard([loudest]).peaks)


def test_nothing_heard() -> None:
    """No audio has no waveform."""
    assert Sound(duration_ms=0, rate_hz=48_000, channels=2) == _heard([])


@given(_LEVELS)
def test_a_document_is_read_as_it_was_written(levels: list[float]) -> None:
    """What one process tells another arrives as it was."""
    sound = _heard(levels)

    assert sound == parse_sound(sound_document(sound))


@given(st.binary(max_size=200))
def test_any_document_is_a_sound_or_none(document: bytes) -> None:
    """A decoder that died over its output leaves nothing, and breaks nothing."""
    sound = parse_sound(document)

    assert sound is None or isinstance(sound, Sound)


@pytest.mark.parametrize(
    "document", [b"", b"[1,2,3,[2]]", b"[1,2,3,[0.5]]", b"[1e999,1,1,[]]", b"{}", b"[1,1,1,5]"]
)
def test_documents_that_say_nothing(document: bytes) -> None:
    """Too few peaks, peaks out of range, and other shapes are no waveform."""
    assert parse_sound(document) is None
