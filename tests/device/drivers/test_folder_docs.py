"""docs/folder.md: its examples seal recordings that the driver takes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.folder import open_folder

PAGE = Path("docs/folder.md").read_text(encoding="utf-8")


def example(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def run(runner: tuple[str, ...], language: str, folder: Path) -> None:
    talk = folder.parent / "talk.flac"
    talk.write_bytes(b"fLaC" + bytes(100))
    script = example(language).replace("/tmp/talk.flac", str(talk))  # noqa: S108 - the page's own
    subprocess.run([*runner, script], check=True, env={**os.environ, "RECORDINGS": str(folder)})


@pytest.mark.parametrize(
    ("language", "runner"), [("sh", ("sh", "-eu", "-c")), ("python", (sys.executable, "-c"))]
)
@pytest.mark.asyncio
async def test_an_example_makes_a_recording(tmp_path: Path, language: str, runner):
    """Run as written, each example leaves exactly one sealed recording."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    run(runner, language, folder)
    driver = await open_folder(folder)
    listing = await driver.recordings()
    await driver.aclose()

    assert listing.rejected == ()
    assert ["talk.flac"] == [m.name for r in listing.recordings for m in r.media]
    assert listing.recordings[0].times_trusted
