"""The Swayzio cloud over a strict double of its API."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from device import registry
from device.cloud import BUILTIN
from device.cloud.swayzio import Swayzio
from device.config import CloudConfig
from device.errors import (
    CloudConflict,
    CloudError,
    CloudRejected,
    CloudUnreachable,
    CloudUnwell,
    IllegalMove,
    MediaMissing,
    TokenRefused,
)
from device.model import EntryId, Evidence, Manifest, Target
from device.transport import Transport
from tests.device.cloud.conformance import CHECKS, Rig
from tests.device.cloud.loopback_rig import BAD_ANSWERS, PATIENCE, LoopbackRig
from tests.fakes.bota_api import CUT, HTML, LOST_ANSWER, Fault
from tests.fakes.clock import FakeClock
from tests.fakes.sounds import encoded, wav
from tests.fakes.swayzio_api import TOKEN, SwayzioDouble
from tests.fakes.uploads import manifest_of

AUDIO = wav(2.0)
MANIFEST = manifest_of(AUDIO, types=("audio/wav",))
EVIDENCE = Evidence(status=200)


@dataclass
class SwayzioRig(LoopbackRig):
    cloud: Swayzio
    swayzio: SwayzioDouble
    clock: FakeClock
    types: tuple[str, str, str] = ("audio/wav", "audio/opus", "audio/mpeg")
    untaken: str | None = "image/jpeg"

    async def recordings(self) -> int:
        return len(self.swayzio.intents)

    def again(self) -> Swayzio:
        """Open the same account in a process that remembers nothing."""
        config = CloudConfig(api="swayzio", base_url=self.swayzio.base_url)
        return _open(config, self.transport, self.clock, self.folder)

    async def intent(self) -> Target:
        return await self.cloud.target(MANIFEST, MANIFEST.media[0], {})

    async def sent(self, audio: bytes = AUDIO) -> Target:
        target = await self.intent()
        await self.put(target, audio)
        return target

    async def finalized(self, target: Target, manifest: Manifest = MANIFEST) -> dict[str, str]:
        return dict(await self.cloud.stored(manifest, manifest.media[0], target, EVIDENCE, {}))


def _open(config: CloudConfig, transport: Transport, clock: FakeClock, folder: Path) -> Swayzio:
    open_swayzio = registry.resolve("cloud", BUILTIN, "swayzio")
    return open_swayzio(config, transport, clock, lambda: TOKEN, lambda *_: folder / "medium")


@pytest_asyncio.fixture
async def rig(tmp_path: Path) -> AsyncIterator[SwayzioRig]:
    clock = FakeClock()
    async with SwayzioDouble() as swayzio, Transport(patience=PATIENCE) as transport:
        config = CloudConfig(api="swayzio", base_url=swayzio.base_url)
        cloud = _open(config, transport, clock, tmp_path)
        yield SwayzioRig(swayzio.net, swayzio.tokens, transport, tmp_path, cloud, swayzio, clock)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.asyncio
async def test_conformance(rig: SwayzioRig, check: Callable[[Rig], Awaitable[None]]) -> None:
    """Swayzio does what every cloud must do."""
    await check(rig)


@pytest.mark.asyncio
async def test_a_track_with_its_waveform(rig: SwayzioRig) -> None:
    """Finalize tells the playing time and the peaks of what was sent."""
    audio = encoded("OGG", "OPUS", 1.0, channels=2)
    assert {"swayzio.0": "trk_1"} == await rig.finalized(await rig.sent(audio))

    (track,) = rig.swayzio.tracks()
    assert track.told is not None
    assert abs(1000 - track.told["durationMs"]) <= 50
    assert (48_000, 2) == (
        track.told["waveform"]["sampleRateHz"],
        track.told["waveform"]["channels"],
    )
    assert [audio] == rig.swayzio.contents()


@pytest.mark.asyncio
async def test_audio_that_cannot_be_decoded(rig: SwayzioRig) -> None:
    """Damaged audio becomes a track without a waveform; its length is the recorder's."""
    ended_at = MANIFEST.started_at and MANIFEST.started_at + timedelta(seconds=90)
    trusted = replace(MANIFEST, ended_at=ended_at, times_trusted=True)
    await rig.finalized(await rig.sent(b"damaged"), trusted)

    assert {"assetId": "ast_1", "durationMs": 90_000} == rig.swayzio.tracks()[0].told


@pytest.mark.asyncio
async def test_media_that_are_not_in_the_spool_any_more(
    rig: SwayzioRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A medium that cannot be listened to is finalized all the same."""

    def gone(entry: EntryId, index: int) -> Path:
        raise IllegalMove(f"medium {index} of {entry} is purged")

    monkeypatch.setattr(rig.cloud, "_media_path", gone)
    await rig.finalized(await rig.sent())

    assert {"assetId": "ast_1"} == rig.swayzio.tracks()[0].told


@pytest.mark.asyncio
async def test_an_intent_is_used_while_it_lives(rig: SwayzioRig) -> None:
    """A second target while the first one's URL lives is the first: no second track."""
    first = await rig.intent()
    rig.clock.advance(899)

    assert first == await rig.intent()
    assert 1 == len(rig.swayzio.intents)


@pytest.mark.asyncio
async def test_an_intent_that_died(rig: SwayzioRig) -> None:
    """Once its URL is dead by the monotonic clock, a new intent takes its place."""
    first = await rig.intent()
    rig.clock.step(-7200)
    rig.clock.advance(901)
    rig.swayzio.net.pass_time(901)

    assert first != await rig.intent()


@pytest.mark.asyncio
async def test_an_end_that_nobody_can_tell(rig: SwayzioRig) -> None:
    """An URL without a readable end is taken to live for a while, not to be dead."""
    first = await rig.intent()
    body = {**_told(first), "expiresAt": "soon"}
    rig.cloud._alive.clear()
    rig.swayzio.net.faults["intent"].append(Fault(status=201, body=json.dumps(body).encode()))
    second = await rig.intent()

    assert second == await rig.intent()
    assert 1 == len(rig.swayzio.intents)


def _told(target: Target) -> dict[str, object]:
    return {
        "uploadId": "upl_7",
        "trackId": "trk_7",
        "assetId": "ast_7",
        "signedUrl": target.url,
        "requiredHeaders": dict(target.headers),
        "finalizeUrl": "",
    }


@pytest.mark.asyncio
async def test_a_lost_finalize(rig: SwayzioRig) -> None:
    """A finalize whose answer was lost is repeated, in a new process too, and makes one track."""
    target = await rig.sent()
    rig.swayzio.net.faults["finalize"].append(LOST_ANSWER)
    with pytest.raises(CloudUnreachable):
        await rig.finalized(target)
    rig.cloud = rig.again()

    assert {"swayzio.0": "trk_1"} == await rig.finalized(target)
    assert 1 == len(rig.swayzio.intents)


@pytest.mark.asyncio
async def test_a_repeated_finalize_does_not_decode_again(
    rig: SwayzioRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was heard is kept until it is told."""
    target = await rig.sent()
    rig.swayzio.net.faults["finalize"].append(Fault(status=503))
    with pytest.raises(CloudUnwell):
        await rig.finalized(target)
    monkeypatch.setattr("device.cloud.swayzio.hear", None)

    assert await rig.finalized(target)
    told = rig.swayzio.tracks()[0].told
    assert told is not None
    assert 2000 == told["durationMs"]
    assert {} == rig.cloud._heard


@pytest.mark.asyncio
async def test_an_intent_that_is_gone(rig: SwayzioRig) -> None:
    """An intent that Swayzio does not know any more begins anew with a new one."""
    target = await rig.sent()
    rig.swayzio.intents.clear()
    with pytest.raises(MediaMissing) as caught:
        await rig.finalized(target)

    assert ("0",) == caught.value.refs
    assert "upload_intent_not_found" in str(caught.value)
    assert target != await rig.intent()


@pytest.mark.parametrize(
    "missing",
    [
        (404, {"error": "asset_missing"}),
        (409, {"error": {"code": "upload_object_not_found", "message": "no bytes"}}),
        (422, {"code": "asset_not_uploaded"}),
    ],
)
@pytest.mark.asyncio
async def test_bytes_that_never_arrived(
    rig: SwayzioRig, missing: tuple[int, dict[str, object]]
) -> None:
    """However finalize words it, an asset that is missing is sent again."""
    rig.swayzio.missing = missing
    target = await rig.intent()

    with pytest.raises(MediaMissing):
        await rig.finalized(target)


@pytest.mark.asyncio
async def test_another_asset(rig: SwayzioRig) -> None:
    """An asset that is not the intent's is a person's to look at, and both are named."""
    target = await rig.sent()
    target = replace(target, ref={**target.ref, "swayzio_asset": "ast_9"})

    with pytest.raises(CloudConflict, match=r"asset_mismatch.*upl_1.*ast_9"):
        await rig.finalized(target)


@pytest.mark.asyncio
async def test_no_entitlement(rig: SwayzioRig) -> None:
    """Without the entitlement uploads wait as for a token, and the operator is told why."""
    rig.swayzio.entitled = False

    with pytest.raises(TokenRefused, match="entitlement_required") as caught:
        await rig.intent()
    assert "entitlement" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("code", "where"),
    [
        ("use_track_versions_upload_route", "versions"),
        ("use_track_artwork_upload_route", "artwork"),
        ("use_track_documents_upload_route", "documents"),
        ("unsupported_media_type", "unsupported"),
    ],
)
@pytest.mark.asyncio
async def test_rejected_intents(rig: SwayzioRig, code: str, where: str) -> None:
    """Every word that an intent is rejected with is explained, and none is tried again."""
    body = json.dumps({"error": code, "message": "no"}).encode()
    rig.swayzio.net.faults["intent"].append(Fault(status=400, body=body))

    with pytest.raises(CloudRejected, match=where):
        await rig.intent()


@pytest.mark.asyncio
async def test_a_type_without_an_extension(rig: SwayzioRig) -> None:
    """Audio that no file extension goes with is refused before any call."""
    odd = replace(MANIFEST, media=(replace(MANIFEST.media[0], content_type="audio/x-odd"),))

    with pytest.raises(CloudRejected, match="audio/x-odd"):
        await rig.cloud.open(odd, {})
    assert [] == rig.swayzio.net.requests


@pytest.mark.asyncio
async def test_more_than_the_cap(rig: SwayzioRig) -> None:
    """More than 500 MB is refused before any call."""
    large = replace(MANIFEST, media=(replace(MANIFEST.media[0], size_bytes=500_000_001),))

    with pytest.raises(CloudRejected, match="500 MB"):
        await rig.cloud.open(large, {})
    assert [] == rig.swayzio.net.requests


@pytest.mark.asyncio
async def test_the_token_goes_nowhere_else(rig: SwayzioRig) -> None:
    """A finalizeUrl on another host is not called: the documented route is."""
    async with SwayzioDouble() as stranger:
        rig.swayzio.finalize_origin = stranger.net.origin
        assert await rig.finalized(await rig.sent())

        assert [] == stranger.net.requests
        assert [] == stranger.bearers


@pytest.mark.asyncio
async def test_a_target_of_another_cloud(rig: SwayzioRig) -> None:
    """Audio that went elsewhere before the configuration changed is sent again."""
    with pytest.raises(MediaMissing):
        await rig.finalized(Target(url="https://elsewhere.example/"))


@pytest.mark.parametrize("fault", [HTML, CUT, Fault(status=500), Fault(status=404)])
@pytest.mark.asyncio
async def test_no_word_on_processing(rig: SwayzioRig, fault: Fault) -> None:
    """Whatever the question about processing meets, the track is acknowledged."""
    rig.swayzio.net.faults["status"].extend([fault, fault])

    assert {"swayzio.0": "trk_1"} == await rig.finalized(await rig.sent())


@pytest.mark.asyncio
async def test_processing_is_asked_about_once(
    rig: SwayzioRig, caplog: pytest.LogCaptureFixture
) -> None:
    """One question after finalize, and its answer is in the log."""
    caplog.set_level("INFO", "device.cloud.swayzio")
    await rig.finalized(await rig.sent())

    assert 1 == rig.swayzio.net.count("status")
    assert [("trk_1", "processing")] == [(r.track, r.processing) for r in caplog.records]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        *BAD_ANSWERS,
        (Fault(status=401), TokenRefused),
    ],
)
@pytest.mark.parametrize("operation", ["intent", "finalize"])
@pytest.mark.asyncio
async def test_bad_answers_are_named(
    rig: SwayzioRig, operation: str, fault: Fault, error: type[CloudError]
) -> None:
    """A portal, a redirect, an empty object, a cut: each call names it, none calls it success."""
    target = await rig.sent() if operation == "finalize" else None
    rig.swayzio.net.faults[operation].extend([fault, fault])

    with pytest.raises(error):
        await (rig.intent() if target is None else rig.finalized(target))


async def _silence(_path: Path) -> None:
    return None


@pytest.mark.asyncio
async def test_what_is_kept_does_not_grow(rig: SwayzioRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Intents and waveforms of recordings that never get through are not kept for ever."""
    monkeypatch.setattr("device.cloud.swayzio.hear", _silence)
    for number in range(20):
        manifest = replace(MANIFEST, key=replace(MANIFEST.key, generation=number + 2))
        target = await rig.cloud.target(manifest, manifest.media[0], {})
        rig.swayzio.net.faults["finalize"].append(Fault(status=503))
        with pytest.raises(CloudUnwell):
            await rig.finalized(target, manifest)
        rig.clock.advance(450)

    assert len(rig.cloud._alive) <= 2
    assert len(rig.cloud._heard) <= 17


@pytest.mark.asyncio
async def test_an_intent_whose_url_is_said_to_live_for_ever(rig: SwayzioRig) -> None:
    """Its store may refuse it long before; whoever asks after an hour gets another."""
    rig.swayzio.life_s = 7 * 86_400.0
    first = await rig.intent()
    rig.clock.advance(3_599)
    assert first == await rig.intent()
    rig.clock.advance(2)

    assert first != await rig.intent()
