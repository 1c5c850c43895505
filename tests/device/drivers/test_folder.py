"""Listing and reading a folder of recordings: real files, real faults."""

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from device.drivers import folder_driver
from device.drivers.folder_digests import STEP_BYTES, Digests
from device.errors import ConfigInvalid, DigestMismatch, LinkUnavailable, MediumGone
from tests.device.drivers.conformance import pull
from tests.fakes.clock import FakeClock
from tests.fakes.folder import OGG, PassingClock, open_folder, seal

ALONE = "not audio, so no recording on its own: put it into a folder with recording.json"


def rewrite(path: Path, at: int, content: bytes) -> None:
    with path.open("r+b") as writer:
        writer.seek(at)
        writer.write(content)
    os.utime(path, ns=(1, 1))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "recordings"
    path.mkdir()
    return path


async def reasons(driver) -> dict[str, str]:
    return {r.recording: r.reason for r in (await driver.recordings()).rejected}


@pytest.mark.asyncio
async def test_a_sealed_folder_is_a_recording(folder: Path):
    """Sidecar, EXIF and content become one recording, with digests that are true."""
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0x9003: "2026:03:01 13:00:02", 0x9011: "+01:00"})
    picture = BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "JPEG", exif=exif)
    files = {"a.opus": OGG, "1.jpg": picture.getvalue()}
    sidecar = {"started_at": "2026-03-01T12:00:00Z", "metadata": {"site": "quay"}}
    seal(folder / "talk", files, sidecar)
    driver = await open_folder(folder)
    listing = await driver.recordings()
    await driver.aclose()
    (recording,) = listing.recordings
    audio, image = recording.media

    assert listing.complete
    assert recording.key.recorder == f"folder:{folder}"
    assert recording.metadata == {"site": "quay"}
    assert [sha256(OGG).hexdigest(), sha256(files["1.jpg"]).hexdigest()] == [
        audio.sha256,
        image.sha256,
    ]
    assert image.captured_at == datetime(2026, 3, 1, 12, 0, 2, tzinfo=UTC)
    assert image.t_offset_ms == 2000
    assert not audio.captured_at_trusted


@pytest.mark.asyncio
async def test_what_is_not_a_recording_is_a_reason(folder: Path):
    """Everything visible that cannot be pulled is listed with why; nothing of it stops the rest."""
    seal(folder / "good", {"a.opus": OGG})
    (folder / "open").mkdir()
    (folder / "open" / "a.opus").write_bytes(OGG)
    seal(folder / "bad", {"a.opus": OGG}, {"media": [{"file": "../a.opus"}]})
    seal(folder / "short", {"a.opus": OGG}, {"media": [{"file": "b.opus"}]})
    seal(folder / "linked", {})
    (folder / "linked" / "a.opus").symlink_to("/etc/hostname")
    (folder / "link.wav").symlink_to("/etc/hostname")
    os.mkfifo(folder / "pipe.wav")
    (folder / "alone.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "empty.wav").touch()
    (folder / ".hidden.wav").write_bytes(OGG)
    (folder / "going.wav.part").write_bytes(OGG)
    driver = await open_folder(folder)
    listing = await driver.recordings()
    await driver.aclose()

    assert ["good"] == [r.key.recording for r in listing.recordings]
    assert listing.complete
    assert {r.recording: r.reason for r in listing.rejected} == {
        "alone.jpg": ALONE,
        "bad": 'recording.json: media[0].file is not the name of a medium: "../a.opus"',
        "empty.wav": "it is empty",
        "link.wav": "a symbolic link, which is never followed",
        "linked": "a.opus is a symbolic link, which is never followed",
        "open": "not sealed yet: recording.json is missing",
        "pipe.wav": "neither a file nor a folder",
        "short": "b.opus belongs to it and is not there",
    }


@pytest.mark.asyncio
async def test_a_hostile_name_is_listed_and_read_safely(folder: Path):
    """Line breaks and undecodable bytes in names neither break the listing nor the read."""
    name = os.fsdecode(b"a\nb\xff.wav")
    (folder / name).write_bytes(OGG)
    driver = await open_folder(folder)
    (recording,) = (await driver.recordings()).recordings
    got = await pull(driver, recording, recording.media[0])
    await driver.aclose()

    assert recording.key.recording == "a%0Ab%FF.wav"
    assert got == OGG


@pytest.mark.asyncio
async def test_a_file_still_open_for_writing_waits(folder: Path):
    """A single file is listed only once its writer has closed it, however still it lies."""
    driver = await open_folder(folder)
    with (folder / "talk.wav").open("wb") as writer:
        writer.write(OGG)
        writer.flush()
        while_open = await driver.recordings()
    closed = await driver.recordings()
    await driver.aclose()

    assert [r.reason for r in while_open.rejected] == ["it is still open for writing"]
    assert ["talk.wav"] == [r.key.recording for r in closed.recordings]


@pytest.mark.asyncio
async def test_a_file_written_between_two_looks_waits(folder: Path):
    """A recorder that reopens to append is seen by the change, although nobody has it open."""

    class Appending(PassingClock):
        async def sleep(self, seconds: float) -> None:
            await asyncio.to_thread(rewrite, folder / "talk.wav", len(OGG), OGG)
            await super().sleep(seconds)

    (folder / "talk.wav").write_bytes(OGG)
    driver = await open_folder(folder, clock=Appending())
    listing = await driver.recordings()
    await driver.aclose()

    assert listing.recordings == ()
    assert [r.reason for r in listing.rejected] == ["it was written a moment ago"]


@pytest.mark.asyncio
async def test_where_nothing_proves_it_closed_a_file_waits_longer(folder: Path, monkeypatch):
    """Not owner of the file: it is taken after a minute of stillness under our eyes."""

    def not_owner(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("device.drivers.folder_quiet.fcntl.fcntl", not_owner)
    (folder / "talk.wav").write_bytes(OGG)
    clock = PassingClock()
    driver = await open_folder(folder, clock=clock)
    first = await driver.recordings()
    clock.advance(59)
    second = await driver.recordings()
    clock.advance(1)
    third = await driver.recordings()
    await driver.aclose()

    assert "nothing proves yet that it is closed" in first.rejected[0].reason
    assert (0, 1) == (len(first.recordings), len(second.recordings) + len(third.recordings) - 1)


@pytest.mark.asyncio
async def test_the_same_name_with_other_content_is_another_recording(folder: Path):
    """The generation tells them apart; a copy of the same content elsewhere keeps it."""
    talk = seal(folder / "talk", {"a.opus": OGG})
    driver = await open_folder(folder)
    (first,) = (await driver.recordings()).recordings
    (talk / "a.opus").write_bytes(OGG + b"more")
    (second,) = (await driver.recordings()).recordings
    (talk / "a.opus").unlink()
    (talk / "a.opus").write_bytes(OGG)
    (third,) = (await driver.recordings()).recordings
    await driver.aclose()

    assert first.key.recording == second.key.recording
    assert first.key.generation != second.key.generation
    assert first.key == third.key


@pytest.mark.asyncio
async def test_a_change_after_the_listing_is_a_mismatch(folder: Path):
    """What grew or was rewritten since is not read as what was listed."""
    talk = seal(folder / "talk", {"a.opus": OGG, "b.opus": OGG})
    driver = await open_folder(folder)
    (recording,) = (await driver.recordings()).recordings
    (talk / "a.opus").write_bytes(OGG + b"x")
    with pytest.raises(DigestMismatch, match="changed since it was listed"):
        await pull(driver, recording, recording.media[0])
    (talk / "b.opus").unlink()
    with pytest.raises(MediumGone):
        await pull(driver, recording, recording.media[1])
    await driver.aclose()


@pytest.mark.asyncio
async def test_a_change_in_the_middle_of_a_read_is_a_mismatch(folder: Path):
    """A file rewritten between two pieces never yields a mix of both."""
    talk = seal(folder / "talk", {"a.opus": b"OggS" + bytes(2_000_000)})
    driver = await open_folder(folder)
    (recording,) = (await driver.recordings()).recordings
    pieces = driver.read(recording, recording.media[0], 0)
    await anext(pieces)
    rewrite(talk / "a.opus", 1_500_000, b"changed")
    with pytest.raises(DigestMismatch):
        await anext(pieces)
    await driver.aclose()


@pytest.mark.asyncio
async def test_an_unreadable_file_makes_the_listing_incomplete(folder: Path, monkeypatch):
    """An I/O error is told with its words, and absence proves nothing then."""
    seal(folder / "talk", {"a.opus": OGG})

    real = os.pread

    def damaged(fd, size, offset):
        if size == STEP_BYTES:
            raise OSError(5, "Input/output error")
        return real(fd, size, offset)

    driver = await open_folder(folder)
    monkeypatch.setattr("device.drivers.folder_digests.os.pread", damaged)
    listing = await driver.recordings()
    monkeypatch.undo()
    await driver.aclose()

    assert not listing.complete
    assert [("talk", "a.opus: Input/output error")] == [
        (r.recording, r.reason) for r in listing.rejected
    ]


@pytest.mark.asyncio
async def test_digests_are_remembered_across_runs(folder: Path, monkeypatch):
    """A second run lists without reading the media again; a damaged memory only costs reading."""
    seal(folder / "talk", {"a.opus": OGG})
    driver = await open_folder(folder)
    first = await driver.recordings()
    await driver.aclose()
    read = []
    real = Digests._remember
    monkeypatch.setattr(Digests, "_remember", lambda *a: (read.append(a), real(*a)))
    driver = await open_folder(folder)
    second = await driver.recordings()
    await driver.aclose()
    from_memory = list(read)
    (memory,) = (folder.parent / "cache").glob("folder-*.json")
    memory.write_text('{"schema": 1, "mount_point": 5, "files": {"x": ["zz", 1, 2]}}')
    driver = await open_folder(folder)
    third = await driver.recordings()
    await driver.aclose()

    assert first == second == third
    assert from_memory == []
    assert 1 == len(read)


@pytest.mark.asyncio
async def test_a_file_written_just_now_is_not_remembered(folder: Path):
    """Within one tick of mtime a rewrite is invisible, so a fresh digest is not kept."""
    seal(folder / "talk", {"a.opus": OGG})
    now = datetime.fromtimestamp((folder / "talk" / "a.opus").stat().st_mtime, UTC)
    driver = await open_folder(folder, clock=PassingClock(now + timedelta(seconds=1)))
    await driver.recordings()
    remembered = dict(driver.digests._known)
    await driver.aclose()

    assert {} == remembered


@pytest.mark.asyncio
async def test_a_cancelled_listing_goes_on_where_it_was(folder: Path, monkeypatch):
    """What was hashed of a large file before a cancel is not hashed again."""
    monkeypatch.setattr("device.drivers.folder_digests.STEP_BYTES", 1024)
    seal(folder / "talk", {"a.opus": OGG})
    digests = Digests(folder.parent / "none.json", FakeClock())
    parts = ("talk", "a.opus")
    first = digests.steps(folder, parts)
    taken = [next(first), next(first)]
    first.close()
    rest = list(digests.steps(folder, parts))

    assert [None, None] == taken
    assert len(OGG) // 1024 - 2 == rest.count(None)
    assert rest[-1][1].sha256 == sha256(OGG).hexdigest()


@pytest.mark.asyncio
async def test_a_huge_folder_is_listed_in_portions(folder: Path, monkeypatch):
    """Beyond the bound a listing shows a portion, says so, and the next one goes on."""
    monkeypatch.setattr(folder_driver, "MAX_LISTED", 3)
    for number in range(5):
        seal(folder / f"talk{number}", {"a.opus": OGG})
    driver = await open_folder(folder)
    first = await driver.recordings()
    await driver.changed()
    second = await driver.recordings()
    third = await driver.recordings()
    await driver.aclose()
    names = [[r.key.recording[-1] for r in each.recordings] for each in (first, second, third)]

    assert [["0", "1", "2"], ["3", "4"], ["0", "1", "2"]] == names
    assert [False, False] == [first.complete, second.complete]


@pytest.mark.parametrize(
    ("url", "release"),
    [
        ("folder://host/srv", "delete"),
        ("folder:relative", "delete"),
        ("folder:///srv?quiet=1", "delete"),
        ("folder:///srv", "burn"),
        ("folder:///srv", "archive:relative"),
    ],
)
@pytest.mark.asyncio
async def test_a_wrong_configuration_is_refused(tmp_path: Path, url: str, release: str):
    """URL and policy are checked before anything is touched."""
    from device.drivers import Opening, open_driver  # noqa: PLC0415 - only here

    opening = Opening(url=url, release=release, clock=FakeClock(), cache=tmp_path)
    with pytest.raises(ConfigInvalid):
        await open_driver("folder", opening)


@pytest.mark.asyncio
async def test_an_archive_inside_the_folder_is_refused(folder: Path):
    """It would be listed as a recording."""
    with pytest.raises(ConfigInvalid, match="outside"):
        await open_folder(folder, release=f"archive:{folder}/old")


@pytest.mark.parametrize(("path", "said"), [("none", "not-found"), ("file", "not-a-device")])
@pytest.mark.asyncio
async def test_what_is_no_folder_cannot_be_opened(tmp_path: Path, path: str, said: str):
    """A missing folder and a file are told apart."""
    (tmp_path / "file").touch()
    with pytest.raises(LinkUnavailable) as caught:
        await open_folder(tmp_path / path)

    assert said == caught.value.reason


def test_opening_needs_no_event_loop_to_block():
    """The inotify library runs a program while it is imported: never by importing the driver."""
    code = "import sys, device.drivers.folder; sys.exit('asyncinotify' in sys.modules)"

    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
