"""The Bota cloud over a strict double of its API."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from device import registry
from device.cloud import BUILTIN
from device.cloud.bota import Bota
from device.config import CloudConfig
from device.errors import (
    CloudConflict,
    CloudThrottled,
    CloudUnreachable,
    CloudUnwell,
    FieldpostError,
    NotTheCloud,
    TokenRefused,
)
from device.model import Evidence, Target
from device.transport import Patience, Transport
from tests.device.cloud.conformance import CHECKS, Rig
from tests.fakes.bota_api import CUT, HTML, TOKEN, BotaDouble, Fault
from tests.fakes.clock import FakeClock
from tests.fakes.uploads import manifest_of, no_media

MANIFEST = manifest_of(b"audio")


@dataclass
class BotaRig:
    cloud: Bota
    bota: BotaDouble
    clock: FakeClock
    token: list[str]
    transport: Transport
    types: tuple[str, str, str] = ("audio/opus", "image/jpeg", "image/png")
    untaken: str | None = None
    made_by_open: int = 1
    made_by_all: int = 1

    async def put(self, target: Target, content: bytes) -> Evidence:
        headers = dict(target.headers)
        if target.protocol == "chunked_put":
            headers["Content-Range"] = f"bytes 0-{len(content) - 1}/{len(content)}"
        skip = ("Accept", "Accept-Encoding", "User-Agent")
        url = URL(target.url, encoded=True)
        async with (
            aiohttp.ClientSession() as session,
            session.put(url, data=content, headers=headers, skip_auto_headers=skip) as answer,
        ):
            assert 200 == answer.status, await answer.text()
            return Evidence(status=200)

    async def recordings(self) -> int:
        return len(self.bota.recordings)

    def calls(self) -> int | None:
        return len(self.bota.requests)

    def revoke(self) -> None:
        self.bota.tokens.clear()


@pytest_asyncio.fixture(params=["plain", "chunked", "many"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[BotaRig]:
    clock, token = FakeClock(), [TOKEN]
    patience = Patience(connect_s=5, call_s=5, stall_s=5, response_s=5)
    double = BotaDouble(chunked=request.param != "plain", many=50 if request.param == "many" else 0)
    async with double as bota, Transport(patience=patience) as transport:
        open_bota = registry.resolve("cloud", BUILTIN, "bota")
        config = CloudConfig(base_url=bota.base_url)
        yield BotaRig(
            open_bota(config, transport, clock, lambda: token[0], no_media),
            bota,
            clock,
            token,
            transport,
        )


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.asyncio
async def test_conformance(rig: BotaRig, check: Callable[[Rig], Awaitable[None]]) -> None:
    """Bota does what every cloud must do."""
    await check(rig)


@pytest.mark.asyncio
async def test_the_origin_is_without_a_path(rig: BotaRig) -> None:
    """Cool-downs are kept for scheme, host and port."""
    assert f"http://127.0.0.1:{rig.bota.port}" == rig.cloud.origin


@pytest.mark.parametrize("token", ["", "  \n", "not-enrolled", "two words", "dtok_\x07"])
@pytest.mark.asyncio
async def test_no_usable_token(rig: BotaRig, token: str) -> None:
    """Without a token nothing is asked, and the operator is told what to do."""
    rig.token[0] = token

    with pytest.raises(TokenRefused) as caught:
        await rig.cloud.open(MANIFEST, {})

    assert "token file" in str(caught.value.hint)
    assert [] == rig.bota.requests


@pytest.mark.asyncio
async def test_a_rotated_token_works_at_once(rig: BotaRig) -> None:
    """The token is read for every call."""
    rig.bota.tokens = {"dtok_new"}
    with pytest.raises(TokenRefused):
        await rig.cloud.open(MANIFEST, {})
    rig.token[0] = "dtok_new\n"

    assert await rig.cloud.open(MANIFEST, {})


@pytest.mark.asyncio
async def test_verifying_is_waited_for(rig: BotaRig) -> None:
    """425 is answered by the same request after 2, 4 and 8 seconds."""
    ref = await rig.cloud.open(MANIFEST, {})
    await rig.put(await rig.cloud.target(MANIFEST, MANIFEST.media[0], ref), b"audio")
    rig.bota.verify_rounds = 3
    completing = asyncio.create_task(rig.cloud.complete(MANIFEST, ref))
    for wait_s in (2.0, 4.0, 8.0):
        while not rig.clock.sleeping:  # noqa: ASYNC110 - the fake clock has no event
            await asyncio.sleep(0)
        assert not completing.done()
        rig.clock.advance(wait_s)

    assert MANIFEST.media[0].sha256 == (await completing).sha256
    assert 14.0 == rig.clock.monotonic()


@pytest.mark.asyncio
async def test_verifying_for_too_long_is_unwell(rig: BotaRig) -> None:
    """After five minutes of 425 the caller backs off."""
    ref = await rig.cloud.open(MANIFEST, {})
    await rig.put(await rig.cloud.target(MANIFEST, MANIFEST.media[0], ref), b"audio")
    rig.bota.verify_rounds = 99
    completing = asyncio.create_task(rig.cloud.complete(MANIFEST, ref))
    while not completing.done():
        rig.clock.advance(10.0 if rig.clock.sleeping else 0.0)
        await asyncio.sleep(0)

    with pytest.raises(CloudUnwell):
        await completing
    assert 290.0 < rig.clock.monotonic() < 330.0


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (HTML, NotTheCloud),
        (Fault(status=302, headers={"Location": "https://portal.example/"}), NotTheCloud),
        (Fault(status=200, body=b"{}"), NotTheCloud),
        (Fault(status=204), NotTheCloud),
        (Fault(status=429, headers={"Retry-After": "3"}), CloudThrottled),
        (Fault(status=503), CloudUnwell),
        (CUT, CloudUnreachable),
    ],
)
@pytest.mark.parametrize("operation", ["create", "upload-url", "complete"])
@pytest.mark.asyncio
async def test_bad_answers_are_named(
    rig: BotaRig, operation: str, fault: Fault, error: type[FieldpostError]
) -> None:
    """A portal, a redirect, an empty object, a cut: each call names it, none calls it success."""
    ref = {"recording_id": "rec_0001"}
    rig.bota.faults[operation].extend([fault, fault])
    calls = {
        "create": lambda: rig.cloud.open(MANIFEST, {}),
        "upload-url": lambda: rig.cloud.target(MANIFEST, MANIFEST.media[0], ref),
        "complete": lambda: rig.cloud.complete(MANIFEST, ref),
    }

    with pytest.raises(error):
        await calls[operation]()


@pytest.mark.asyncio
async def test_a_recording_that_was_never_created(rig: BotaRig) -> None:
    """Asking for a target without a recording is our own fault, and said so."""
    with pytest.raises(CloudConflict):
        await rig.cloud.target(MANIFEST, MANIFEST.media[0], {})


@pytest.mark.asyncio
async def test_the_reference_goes_along(rig: BotaRig) -> None:
    """The cloud can be searched for our entry."""
    await rig.cloud.open(MANIFEST, {})
    (recording,) = rig.bota.recordings.values()

    assert MANIFEST.key.entry_id() == recording["metadata"]["fieldpost_ref"]


def _relaying(rig: BotaRig) -> Bota:
    config = CloudConfig(base_url=rig.bota.base_url, device_id="dev_9", end_user_id="eu_9")
    return Bota(config, rig.transport, rig.clock, lambda: rig.token[0])


@pytest.mark.parametrize("key", ["sk_live_1", "rk_test_1"])
@pytest.mark.asyncio
async def test_an_api_key_relays_on_behalf_of_a_device(rig: BotaRig, key: str) -> None:
    """With an API key the device and the end user are named, the same in every repetition."""
    rig.token[0] = key
    rig.bota.tokens.add(key)
    cloud = _relaying(rig)

    assert await cloud.open(MANIFEST, {}) == await cloud.open(MANIFEST, {})
    (recording,) = rig.bota.recordings.values()
    assert ("dev_9", "eu_9") == (recording["device_id"], recording["end_user_id"])


@pytest.mark.asyncio
async def test_a_device_token_names_its_device_itself(rig: BotaRig) -> None:
    """With a device token those names are not sent, because Bota does not want them."""
    assert await _relaying(rig).open(MANIFEST, {})


@pytest.mark.parametrize(("each_bytes", "taken"), [(1500, True), (3000, False)])
@pytest.mark.asyncio
async def test_an_answer_may_list_as_many_media_as_there_are(
    rig: BotaRig, each_bytes: int, taken: bool
) -> None:
    """A recording of many images has a long acknowledgement; no other may be as long."""
    manifest = manifest_of(*(bytes([n]) for n in range(100)))
    ref = await rig.cloud.open(manifest, {})
    listed = [{"id": f"med_{n}", "note": "x" * each_bytes} for n in range(100)]
    document = {"id": ref["recording_id"], "status": "uploaded", "media": listed}
    rig.bota.faults["complete"].append(Fault(status=200, body=json.dumps(document).encode()))

    if taken:
        assert 100 == (await rig.cloud.complete(manifest, ref)).media
    else:
        with pytest.raises(NotTheCloud, match="more than 270336 bytes"):
            await rig.cloud.complete(manifest, ref)
