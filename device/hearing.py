"""Listen to a sealed medium: how long it plays, and its waveform. Never a reason to fail."""

import asyncio
import importlib.util
import logging
import os
import sys
from pathlib import Path

from device.core.wav_header import HEAD_BYTES, wav_duration_ms
from device.core.waveform import Sound, parse_sound

logger = logging.getLogger(__name__)

_DEADLINE_S = 120.0


async def hear(path: Path) -> Sound | None:
    """Say what is in an audio file; None if nobody here can tell.

    Decoding takes the audio extra, and happens in a process of its own: see `device.decoding`.
    Without it the playing time of a WAV is read from its header.
    """
    decodable = await asyncio.to_thread(_decoder_is_here)
    sound = await _decoded(path) if decodable else None
    return sound or await asyncio.to_thread(_by_header, path)


def _decoder_is_here() -> bool:
    return bool(sys.executable) and importlib.util.find_spec("soundfile") is not None


async def _decoded(path: Path) -> Sound | None:
    # Linear algebra is loaded with the decoder and never used: it need not reserve threads.
    environ = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    try:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # whatever lies in the folder where somebody ran us is not to be imported
            "-m",
            "device.decoding",
            path,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environ,
        )
    except OSError as error:
        logger.debug("Cannot start the decoder", extra={"reason": error.strerror})
        return None
    try:
        async with asyncio.timeout(_DEADLINE_S):
            document, _ = await child.communicate()
    except TimeoutError:
        document = b""
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    sound = parse_sound(document) if child.returncode == 0 else None
    if sound is None:
        logger.info(
            "No waveform of this medium", extra={"file": path.name, "exit": child.returncode}
        )
    return sound


def _by_header(path: Path) -> Sound | None:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        duration_ms = wav_duration_ms(head, path.stat().st_size)
    except OSError:
        return None
    return None if duration_ms is None else Sound(duration_ms=duration_ms)
