"""Two clouds as one: audio to Siro, images to Bota, over strict doubles of both."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from device.cloud.bota import Bota
from device.cloud.siro import Siro
from device.cloud.split import Split
from device.config import CloudConfig
from device.errors import CloudRejected, CloudUnwell, MediaMissing
from device.model import Evidence, Target
from device.transport import Patience, Transport
from tests.device.cloud.conformance import CHECKS, Rig
from tests.fakes import sending
from tests.fakes.bota_api import TOKEN as BOTA_TOKEN
from tests.fakes.bota_api import BotaDouble, Fault
from tests.fakes.clock import FakeClock
from tests.fakes.siro_api import TOKEN as SIRO_TOKEN
from tests.fakes.siro_api import SiroDouble
from tests.fakes.uploads import manifest_of

AUDIO = manifest_of(b"audio", types=("audio/wav",))
IMAGE = manifest_of(b"image", types=("image/jpeg",))
BOTH = manifest_of(b"audio", b"image", types=("audio/wav", "image/jpeg"))


@dataclass
class SplitRig:
    cloud: Split
    siro: SiroDouble
    bota: BotaDouble
    transport: Transport
    folder: Path
    types: tuple[str, str, str] = ("audio/wav", "image/jpeg", "image/png")
    untaken: str | None = "video/mp4"
    made_by_open: int = 1
    made_by_all: int = 2

    async def put(self, target: Target, content: bytes) -> Evidence:
        return await sending.put(self.transport, target, content, self.folder)

    async def recordings(self) -> int:
        return len(self.siro.recordings) + len(self.bota.recordings)

    def calls(self) -> int | None:
        return len(self.siro.net.requests) + len(self.bota.requests)

    def revoke(self) -> None:
        self.siro.tokens.clear()
        self.bota.tokens.clear()


@pytest_asyncio.fixture
async def rig(tmp_path: Path) -> AsyncIterator[SplitRig]:
    patience = Patience(connect_s=5, call_s=5, stall_s=5, response_s=5)
    clock = FakeClock()
    async with (
        SiroDouble() as siro,
        BotaDouble() as bota,
        Transport(patience=patience) as transport,
    ):
        to_siro = CloudConfig(api="siro", base_url=siro.base_url, end_user_id="u-1")
        main = Siro(to_siro, transport, clock, lambda: SIRO_TOKEN)
        to_bota = CloudConfig(base_url=bota.base_url)
        images = Bota(to_bota, transport, clock, lambda: BOTA_TOKEN)
        yield SplitRig(Split(main, images, clock), siro, bota, transport, tmp_path)


@pytest.mark.parametrize(
    "check",
    [c for c in CHECKS if c.__name__ != "check_a_whole_recording"],
    ids=lambda c: c.__name__,
)
@pytest.mark.asyncio
async def test_conformance(rig: SplitRig, check: Callable[[Rig], Awaitable[None]]) -> None:
    """Two clouds together do what every cloud must do."""
    await check(rig)


@pytest.mark.asyncio
async def test_each_cloud_gets_its_kind(rig: SplitRig) -> None:
    """Audio goes to the first and images to the second; the receipt names both."""
    ref = dict(await rig.cloud.open(BOTH, {}))
    for medium, content in zip(BOTH.media, (b"audio", b"image"), strict=True):
        target = await rig.cloud.target(BOTH, medium, ref)
        evidence = await rig.put(target, content)
        ref |= await rig.cloud.stored(BOTH, medium, target, evidence, ref)
    receipt = await rig.cloud.complete(BOTH, ref)

    assert [b"audio"] == rig.siro.contents()
    assert [b"image"] == rig.bota.bytes_of("rec_0001", "image")
    assert "siro+bota" == receipt.cloud
    assert "siro-1+rec_0001" == receipt.cloud_recording
    assert 2 == receipt.media


@pytest.mark.asyncio
async def test_audio_alone_touches_one_cloud(rig: SplitRig) -> None:
    """A recording without images makes no call to the cloud of images."""
    ref = dict(await rig.cloud.open(AUDIO, {}))
    (medium,) = AUDIO.media
    target = await rig.cloud.target(AUDIO, medium, ref)
    evidence = await rig.put(target, b"audio")
    ref |= await rig.cloud.stored(AUDIO, medium, target, evidence, ref)

    assert "siro" == (await rig.cloud.complete(AUDIO, ref)).cloud
    assert [] == rig.bota.requests


@pytest.mark.asyncio
async def test_images_alone_touch_one_cloud(rig: SplitRig) -> None:
    """A recording of images alone makes no call to the cloud of audio."""
    ref = dict(await rig.cloud.open(IMAGE, {}))
    await rig.put(await rig.cloud.target(IMAGE, IMAGE.media[0], ref), b"image")

    assert "bota" == (await rig.cloud.complete(IMAGE, ref)).cloud
    assert [] == rig.siro.net.requests


@pytest.mark.asyncio
async def test_one_clouds_refusal_is_known_before_the_other_hears(rig: SplitRig) -> None:
    """What either cloud cannot take is refused before anything is announced to the other."""
    swapped = Split(rig.cloud._images, rig.cloud._main, FakeClock())
    manifest = manifest_of(b"audio", b"image", types=("audio/opus", "image/jpeg"))

    with pytest.raises(CloudRejected):
        await rig.cloud.open(manifest, {})
    with pytest.raises(CloudRejected):
        await swapped.open(BOTH, {})
    assert 0 == rig.calls()


@pytest.mark.asyncio
async def test_one_clouds_failure_keeps_the_others_progress(rig: SplitRig) -> None:
    """While one does not acknowledge there is no receipt; what the other has said stays known."""
    ref = dict(await rig.cloud.open(BOTH, {}))
    for medium, content in zip(BOTH.media, (b"audio", b"image"), strict=True):
        target = await rig.cloud.target(BOTH, medium, ref)
        evidence = await rig.put(target, content)
        ref |= await rig.cloud.stored(BOTH, medium, target, evidence, ref)
    rig.bota.faults["complete"].append(Fault(status=503))
    with pytest.raises(CloudUnwell, match=r"^bota: cannot complete the upload"):
        await rig.cloud.complete(BOTH, ref)
    before = len(rig.siro.net.requests)

    assert await rig.cloud.complete(BOTH, ref)
    assert before == len(rig.siro.net.requests)
    assert 1 == len(rig.siro.recordings)


@pytest.mark.asyncio
async def test_what_one_cloud_lacks_is_named_as_its_own(rig: SplitRig) -> None:
    """A medium that the cloud of images misses is told apart from those of the other."""
    ref = dict(await rig.cloud.open(BOTH, {}))
    audio, image = BOTH.media
    target = await rig.cloud.target(BOTH, audio, ref)
    evidence = await rig.put(target, b"audio")
    ref |= await rig.cloud.stored(BOTH, audio, target, evidence, ref)
    announced = await rig.cloud.target(BOTH, image, ref)

    with pytest.raises(MediaMissing) as caught:
        await rig.cloud.complete(BOTH, ref)
    assert (announced.ref["media_id"],) == caught.value.refs
    assert "images.med_001" == announced.ref["media_id"]


@pytest.mark.asyncio
async def test_media_missing_without_a_name_are_those_of_the_part(rig: SplitRig) -> None:
    """A cloud that names no media means all of its own, and none of the other's."""
    ref = dict(await rig.cloud.open(IMAGE, {}))

    with pytest.raises(MediaMissing) as caught:
        await rig.cloud.complete(IMAGE, ref)
    target = await rig.cloud.target(IMAGE, IMAGE.media[0], ref)
    assert (target.ref["part"],) == caught.value.refs


@pytest.mark.asyncio
async def test_a_second_cloud_may_be_added_later(rig: SplitRig) -> None:
    """What the first cloud has acknowledged by itself stays known under the split."""
    ref = {"siro.0": "siro-77"}

    assert "siro-77" == (await rig.cloud.complete(AUDIO, ref)).cloud_recording


@pytest.mark.asyncio
async def test_a_medium_without_a_name_of_its_own(rig: SplitRig) -> None:
    """An API need not name a medium: the part that it is in is named all the same."""
    ref = dict(await rig.cloud.open(IMAGE, {}))
    url = f"http://127.0.0.1:{rig.bota.port}/x"
    body = json.dumps({"upload_url": url, "headers": {}}).encode()
    rig.bota.faults["upload-url"].append(Fault(status=200, body=body))
    target = await rig.cloud.target(IMAGE, IMAGE.media[0], ref)
    known = await rig.cloud.stored(IMAGE, IMAGE.media[0], target, Evidence(status=200), ref)

    assert {"part", "at"} == set(target.ref)
    assert ref == known
