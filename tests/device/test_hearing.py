"""Listening to sealed media: with the decoder, without it, and when it dies."""

import asyncio
import importlib.util
import json
import os
import resource
import statistics
import sys
from pathlib import Path

import pytest

from device import hearing
from device.core.waveform import Sound
from device.decoding import UNDECODABLE, main
from device.hearing import hear
from tests.fakes.sounds import encoded, wav


async def _file(folder: Path, content: bytes) -> Path:
    path = folder / "0000"
    await asyncio.to_thread(path.write_bytes, content)
    return path


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("OGG", "OPUS"), ("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("MP3", "MPEG_LAYER_III")],
)
@pytest.mark.asyncio
async def test_what_recorders_make(tmp_path: Path, kind: str, subtype: str) -> None:
    """Opus, WAV, FLAC and MP3 are recognised by content: their time, and how they grow louder."""
    path = await _file(tmp_path, encoded(kind, subtype, 2.0, channels=2))

    sound = await hear(path)

    assert sound is not None
    assert abs(2000 - sound.duration_ms) <= 50
    assert (48_000, 2) == (sound.rate_hz, sound.channels)
    assert sound.peaks[10] < 0.1
    assert 0.4 < statistics.median(sound.peaks[-20:]) < 0.6


@pytest.mark.parametrize("content", [b"", b"no audio at all", b"OggS" + bytes(300)])
@pytest.mark.asyncio
async def test_what_cannot_be_decoded(tmp_path: Path, content: bytes) -> None:
    """Damaged audio has no waveform, and that is all."""
    assert await hear(await _file(tmp_path, content)) is None


@pytest.mark.asyncio
async def test_a_file_that_is_gone(tmp_path: Path) -> None:
    """A file that cannot be read is no reason to fail either."""
    assert await hear(tmp_path / "nowhere") is None


@pytest.mark.asyncio
async def test_what_lies_around_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in the current folder that is called like a library is left alone."""
    await asyncio.to_thread((tmp_path / "soundfile.py").write_text, "raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    sound = await hear(await _file(tmp_path, encoded("FLAC", "PCM_16", 1.0)))

    assert sound is not None
    assert sound.peaks


@pytest.mark.asyncio
async def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the decoder the playing time of a WAV is known from its header."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    assert Sound(duration_ms=2000) == await hear(await _file(tmp_path, wav(2.0)))


@pytest.mark.parametrize("fate", ["kill -SEGV $$", "echo '[1,2'", "echo '[]'; exit 1"])
@pytest.mark.asyncio
async def test_a_decoder_that_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fate: str
) -> None:
    """A decoder that crashes or stops halfway takes nothing with it."""
    await _stand_in(tmp_path, monkeypatch, fate)

    assert Sound(duration_ms=2000) == await hear(await _file(tmp_path, wav(2.0)))


@pytest.mark.asyncio
async def test_a_decoder_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder that takes too long is ended."""
    await _stand_in(tmp_path, monkeypatch, "exec sleep 1000")
    monkeypatch.setattr(hearing, "_DEADLINE_S", 0.05)

    assert await hear(await _file(tmp_path, b"")) is None


@pytest.mark.asyncio
async def test_an_agent_that_stops_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopping the agent ends the decoder too."""
    mark = tmp_path / "begun"
    os.mkfifo(mark)
    await _stand_in(tmp_path, monkeypatch, f"echo $$ > {mark}; exec sleep 1000")
    listening = asyncio.create_task(hear(await _file(tmp_path, b"")))
    child = int(await asyncio.to_thread(mark.read_text))
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening

    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


async def _stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "python"
    await asyncio.to_thread(program.write_text, f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))


def test_the_decoder_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has limits on time and memory, and never leaves a core file."""
    limits: dict[int, tuple[int, int]] = {}
    monkeypatch.setattr("resource.prlimit", lambda _, what, how: limits.update({what: how}))
    (tmp_path / "x").write_bytes(b"no audio")

    assert UNDECODABLE == main(str(tmp_path / "x"))
    assert {resource.RLIMIT_CORE, resource.RLIMIT_CPU, resource.RLIMIT_AS} == limits.keys()


def test_what_the_decoder_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """It writes one JSON document and nothing else."""
    monkeypatch.setattr("resource.prlimit", lambda *_: None)
    (tmp_path / "x").write_bytes(encoded("WAV", "PCM_16", 1.0))

    assert 0 == main(str(tmp_path / "x"))
    sys.stdout.flush()
    assert [1000, 48_000, 1] == json.loads(capfdbinary.readouterr().out)[:3]
