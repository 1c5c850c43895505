"""The folder driver under the suite every driver must pass, over real files."""

import json
from pathlib import Path
from random import Random

import pytest
import pytest_asyncio

from device.drivers import Opening, open_driver
from tests.device.drivers.conformance import DriverConformance, Held
from tests.fakes.folder import PassingClock


@pytest_asyncio.fixture(params=["delete", "archive"])
async def held(request, tmp_path: Path):
    rng = Random(7)
    folder = tmp_path / "recordings"
    talk = folder / "talk"
    talk.mkdir(parents=True)
    audio, picture = b"OggS" + rng.randbytes(2_500_000), b"\xff\xd8\xff" + rng.randbytes(3000)
    (talk / "0001.jpg").write_bytes(picture)
    (talk / "audio.opus").write_bytes(audio)
    (talk / "recording.json").write_text(json.dumps({"metadata": {"site": "quay"}}))
    single = b"fLaC" + rng.randbytes(70_000)
    (folder / "20260301T120000Z.flac").write_bytes(single)
    release = "delete" if request.param == "delete" else f"archive:{tmp_path / 'archive'}"
    opening = Opening(
        url=f"folder://{folder}", release=release, clock=PassingClock(), cache=tmp_path / "cache"
    )
    driver = await open_driver(None, opening)
    truth = {"talk": (audio, picture), "20260301T120000Z.flac": (single,)}
    listing = await driver.recordings()
    yield Held(driver=driver, contents={r.key: truth[r.key.recording] for r in listing.recordings})
    await driver.aclose()


class TestFolderConformance(DriverConformance):
    """A folder of a sealed sub-folder and a single closed file."""


@pytest.mark.asyncio
async def test_both_kinds_of_recording_are_held(held: Held):
    """The suite above runs on what it should: two recordings."""
    assert {"talk", "20260301T120000Z.flac"} == {key.recording for key in held.contents}
