"""The waveform of audio of any length, in constant memory: the loudest moment of each stretch."""

import json
from dataclasses import dataclass

MIN_PEAKS, MAX_PEAKS = 16, 1024
"""How many peaks are told. Swayzio takes up to 2048; half of that is enough for a picture."""

_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """What is in an audio file. `peaks` are each 0 to 1; empty where nobody could listen to it."""

    duration_ms: int
    peaks: tuple[float, ...] = ()
    rate_hz: int = 0
    channels: int = 0


class Waveform:
    """Takes the loudness of one short stretch of audio after the other.

    The stretches are equally long, but for the last. Each time the peaks become too many, every
    two neighbours become one: memory does not grow, and no moment is left out.
    """

    def __init__(self, *, rate_hz: int, channels: int) -> None:
        self._rate_hz = rate_hz
        self._channels = channels
        self._frames = 0
        self._peaks: list[float] = []
        self._width = 1
        self._filled = 1
        """How many stretches the last peak stands for so far; `_width` when it takes no more."""

    def add(self, loudest: float, frames: int) -> None:
        """Take one stretch.

        Args:
            loudest: Its largest magnitude in any channel; full scale is 1. A lossy decoder may
                exceed that, and damaged audio may give what is no number.
            frames: How many samples it has in each channel.
        """
        self._frames += frames
        level = min(loudest, 1.0) if loudest > 0 else 0.0
        if self._filled < self._width:
            self._peaks[-1] = max(self._peaks[-1], level)
            self._filled += 1
            return
        if len(self._peaks) == MAX_PEAKS:
            self._peaks = [max(self._peaks[i : i + 2]) for i in range(0, MAX_PEAKS, 2)]
            self._width *= 2
        self._peaks.append(level)
        self._filled = 1

    def sound(self) -> Sound:
        """Say what was heard so far."""
        return Sound(
            duration_ms=round(self._frames * 1000 / self._rate_hz),
            peaks=_enough([round(peak, _DIGITS) for peak in self._peaks]),
            rate_hz=self._rate_hz,
            channels=self._channels,
        )


def _enough(peaks: list[float]) -> tuple[float, ...]:
    """Repeat the peaks of very short audio until they are as many as must be told."""
    if not peaks or len(peaks) >= MIN_PEAKS:
        return tuple(peaks)
    return tuple(peaks[i * len(peaks) // MIN_PEAKS] for i in range(MIN_PEAKS))


def sound_document(sound: Sound) -> bytes:
    """Write a `Sound` for the process that asked for it."""
    return json.dumps(
        [sound.duration_ms, sound.rate_hz, sound.channels, sound.peaks], separators=(",", ":")
    ).encode()


def parse_sound(document: bytes) -> Sound | None:
    """Read what `sound_document` wrote; None if the writer died over it."""
    try:
        duration_ms, rate_hz, channels, peaks = json.loads(document)
        sound = Sound(
            duration_ms=int(duration_ms),
            peaks=tuple(map(float, peaks)),
            rate_hz=int(rate_hz),
            channels=int(channels),
        )
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
    whole = len(sound.peaks) in {0, *range(MIN_PEAKS, MAX_PEAKS + 1)}
    return sound if whole and all(0 <= peak <= 1 for peak in sound.peaks) else None
