"""News from a folder through real inotify."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.fakes.folder import OGG, open_folder, seal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "recordings"
    path.mkdir()
    return path


async def is_news(driver) -> bool:
    """Give pending events their turn, then look whether `changed` would return."""
    for _ in range(5):
        await asyncio.sleep(0)
    return driver._watch._news.is_set()


def kernel_watches(fd: int) -> int:
    return Path(f"/proc/self/fdinfo/{fd}").read_text().count("inotify wd")


@pytest.mark.asyncio
async def test_sealing_a_folder_is_news(folder: Path):
    """A sub-folder under construction is watched until its recording.json is closed."""
    driver = await open_folder(folder)
    (folder / "talk").mkdir()
    await driver.recordings()
    quiet = await is_news(driver)
    (folder / "talk" / "a.opus").write_bytes(OGG)
    media = await is_news(driver)
    (folder / "talk" / "recording.json").write_text("{}")
    async with asyncio.timeout(5):
        await driver.changed()
    listing = await driver.recordings()
    await driver.aclose()

    assert (False, False) == (quiet, media)
    assert ["talk"] == [r.key.recording for r in listing.recordings]


@pytest.mark.asyncio
async def test_a_seal_moved_into_place_is_news(folder: Path):
    """Writing aside and renaming, as docs/folder.md advises, is seen as well."""
    driver = await open_folder(folder)
    (folder / "talk").mkdir()
    (folder / "talk" / "recording.json.tmp").write_text("{}")
    await driver.recordings()
    (folder / "talk" / "recording.json.tmp").rename(folder / "talk" / "recording.json")
    async with asyncio.timeout(5):
        await driver.changed()
    await driver.aclose()


@pytest.mark.asyncio
async def test_closing_a_file_is_news_and_proof(folder: Path, monkeypatch):
    """A writer that closes under our eyes proves the file closed where the kernel tells no more."""

    def not_owner(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("device.drivers.folder_quiet.fcntl.fcntl", not_owner)
    driver = await open_folder(folder)
    await driver.recordings()
    with (folder / "talk.wav").open("wb") as writer:
        writer.write(OGG)
        writer.flush()
        while_open = await driver.recordings()
    async with asyncio.timeout(5):
        await driver.changed()
    closed = await driver.recordings()
    await driver.aclose()

    assert "nothing proves yet" in while_open.rejected[0].reason
    assert ["talk.wav"] == [r.key.recording for r in closed.recordings]


@pytest.mark.asyncio
async def test_a_cancelled_wait_loses_no_news(folder: Path):
    """Events that come while nobody waits are told to the next who does."""
    driver = await open_folder(folder)
    await driver.recordings()
    waiting = asyncio.create_task(driver.changed())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    (folder / "talk.wav").write_bytes(OGG)
    async with asyncio.timeout(5):
        await driver.changed()
    await driver.aclose()


@pytest.mark.asyncio
async def test_hidden_and_unfinished_names_are_no_news(folder: Path):
    """What is passed over in a listing wakes nobody."""
    driver = await open_folder(folder)
    await driver.recordings()
    (folder / ".hidden").write_bytes(OGG)
    (folder / "a.wav.part").write_bytes(OGG)
    (folder / ".folder").mkdir()
    news = await is_news(driver)
    await driver.aclose()

    assert not news


@pytest.mark.asyncio
async def test_no_inotify_is_no_failure(folder: Path, monkeypatch):
    """Where no watch is to be had the driver lists, and leaves news to the rescan."""

    def none_left(*_, **__):
        raise OSError(24, "Too many open files")

    driver = await open_folder(folder)
    await driver.aclose()
    monkeypatch.setattr("device.drivers.folder_watch.Inotify", none_left)
    seal(folder / "talk", {"a.opus": OGG})
    (folder / "open").mkdir()
    driver = await open_folder(folder)
    listing = await driver.recordings()
    news = await is_news(driver)
    await driver.aclose()

    assert 1 == len(listing.recordings)
    assert not news


@pytest.mark.asyncio
async def test_watches_are_bounded(folder: Path, monkeypatch):
    """A thousand folders under construction cost no more watches than allowed."""
    monkeypatch.setattr("device.drivers.folder_watch.MAX_WATCHES", 2)
    driver = await open_folder(folder)
    for number in range(5):
        (folder / f"open{number}").mkdir()
    await driver.recordings()
    await is_news(driver)
    watches = kernel_watches(driver._watch._inotify.fd)
    await driver.aclose()

    assert 3 == watches


@pytest.mark.asyncio
async def test_closing_lets_a_waiter_go(folder: Path):
    """Whoever waits for news when the driver closes is not left waiting."""
    driver = await open_folder(folder)
    await driver.recordings()
    waiting = asyncio.create_task(driver.changed())
    await asyncio.sleep(0)
    fd = driver._watch._inotify.fd
    await driver.aclose()
    async with asyncio.timeout(5):
        await waiting
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
