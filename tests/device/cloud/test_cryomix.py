"""The Cryo-Mix cloud over a strict double of its API."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio

from device import registry
from device.cloud import BUILTIN
from device.cloud.cryomix import Cryomix
from device.config import CloudConfig
from device.errors import (
    CloudConflict,
    CloudError,
    CloudRejected,
    MediaMissing,
    NotTheCloud,
)
from device.model import Evidence, Target
from device.transport import Transport
from tests.device.cloud.conformance import CHECKS, Rig
from tests.device.cloud.loopback_rig import BAD_ANSWERS, PATIENCE, LoopbackRig
from tests.fakes.bota_api import Fault
from tests.fakes.clock import FakeClock
from tests.fakes.cryomix_api import KEY, CryomixDouble
from tests.fakes.uploads import manifest_of, no_media

MANIFEST = manifest_of(b"audio", types=("audio/wav",))
(MEDIUM,) = MANIFEST.media
TARGET = Target(url="https://gcs.example/", ref={"media_id": "0", "folder": "f-1"})


@dataclass
class CryomixRig(LoopbackRig):
    cloud: Cryomix
    cryomix: CryomixDouble
    types: tuple[str, str, str] = ("audio/wav", "audio/mpeg", "audio/opus")
    untaken: str | None = "image/jpeg"

    async def recordings(self) -> int:
        return len(self.cryomix.contents())

    async def target(self) -> Target:
        return await self.cloud.target(MANIFEST, MEDIUM, await self.cloud.open(MANIFEST, {}))

    async def judged(self, evidence: Evidence, target: Target = TARGET) -> dict[str, str]:
        return dict(await self.cloud.stored(MANIFEST, MEDIUM, target, evidence, {}))


@pytest_asyncio.fixture
async def rig(tmp_path: Path) -> AsyncIterator[CryomixRig]:
    async with CryomixDouble() as cryomix, Transport(patience=PATIENCE) as transport:
        open_cryomix = registry.resolve("cloud", BUILTIN, "cryomix")
        config = CloudConfig(api="cryomix", base_url=cryomix.base_url, url_life_s=900)
        cloud = open_cryomix(config, transport, FakeClock(), lambda: KEY, no_media)
        yield CryomixRig(cryomix.net, cryomix.keys, transport, tmp_path, cloud, cryomix)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.asyncio
async def test_conformance(rig: CryomixRig, check: Callable[[Rig], Awaitable[None]]) -> None:
    """Cryo-Mix does what every cloud must do."""
    await check(rig)


@pytest.mark.asyncio
async def test_the_session_id_is_stable_and_kept(rig: CryomixRig) -> None:
    """Every call for a medium has one Session-Id, which the spool keeps as its reference."""
    ref = await rig.cloud.open(MANIFEST, {})
    await rig.cloud.target(MANIFEST, MEDIUM, ref)
    await rig.cloud.target(MANIFEST, MEDIUM, ref)

    assert f"fp-{MANIFEST.key.entry_id()}-0" == ref["session.0"]
    assert [ref["session.0"]] == list(rig.cryomix.sessions)


@pytest.mark.asyncio
async def test_the_name_is_ours(rig: CryomixRig) -> None:
    """The object is named by us with the extension of its type, whatever the recorder says."""
    medium = replace(MEDIUM, name="../../etc/passwd")
    target = await rig.cloud.target(MANIFEST, medium, await rig.cloud.open(MANIFEST, {}))

    assert f"/fp-{MANIFEST.key.entry_id()}-0.wav?" in target.url


@pytest.mark.parametrize(("asked_s", "expected_s"), [(900, 900.0), (0, 600.0)])
@pytest.mark.asyncio
async def test_the_life_of_a_url(rig: CryomixRig, asked_s: int, expected_s: float) -> None:
    """A URL lives as long as was asked for, or as long as the API's page says."""
    config = CloudConfig(api="cryomix", base_url=rig.cryomix.base_url, url_life_s=asked_s)
    rig.cloud = Cryomix(config, rig.transport, FakeClock(), lambda: KEY)

    assert expected_s == (await rig.target()).expires_in_s


@pytest.mark.parametrize(
    "evidence",
    [
        Evidence(status=200, md5=MEDIUM.md5),
        Evidence(status=200, etag=f'"{MEDIUM.md5}"'),
        Evidence(status=200, md5=MEDIUM.md5, etag='"of another kind"'),
    ],
)
@pytest.mark.asyncio
async def test_what_counts_as_stored(rig: CryomixRig, evidence: Evidence) -> None:
    """The store's own digest of the object, when it is ours, makes a receipt."""
    receipt = await rig.cloud.complete(MANIFEST, await rig.judged(evidence))

    assert "f-1" == receipt.cloud_recording
    assert receipt.sha256 is None


@pytest.mark.parametrize(
    "evidence",
    [
        Evidence(status=200),
        Evidence(status=200, etag='"CJ+7"'),
        Evidence(status=200, etag=f'"{"0" * 32}"'),
        Evidence(status=200, md5="0" * 32, etag=f'"{MEDIUM.md5}"'),
    ],
)
@pytest.mark.asyncio
async def test_a_bare_success_is_no_receipt(rig: CryomixRig, evidence: Evidence) -> None:
    """A 200 without the digest that was sealed is kept for a person, never released."""
    with pytest.raises(CloudConflict):
        await rig.judged(evidence)


@pytest.mark.asyncio
async def test_a_target_of_another_cloud(rig: CryomixRig) -> None:
    """A medium that went elsewhere before the configuration changed is sent again."""
    with pytest.raises(MediaMissing):
        await rig.judged(Evidence(status=200, md5=MEDIUM.md5), Target(url="https://other.example/"))


@pytest.mark.asyncio
async def test_a_recording_that_was_never_opened(rig: CryomixRig) -> None:
    """Without its Session-Id nothing is asked."""
    with pytest.raises(CloudConflict):
        await rig.cloud.target(MANIFEST, MEDIUM, {})


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        *BAD_ANSWERS,
        (Fault(status=200, body=b'{"status": "error", "code": 500, "data": {}}'), NotTheCloud),
        (Fault(status=200, body=b'{"status": "success", "data": {}}'), NotTheCloud),
        (Fault(status=400, body=b'{"message": "invalid", "status": "error"}'), CloudRejected),
    ],
)
@pytest.mark.asyncio
async def test_bad_answers_are_named(
    rig: CryomixRig, fault: Fault, error: type[CloudError]
) -> None:
    """A portal, a redirect, an empty object, a cut: each is named, none is called success."""
    rig.cryomix.net.faults["multi-upload"].extend([fault, fault])

    with pytest.raises(error):
        await rig.target()
