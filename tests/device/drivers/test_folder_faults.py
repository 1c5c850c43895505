"""Faults below the folder driver: errno by errno, and archives interrupted half-way."""

import errno
import os
from hashlib import sha256
from pathlib import Path

import pytest

from device.drivers import folder_archive
from device.errors import DigestMismatch, FieldpostError, LinkLost, MediumGone, RecorderRefused
from tests.device.drivers.conformance import pull
from tests.fakes.folder import OGG, open_folder, seal

SHA = (sha256(OGG).hexdigest(),)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "recordings"
    seal(path / "talk", {"a.opus": OGG})
    return path


def failing(monkeypatch, number: int) -> None:
    """Let opening a medium fail; folders and seals stay readable."""
    real = os.open

    def refuse(path, flags, *args, **kwargs):
        if path == "a.opus":
            raise OSError(number, os.strerror(number))
        return real(path, flags, *args, **kwargs)

    monkeypatch.setattr("device.drivers.folder_files.os.open", refuse)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOENT, MediumGone),
        (errno.EACCES, RecorderRefused),
        (errno.EIO, LinkLost),
        (errno.ESTALE, LinkLost),
        (errno.ENOTCONN, LinkLost),
        (errno.ELOOP, DigestMismatch),
    ],
)
@pytest.mark.asyncio
async def test_a_read_fails_in_the_agents_words(
    folder: Path, monkeypatch, number: int, expected: type[FieldpostError]
):
    """Each errno of a read means the line, the medium or the recorder."""
    driver = await open_folder(folder)
    (recording,) = (await driver.recordings()).recordings
    failing(monkeypatch, number)
    with pytest.raises(expected):
        await pull(driver, recording, recording.media[0])
    monkeypatch.undo()
    await driver.aclose()


@pytest.mark.parametrize(
    ("number", "complete", "reason"),
    [
        (errno.EACCES, False, "a.opus: Permission denied"),
        (errno.ENOENT, True, "a.opus belongs to it and is not there"),
        (errno.ESTALE, False, "unknown: the folder went away: Stale file handle"),
    ],
)
@pytest.mark.asyncio
async def test_a_listing_fails_in_sentences(
    folder: Path, monkeypatch, number: int, complete: bool, reason: str
):
    """What cannot be read is told; absence proves something only if the recorder made it so."""
    driver = await open_folder(folder)
    failing(monkeypatch, number)
    listing = await driver.recordings()
    monkeypatch.undo()
    await driver.aclose()

    assert (complete, ()) == (listing.complete, listing.recordings)
    assert [reason] == [r.reason for r in listing.rejected]


@pytest.mark.asyncio
async def test_a_bad_sector_is_found_by_the_next_listing(folder: Path, monkeypatch):
    """An I/O error of a read forgets the digest, so that the listing reads the file again."""
    driver = await open_folder(folder)
    (recording,) = (await driver.recordings()).recordings
    who = dict(driver.digests._known)

    def damaged(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("device.drivers.folder_read.os.pread", damaged)
    with pytest.raises(LinkLost):
        await pull(driver, recording, recording.media[0])
    monkeypatch.undo()
    remembered = dict(driver.digests._known)
    await driver.aclose()

    assert who
    assert {} == remembered


@pytest.mark.asyncio
async def test_an_archive_on_another_disk_is_copied_once(folder: Path, tmp_path, monkeypatch):
    """The power goes between the copy and the release: the copy that is there is used."""
    monkeypatch.setattr(folder_archive.Archive, "beside", lambda self, _: not prepare(self.path))
    driver = await open_folder(folder, release=f"archive:{tmp_path / 'sent'}")
    (recording,) = (await driver.recordings()).recordings
    fill(tmp_path / "sent", folder / "talk")
    await driver.release(recording.key, SHA)
    await driver.aclose()

    assert ["talk"] == os.listdir(tmp_path / "sent")  # noqa: PTH208 - no pathlib in async
    assert [] == os.listdir(folder)  # noqa: PTH208 - no pathlib in async


@pytest.mark.asyncio
async def test_an_archive_that_reads_back_wrong_releases_nothing(
    folder: Path, tmp_path, monkeypatch
):
    """A copy is compared before the source goes; half a copy of before is replaced."""
    monkeypatch.setattr(folder_archive.Archive, "beside", lambda self, _: not prepare(self.path))
    monkeypatch.setattr(folder_archive, "_copy", lambda _, name, there: there.write_bytes(b"bad"))
    driver = await open_folder(folder, release=f"archive:{tmp_path / 'sent'}")
    (recording,) = (await driver.recordings()).recordings
    for _ in range(2):
        with pytest.raises(DigestMismatch, match="reads back differently"):
            await driver.release(recording.key, SHA)
    await driver.aclose()

    assert ["talk"] == os.listdir(folder)  # noqa: PTH208 - no pathlib in async


@pytest.mark.asyncio
async def test_a_full_archive_is_a_refusal(folder: Path, tmp_path, monkeypatch):
    """No space in the archive: told, retried later, and nothing is lost."""

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(folder_archive.Archive, "beside", lambda self, _: not prepare(self.path))
    monkeypatch.setattr(folder_archive, "_copy", full)
    driver = await open_folder(folder, release=f"archive:{tmp_path / 'sent'}")
    (recording,) = (await driver.recordings()).recordings
    with pytest.raises(RecorderRefused, match="No space left"):
        await driver.release(recording.key, SHA)
    await driver.aclose()

    assert ["talk"] == os.listdir(folder)  # noqa: PTH208 - no pathlib in async


@pytest.mark.asyncio
async def test_an_old_interrupted_release_does_not_hide_a_new_one(folder: Path):
    """The same recording copied in again while the remains of its release could not be proven."""
    driver = await open_folder(folder)
    (recording,) = (await driver.recordings()).recordings
    remains = f".fieldpost-releasing-{recording.key.entry_id()}"
    seal(folder / remains, {"a.opus": OGG + b"other"})
    await driver.release(recording.key, SHA)
    await driver.aclose()

    assert [remains.replace("releasing", "leftover")] == os.listdir(folder)  # noqa: PTH208 - no pathlib in async


def prepare(path: Path) -> bool:
    path.mkdir(exist_ok=True)
    return True


def fill(archive: Path, recording: Path) -> None:
    seal(archive / recording.name, {"a.opus": OGG})
