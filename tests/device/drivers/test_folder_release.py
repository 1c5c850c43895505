"""Releasing from a folder: delete, archive, keep; interrupted, changed, refused."""

import os
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from device.drivers import folder_release
from device.errors import DigestMismatch, LinkLost, RecorderRefused
from tests.fakes.folder import OGG, open_folder, seal

JPEG = b"\xff\xd8\xff" + b"picture" * 100
SHA = (sha256(OGG).hexdigest(), sha256(JPEG).hexdigest())


class Cut(Exception):
    """The power goes."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "recordings"
    seal(path / "talk", {"a.opus": OGG, "b.jpg": JPEG})
    return path


async def first_key(driver):
    return (await driver.recordings()).recordings[0].key


def hidden(folder: Path) -> list[str]:
    return [name for name in names(folder) if name.startswith(".")]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.asyncio
async def test_keep_touches_nothing(folder: Path):
    """Under `keep` a release is success and changes nothing, whatever digests it names."""
    driver = await open_folder(folder, release="keep")
    await driver.release(await first_key(driver), ("0" * 64,))
    await driver.aclose()

    assert ["a.opus", "b.jpg", "recording.json"] == names(folder / "talk")


@pytest.mark.asyncio
async def test_delete_removes_the_recording(folder: Path):
    """Nothing of a released recording is left, not even hidden."""
    driver = await open_folder(folder)
    await driver.release(await first_key(driver), SHA)
    await driver.aclose()

    assert [] == names(folder)


@pytest.mark.asyncio
async def test_what_was_no_part_of_it_is_kept_aside(folder: Path):
    """Files beside the listed media were never uploaded, so they are not deleted."""
    seal(
        folder / "more",
        {"a.opus": OGG + b"2", "notes.txt": b"n"},
        {"media": [{"file": "a.opus"}]},
    )
    (folder / "more" / "raw").mkdir()
    driver = await open_folder(folder)
    key = await first_key(driver)
    await driver.release(key, (sha256(OGG + b"2").hexdigest(),))
    await driver.aclose()
    (aside,) = hidden(folder)

    assert key.recording == "more"
    assert aside == f".fieldpost-leftover-{key.entry_id()}"
    assert ["notes.txt", "raw"] == names(folder / aside)


@pytest.mark.asyncio
async def test_changed_content_stays(folder: Path):
    """A recording written to since it was stored is refused and listed anew."""
    driver = await open_folder(folder)
    key = await first_key(driver)
    (folder / "talk" / "a.opus").write_bytes(OGG + b"more")
    with pytest.raises(DigestMismatch):
        await driver.release(key, SHA)
    after = await first_key(driver)
    await driver.aclose()

    assert after != key
    assert [] == hidden(folder)


@pytest.mark.asyncio
async def test_a_recording_written_during_the_release_is_put_back(folder: Path, monkeypatch):
    """Between the last look and the rename somebody appends: the rename is undone."""
    driver = await open_folder(folder)
    key = await first_key(driver)
    real = folder_release.writers

    def append(root, parts):
        with (folder / "talk" / "a.opus").open("ab") as writer:
            writer.write(b"late")
        return real(root, parts)

    monkeypatch.setattr(folder_release, "writers", append)
    with pytest.raises(DigestMismatch, match="written while it was released"):
        await driver.release(key, SHA)
    await driver.aclose()

    assert (folder / "talk" / "a.opus").read_bytes().startswith(OGG + b"late")
    assert [] == hidden(folder)


@pytest.mark.asyncio
async def test_a_recording_open_for_writing_stays(folder: Path):
    """Whoever has a medium open for writing is not robbed of it."""
    driver = await open_folder(folder)
    key = await first_key(driver)
    with (folder / "talk" / "b.jpg").open("ab"), pytest.raises(DigestMismatch, match="open"):
        await driver.release(key, SHA)
    await driver.aclose()

    assert (folder / "talk").is_dir()


@pytest.mark.parametrize("cut", range(5))
@pytest.mark.asyncio
async def test_a_power_cut_never_leaves_a_smaller_recording(folder: Path, monkeypatch, cut: int):
    """Cut before any step: afterwards it is whole or not listed, and a release ends it."""
    steps = iter(range(100))

    def cutting(real):
        def call(*args, **kwargs):
            if next(steps) == cut:
                raise Cut
            return real(*args, **kwargs)

        return call

    driver = await open_folder(folder)
    key = await first_key(driver)
    for owner, name in ((Path, "rename"), (Path, "unlink"), (Path, "rmdir")):
        monkeypatch.setattr(owner, name, cutting(getattr(owner, name)))
    with pytest.raises(Cut):
        await driver.release(key, SHA)
    monkeypatch.undo()
    await driver.aclose()

    driver = await open_folder(folder)
    listing = await driver.recordings()
    await driver.release(key, SHA)
    gone = await driver.recordings()
    await driver.aclose()

    assert [key] * (cut == 0) == [r.key for r in listing.recordings]
    assert listing.rejected == ()
    assert gone.recordings == ()
    assert [] == names(folder)


@pytest.mark.asyncio
async def test_an_interrupted_release_of_other_content_is_undone(folder: Path):
    """What lies under the releasing name but was never stored is listed again, not deleted."""
    driver = await open_folder(folder)
    key = await first_key(driver)
    (folder / "talk" / "a.opus").write_bytes(OGG + b"late")
    (folder / "talk").rename(folder / f".fieldpost-releasing-{key.entry_id()}")
    with pytest.raises(DigestMismatch):
        await driver.release(key, SHA)
    (listed,) = (await driver.recordings()).recordings
    await driver.aclose()

    assert listed.key.recording == "talk"
    assert listed.key.generation != key.generation


@pytest.mark.asyncio
async def test_a_single_file_is_released(tmp_path: Path):
    """A recording that is one file goes like a folder does."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "talk.ogg").write_bytes(OGG)
    driver = await open_folder(tmp_path / "in")
    await driver.release(await first_key(driver), SHA[:1])
    await driver.aclose()

    assert [] == names(tmp_path / "in")


@pytest.mark.parametrize("disk", ["same", "other"])
@pytest.mark.asyncio
async def test_an_archive_keeps_every_recording(folder: Path, tmp_path, request, disk: str):
    """Archived under its name, then under its generation: nothing in the archive is replaced."""
    archive = tmp_path / "archive"
    if disk == "other":
        archive = Path("/dev/shm") / f"fieldpost-{os.getpid()}"  # noqa: S108 - another disk is the point
        if not archive.parent.is_dir() or archive.parent.stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("no second file system here")
        request.addfinalizer(lambda: shutil.rmtree(archive))
    driver = await open_folder(folder, release=f"archive:{archive}")
    await driver.release(await first_key(driver), SHA)
    seal(folder / "talk", {"a.opus": OGG + b"2"})
    second = await first_key(driver)
    await driver.release(second, (sha256(OGG + b"2").hexdigest(),))
    await driver.aclose()

    assert [] == names(folder)
    assert ["talk", f"talk.{second.generation:016x}"] == names(archive)
    assert (archive / "talk" / "b.jpg").read_bytes() == JPEG
    assert (archive / "talk" / "recording.json").is_file()


@pytest.mark.asyncio
async def test_a_folder_that_does_not_let_go_says_why(folder: Path, monkeypatch):
    """A read-only card is a refusal with a hint, and the recording stays."""
    driver = await open_folder(folder)
    key = await first_key(driver)

    def read_only(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "rename", read_only)
    with pytest.raises(RecorderRefused, match="Read-only file system"):
        await driver.release(key, SHA)
    monkeypatch.undo()
    await driver.aclose()

    assert (folder / "talk" / "a.opus").is_file()


@pytest.mark.asyncio
async def test_gone_means_nothing_while_the_folder_is_gone(folder: Path):
    """A recording that cannot be seen because its folder vanished is not released."""
    driver = await open_folder(folder)
    key = await first_key(driver)
    os.rename(folder, folder.parent / "elsewhere")  # noqa: PTH104 - quick, and no pathlib in async
    with pytest.raises(LinkLost):
        await driver.release(key, SHA)
    await driver.aclose()
