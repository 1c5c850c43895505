"""The Sivi cloud over a strict double of its API."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from device import registry
from device.cloud import BUILTIN
from device.cloud.sivi import Sivi
from device.config import CloudConfig
from device.errors import (
    CloudError,
    CloudRejected,
    CloudUnreachable,
    CloudUnwell,
    MediaMissing,
    NotTheCloud,
    TokenRefused,
)
from device.model import Evidence, Target
from device.transport import Transport
from tests.device.cloud.conformance import CHECKS, Rig
from tests.device.cloud.loopback_rig import BAD_ANSWERS, PATIENCE, LoopbackRig
from tests.fakes.bota_api import LOST_ANSWER, Fault
from tests.fakes.clock import FakeClock
from tests.fakes.sivi_api import KEY, SiviDouble
from tests.fakes.uploads import manifest_of, no_media

MANIFEST = manifest_of(b"image", types=("image/png",))
EVIDENCE = Evidence(status=200)


@dataclass
class SiviRig(LoopbackRig):
    cloud: Sivi
    sivi: SiviDouble
    types: tuple[str, str, str] = ("image/jpeg", "image/png", "image/svg+xml")
    untaken: str | None = "audio/opus"

    async def recordings(self) -> int:
        return len(self.sivi.records)

    async def sent(self) -> Target:
        target = await self.cloud.target(MANIFEST, MANIFEST.media[0], {})
        await self.put(target, b"image")
        return target

    async def announced(self, target: Target) -> dict[str, str]:
        return dict(await self.cloud.stored(MANIFEST, MANIFEST.media[0], target, EVIDENCE, {}))


@pytest_asyncio.fixture(params=[False, True], ids=["both-statuses", "envelope-only"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SiviRig]:
    async with SiviDouble() as sivi, Transport(patience=PATIENCE) as transport:
        sivi.quiet_http = request.param
        open_sivi = registry.resolve("cloud", BUILTIN, "sivi")
        config = CloudConfig(api="sivi", base_url=sivi.base_url, url_life_s=600)
        cloud = open_sivi(config, transport, FakeClock(), lambda: KEY, no_media)
        yield SiviRig(sivi.net, sivi.keys, transport, tmp_path, cloud, sivi)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.asyncio
async def test_conformance(rig: SiviRig, check: Callable[[Rig], Awaitable[None]]) -> None:
    """Sivi does what every cloud must do."""
    await check(rig)


@pytest.mark.asyncio
async def test_what_sivi_is_asked(rig: SiviRig) -> None:
    """An image is a photo of its own type, with the URL life that the operator wants."""
    target = await rig.cloud.target(MANIFEST, MANIFEST.media[0], {})

    wanted = {"type": "photo", "extension": "png", "contentType": "image/png", "expiresIn": 600}
    assert [wanted] == rig.sivi.asked
    assert 600.0 == target.expires_in_s
    assert "PUT" == target.method
    assert (("Content-Type", "image/png"),) == target.headers


@pytest.mark.asyncio
async def test_a_life_of_an_url_that_nobody_asked_for(rig: SiviRig) -> None:
    """Without url_life_s Sivi decides how long its URLs live."""
    config = CloudConfig(api="sivi", base_url=rig.sivi.base_url)
    cloud = Sivi(config, rig.transport, FakeClock(), lambda: KEY)
    target = await cloud.target(MANIFEST, MANIFEST.media[0], {})

    assert "expiresIn" not in rig.sivi.asked[0]
    assert 300.0 == target.expires_in_s


@pytest.mark.asyncio
async def test_a_lost_acknowledgement_is_asked_for_again(rig: SiviRig) -> None:
    """Nobody can ask whether a record was made, so a duplicate is chosen over a loss."""
    target = await rig.sent()
    rig.sivi.net.faults["register"].append(LOST_ANSWER)
    with pytest.raises(CloudUnreachable):
        await rig.announced(target)

    assert {"sivi.0": "m_2"} == await rig.announced(target)
    assert [b"image", b"image"] == rig.sivi.contents()
    assert 1 == len({record["uploadUrl"] for record in rig.sivi.records})


@pytest.mark.asyncio
async def test_an_image_whose_url_died_is_sent_again(rig: SiviRig) -> None:
    """After a day offline the record may be refused: the image is then named as missing."""
    target = await rig.sent()
    rig.sivi.forgets = True
    rig.sivi.net.pass_time(86_400)

    with pytest.raises(MediaMissing) as caught:
        await rig.announced(target)
    assert ("0",) == caught.value.refs


@pytest.mark.asyncio
async def test_a_record_is_made_long_after(rig: SiviRig) -> None:
    """An URL that is dead for uploads still names its image where Sivi takes it for that."""
    target = await rig.sent()
    rig.sivi.net.pass_time(86_400)

    assert {"sivi.0": "m_1"} == await rig.announced(target)


@pytest.mark.asyncio
async def test_another_refusal_is_not_sent_again(rig: SiviRig) -> None:
    """While its URL lives, an image that Sivi refuses is no missing one: a person must look."""
    target = await rig.cloud.target(MANIFEST, MANIFEST.media[0], {})

    with pytest.raises(CloudRejected, match="Invalid input"):
        await rig.announced(target)


@pytest.mark.asyncio
async def test_a_target_of_another_cloud(rig: SiviRig) -> None:
    """An image that went elsewhere before the configuration changed is sent again."""
    with pytest.raises(MediaMissing):
        await rig.announced(Target(url="https://elsewhere.example/"))


@pytest.mark.asyncio
async def test_the_register_call_has_a_path_of_its_own(rig: SiviRig) -> None:
    """finalize_path says where a record is made, relative to base_url."""
    config = CloudConfig(api="sivi", base_url=rig.sivi.base_url, finalize_path="/media/create")
    cloud = Sivi(config, rig.transport, FakeClock(), lambda: KEY)
    target = await rig.sent()

    assert await cloud.stored(MANIFEST, MANIFEST.media[0], target, EVIDENCE, {})


def _told(status: object, body: object = None) -> Fault:
    return Fault(status=200, body=json.dumps({"status": status, "body": body}).encode())


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        *BAD_ANSWERS,
        (Fault(status=200, body=b"[200]"), NotTheCloud),
        (_told(True), NotTheCloud),
        (_told("200"), NotTheCloud),
        (_told(500, {"message": "Failed to generate presigned URL"}), CloudUnwell),
        (_told(401, {"message": "Failed to authenticate"}), TokenRefused),
        (_told(422, {"message": "Invalid input"}), CloudRejected),
        (Fault(status=401), TokenRefused),
    ],
)
@pytest.mark.parametrize("operation", ["intent", "register"])
@pytest.mark.asyncio
async def test_bad_answers_are_named(
    rig: SiviRig, operation: str, fault: Fault, error: type[CloudError]
) -> None:
    """A portal, a refusal in the envelope, a cut: each call names it, none calls it success."""
    rig.sivi.net.faults[operation].extend([fault, fault])
    target = Target(url="https://s3.example/", ref={"media_id": "0", "sivi_upload_url": "x"})

    with pytest.raises(error):
        await (rig.sent() if operation == "intent" else rig.announced(target))


@pytest.mark.asyncio
async def test_an_envelope_cannot_make_a_failure_a_success(rig: SiviRig) -> None:
    """HTTP 500 around an envelope that says 200 is no acknowledgement."""
    body = json.dumps({"status": 200, "body": {"mediaId": "m_9"}}).encode()
    target = await rig.sent()
    rig.sivi.net.faults["register"].append(Fault(status=500, body=body))

    with pytest.raises(CloudUnwell):
        await rig.announced(target)
