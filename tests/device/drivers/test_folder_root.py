"""A folder that went away is unknown, never emptied: unmounted, unplugged, renamed, replaced."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from device.drivers import folder_root
from device.drivers.folder_root import FolderRoot
from device.errors import LinkLost, LinkUnavailable
from tests.fakes.folder import OGG, open_folder, seal

UNSHARE = ("unshare", "--user", "--map-root-user", "--mount")

UNMOUNT = """
import asyncio, json, subprocess, sys
from pathlib import Path
sys.path.insert(0, "")
from tests.fakes.folder import OGG, open_folder, seal

card = Path(sys.argv[1]) / "card"
card.mkdir()

def mount():
    subprocess.run(["mount", "-t", "tmpfs", "none", str(card)], check=True)
    seal(card / "talk", {"a.opus": OGG})

async def main():
    told = []
    def tell(listing):
        reasons = [r.reason for r in listing.rejected]
        told.append([listing.complete, len(listing.recordings), reasons])
    mount()
    driver = await open_folder(card)
    tell(await driver.recordings())
    subprocess.run(["umount", str(card)], check=True)
    tell(await driver.recordings())
    key = None
    try:
        from device.model import RecordingKey
        await driver.release(RecordingKey(recorder="x", recording="talk", generation=1), ())
    except Exception as error:
        told.append(type(error).__name__)
    mount()
    tell(await driver.recordings())
    tell(await driver.recordings())
    await driver.aclose()
    subprocess.run(["umount", str(card)], check=True)
    try:
        await open_folder(card)
    except Exception as error:
        told.append([type(error).__name__, str(error)])
    print(json.dumps(told))

asyncio.run(main())
"""


def test_a_real_card_is_unmounted_and_comes_back(tmp_path: Path):
    """Unmounted it is unknown, in this run and the next; mounted again it is listed again."""
    if subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no user namespace to mount in")
    ran = subprocess.run(
        [*UNSHARE, sys.executable, "-c", UNMOUNT, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=15,
    )
    assert "" == ran.stderr
    mounted, unmounted, release, again, settled, reopened = json.loads(ran.stdout)
    card = tmp_path / "card"

    assert mounted == [True, 1, []]
    assert unmounted == [False, 0, [f"unknown: nothing is mounted on {card}"]]
    assert release == "LinkLost"
    assert again in ([True, 1, []], [False, 0, again[2]])
    assert settled == [True, 1, []]
    assert reopened == ["LinkUnavailable", f"nothing is mounted on {card}"]


@pytest.fixture
def card(tmp_path: Path, monkeypatch) -> Path:
    """A folder that claims to be on a block device, and a sysfs that has it."""
    path = tmp_path / "card"
    path.mkdir()
    (tmp_path / "mountinfo").write_text(
        f"1 0 8:2 / / rw - ext4 a rw\n2 1 8:17 / {path} rw - vfat b rw\n"
    )
    (tmp_path / "block" / "8:17").mkdir(parents=True)
    monkeypatch.setattr(folder_root, "_MOUNTINFO", tmp_path / "mountinfo")
    monkeypatch.setattr(folder_root, "_BLOCK_DEVICES", tmp_path / "block")
    return path


@pytest.mark.asyncio
async def test_a_dead_mount_that_lists_nothing_is_unknown(card: Path):
    """The kernel goes on listing an unplugged card as empty; sysfs knows that it is gone."""
    seal(card / "talk", {"a.opus": OGG})
    driver = await open_folder(card)
    before = await driver.recordings()
    (card.parent / "block" / "8:17").rmdir()
    shutil.rmtree(card / "talk")
    after = await driver.recordings()
    await driver.aclose()

    assert (True, 1) == (before.complete, len(before.recordings))
    assert (False, ()) == (after.complete, after.recordings)
    assert [f"unknown: the device mounted on {card} is gone"] == [r.reason for r in after.rejected]


@pytest.mark.asyncio
async def test_a_dead_mount_cannot_be_opened(card: Path):
    """After a restart the dead mount is no empty recorder either."""
    (card.parent / "block" / "8:17").rmdir()
    with pytest.raises(LinkUnavailable, match="is gone"):
        await open_folder(card)


@pytest.mark.asyncio
async def test_a_read_from_a_dead_card_is_a_lost_link(card: Path, monkeypatch):
    """EIO of a removed card is the line, not the recording."""
    seal(card / "talk", {"a.opus": OGG})
    driver = await open_folder(card)
    (recording,) = (await driver.recordings()).recordings

    def removed(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("device.drivers.folder_read.os.pread", removed)
    with pytest.raises(LinkLost):
        async for _ in driver.read(recording, recording.media[0], 0):
            pass
    monkeypatch.undo()
    await driver.aclose()


@pytest.mark.asyncio
async def test_a_vanished_folder_is_unknown_until_it_returns(tmp_path: Path):
    """Renamed away and back, the folder is listed as before."""
    folder = tmp_path / "recordings"
    seal(folder / "talk", {"a.opus": OGG})
    driver = await open_folder(folder)
    before = await driver.recordings()
    folder.rename(tmp_path / "away")
    away = await driver.recordings()
    folder.write_text("a file now")
    replaced = await driver.recordings()
    folder.unlink()
    (tmp_path / "away").rename(folder)
    back = await driver.recordings()
    await driver.aclose()

    assert (False, ()) == (away.complete, away.recordings)
    assert (False, ()) == (replaced.complete, replaced.recordings)
    assert before == back


def test_another_disk_is_noticed_once(tmp_path: Path, monkeypatch):
    """A new disk under the same path makes one look uncertain, then counts."""
    root = FolderRoot(tmp_path)
    root._device += 1
    with pytest.raises(LinkLost, match="another disk"):
        root.names()

    assert [] == root.names()
