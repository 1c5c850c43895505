"""Shared by the tests of the folder driver: a clock that passes by itself, recordings on disk."""

import json
from pathlib import Path

from device.drivers import Driver, Opening, open_driver
from tests.fakes.clock import FakeClock

OGG = b"OggS" + bytes(range(256)) * 16


class PassingClock(FakeClock):
    """Time passes exactly when somebody sleeps, so nothing waits."""

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)


def seal(folder: Path, files: dict[str, bytes], sidecar: object = None) -> Path:
    """Write a sub-folder as a recorder does: media first, recording.json last."""
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "recording.json").write_text(json.dumps({} if sidecar is None else sidecar))
    return folder


async def open_folder(
    folder: Path, release: str = "delete", clock: FakeClock | None = None, cache: Path | None = None
) -> Driver:
    return await open_driver(
        None,
        Opening(
            url=f"folder://{folder}",
            release=release,
            clock=clock or PassingClock(),
            cache=cache or folder.parent / "cache",
        ),
    )
