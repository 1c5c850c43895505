"""Decode one audio file and tell its waveform: `python -m device.decoding FILE`.

A process of its own, because decoders are native code and recordings come from damaged cards: if
one makes the decoder crash, only the picture is lost. Needs the audio extra.
"""

import resource
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from device.core.waveform import Waveform, sound_document

if TYPE_CHECKING:
    import soundfile  # type: ignore[import-untyped]  # the package ships no stubs

_STRETCHES_PER_S = 100
_BLOCK_SAMPLES = 262_144
_CPU_S = 300
_MEMORY_BYTES = 1 << 30
NO_DECODER, UNDECODABLE = 3, 4
"""Exit codes: the audio extra is not installed; this is no audio that it knows."""


def main(path: str) -> int:
    """Write a sound document to standard output; return the exit code."""
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, _CPU_S)
    try:
        import soundfile  # noqa: PLC0415 - only with the audio extra
    except ImportError:
        return NO_DECODER
    _limit(resource.RLIMIT_AS, _MEMORY_BYTES)
    try:
        with soundfile.SoundFile(path) as file:
            waveform = Waveform(rate_hz=file.samplerate, channels=file.channels)
            for loudest, frames in _stretches(file):
                waveform.add(loudest, frames)
    except (soundfile.SoundFileError, OSError, ValueError, MemoryError):
        return UNDECODABLE
    sys.stdout.buffer.write(sound_document(waveform.sound()))
    return 0


def _limit(what: int, most: int) -> None:
    # The unit's system call filter kills whoever calls setrlimit or nice; prlimit it allows.
    resource.prlimit(0, what, (most, most))


def _stretches(file: "soundfile.SoundFile") -> Iterator[tuple[float, int]]:
    """Yield the loudest sample of each stretch, and its length in frames."""
    import numpy as np  # noqa: PLC0415 - comes with soundfile

    stretch = max(1, file.samplerate // _STRETCHES_PER_S)
    per_block = max(1, _BLOCK_SAMPLES // (stretch * file.channels))
    for block in file.blocks(stretch * per_block, dtype="float32", always_2d=True):
        loudness = np.abs(np.nan_to_num(block)).max(axis=1, initial=0.0)
        starts = range(0, len(loudness), stretch)
        for start in starts:
            part = loudness[start : start + stretch]
            yield float(part.max()), len(part)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
