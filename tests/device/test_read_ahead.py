"""Small media are read by a thread, in the order in which they are asked for."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from device.errors import SpoolDamaged
from device.read_ahead import ReadAhead


@pytest_asyncio.fixture
async def ahead() -> AsyncIterator[ReadAhead]:
    """One that is closed at the end."""
    ahead = ReadAhead()
    yield ahead
    ahead.close()


@pytest.mark.asyncio
async def test_it_reads_whole_files(ahead: ReadAhead, tmp_path: Path) -> None:
    """Each is given what it asked for, several at a time too."""
    wanted = {tmp_path / f"{number}.jpg": bytes([number]) * number for number in range(1, 40)}
    for path, content in wanted.items():
        path.write_bytes(content)

    assert list(wanted.values()) == await asyncio.gather(
        *(ahead.read(path, len(content)) for path, content in wanted.items())
    )


@pytest.mark.asyncio
async def test_a_damaged_file_is_said_to_whoever_asked(ahead: ReadAhead, tmp_path: Path) -> None:
    """One that is missing, one that is short; those after them are read."""
    short, whole = tmp_path / "short.jpg", tmp_path / "whole.jpg"
    short.write_bytes(b"abc")
    whole.write_bytes(b"abcd")
    told = await asyncio.gather(
        ahead.read(tmp_path / "missing.jpg", 4),
        ahead.read(short, 4),
        ahead.read(whole, 4),
        return_exceptions=True,
    )

    assert [SpoolDamaged, SpoolDamaged, bytes] == [type(each) for each in told]


@pytest.mark.asyncio
async def test_a_thread_that_cannot_start_is_tried_again(
    ahead: ReadAhead, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A box that was short of memory for a moment reads on afterwards."""
    (tmp_path / "a.jpg").write_bytes(b"abcd")

    def failing(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", failing)
        with pytest.raises(RuntimeError):
            await ahead.read(tmp_path / "a.jpg", 4)

    assert await ahead.read(tmp_path / "a.jpg", 4) == b"abcd"


@pytest.mark.asyncio
async def test_a_closed_one_ends_its_thread(ahead: ReadAhead, tmp_path: Path) -> None:
    """No thread before the first file, none for long after the end; then it may be used again."""
    (tmp_path / "a.jpg").write_bytes(b"abcd")
    before = set(threading.enumerate())
    assert await ahead.read(tmp_path / "a.jpg", 4) == b"abcd"
    (thread,) = set(threading.enumerate()) - before
    ahead.close()
    ahead.close()
    await asyncio.to_thread(thread.join, 10)

    assert not thread.is_alive()
    assert await ahead.read(tmp_path / "a.jpg", 4) == b"abcd"
