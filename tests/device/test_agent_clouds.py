"""Agent: which cloud each kind goes to by the configuration, each with its own credential."""

import asyncio
import wave
from io import BytesIO
from pathlib import Path

import pytest

from device import once
from device.clock import SystemClock
from device.config import CloudConfig, Config, RecorderConfig, SpoolConfig
from device.model import State
from device.progress import Silent
from device.spool.reader import read_only
from device.spool.spool import Spool
from device.summary import SOME_FAILED, Summary
from tests.fakes.bota_api import TOKEN as BOTA_TOKEN
from tests.fakes.bota_api import BotaDouble
from tests.fakes.folder import OGG, seal
from tests.fakes.siro_api import TOKEN as SIRO_TOKEN
from tests.fakes.siro_api import SiroDouble

JPEG = b"\xff\xd8\xff\xe0" + bytes(64) + b"\xff\xd9"


def _wav() -> bytes:
    file = BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 16_000, 0, "NONE", ""))
        sound.writeframes(bytes(3200))
    return file.getvalue()


WAV = _wav()


class Box:
    """A configured box with one token file for each cloud."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.recordings = folder / "recordings"
        self.recordings.mkdir()
        for name, token in (("siro", SIRO_TOKEN), ("bota", BOTA_TOKEN)):
            (folder / name).touch(mode=0o600)
            (folder / name).write_text(token)

    def config(self, siro: SiroDouble, bota: BotaDouble | None) -> Config:
        images = bota and CloudConfig(base_url=bota.base_url, token_file=self.folder / "bota")
        return Config(
            cloud=CloudConfig(
                api="siro",
                base_url=siro.base_url,
                token_file=self.folder / "siro",
                end_user_id="u-1",
            ),
            cloud_images=images,
            spool=SpoolConfig(path=self.folder / "spool", min_free_bytes=0),
            recorders=(RecorderConfig(url=f"folder://{self.recordings}"),),
        )

    def requeue(self, config: Config) -> None:
        with read_only(self.folder / "spool") as reader:
            (entry,) = reader.entries()
        spool = Spool.open(config.spool, SystemClock())
        try:
            spool.requeue(entry.id)
        finally:
            spool.close()


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


async def carried(config: Config) -> Summary:
    async with asyncio.timeout(15):
        return await once.carry(config, progress=Silent())


def test_images_go_to_their_own_cloud(box: Box) -> None:
    """Each cloud gets its kind with its own credential, and the recording is released."""

    async def work() -> tuple[Summary, list[bytes], list[bytes]]:
        async with SiroDouble() as siro, BotaDouble() as bota:
            seal(box.recordings / "one", {"audio.wav": WAV, "1.jpg": JPEG})
            summary = await carried(box.config(siro, bota))
            return summary, siro.contents(), bota.bytes_of("rec_0001", "image")

    summary, audio, images = asyncio.run(work())

    assert (0, ()) == (summary.exit_code, summary.problems)
    assert [State.RELEASED] == [entry.state for entry in summary.entries]
    assert ([WAV], [JPEG]) == (audio, images)
    assert list(box.recordings.iterdir()) == []


@pytest.mark.parametrize("revoked", ["siro", "bota"])
def test_a_wrong_credential_of_either_keeps_everything(box: Box, revoked: str) -> None:
    """With one credential refused nothing is released, and the reason is told."""
    (box.folder / revoked).write_text("dtok_revoked")

    async def work() -> Summary:
        async with SiroDouble() as siro, BotaDouble() as bota:
            seal(box.recordings / "one", {"audio.wav": WAV, "1.jpg": JPEG})
            return await carried(box.config(siro, bota))

    summary = asyncio.run(work())

    assert SOME_FAILED == summary.exit_code
    assert [State.SEALED] == [entry.state for entry in summary.entries]
    assert (box.recordings / "one" / "audio.wav").exists()


def test_what_a_cloud_cannot_take_is_put_aside_and_comes_back(box: Box) -> None:
    """Images that nobody takes are quarantined unsent; with a cloud for them they go up."""

    async def work() -> tuple[Summary, int, Summary]:
        async with SiroDouble() as siro, BotaDouble() as bota:
            seal(box.recordings / "one", {"audio.wav": WAV, "1.jpg": JPEG})
            refused = await carried(box.config(siro, None))
            calls = len(siro.net.requests)
            await asyncio.to_thread(box.requeue, box.config(siro, bota))
            return refused, calls, await carried(box.config(siro, bota))

    refused, calls, taken = asyncio.run(work())

    assert [State.QUARANTINED] == [entry.state for entry in refused.entries]
    assert "siro takes no images" in refused.problems[0]
    assert 0 == calls
    assert [State.RELEASED] == [entry.state for entry in taken.entries]


def test_audio_of_another_kind_is_named(box: Box) -> None:
    """The sentence names what the API takes and what this recording is."""

    async def work() -> Summary:
        async with SiroDouble() as siro:
            seal(box.recordings / "one", {"audio.opus": OGG})
            return await carried(box.config(siro, None))

    assert "siro takes aac, mp3, wav; audio.opus is audio/" in (asyncio.run(work()).problems[0])
