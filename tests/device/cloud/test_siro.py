"""The Siro cloud over a strict double of its API."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio

from device import registry
from device.cloud import BUILTIN
from device.cloud.siro import Siro
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
from device.model import Evidence, Manifest, Target
from device.transport import Transport
from tests.device.cloud.conformance import CHECKS, Rig
from tests.device.cloud.loopback_rig import BAD_ANSWERS, PATIENCE, LoopbackRig
from tests.fakes.bota_api import CUT, HTML, Fault
from tests.fakes.clock import FakeClock
from tests.fakes.siro_api import TOKEN, SiroDouble
from tests.fakes.uploads import manifest_of, no_media

MANIFEST = manifest_of(b"audio", types=("audio/wav",))
CLIENT = '{"client_id": "client-1", "client_secret": "secret/1"}'
EVIDENCE = Evidence(status=200)


@dataclass
class SiroRig(LoopbackRig):
    cloud: Siro
    siro: SiroDouble
    clock: FakeClock
    token: list[str]
    types: tuple[str, str, str] = ("audio/wav", "audio/mpeg", "audio/aac")
    untaken: str | None = "image/jpeg"

    async def recordings(self) -> int:
        return len(self.siro.recordings)

    async def sent(self, manifest: Manifest = MANIFEST) -> Target:
        target = await self.cloud.target(manifest, manifest.media[0], {})
        await self.put(target, b"audio")
        return target

    async def announced(self, target: Target, manifest: Manifest = MANIFEST) -> dict[str, str]:
        return dict(await self.cloud.stored(manifest, manifest.media[0], target, EVIDENCE, {}))


@pytest_asyncio.fixture
async def rig(tmp_path: Path) -> AsyncIterator[SiroRig]:
    clock, token = FakeClock(), [TOKEN]
    async with SiroDouble() as siro, Transport(patience=PATIENCE) as transport:
        open_siro = registry.resolve("cloud", BUILTIN, "siro")
        config = CloudConfig(api="siro", base_url=siro.base_url, end_user_id="u-1")
        cloud = open_siro(config, transport, clock, lambda: token[0], no_media)
        yield SiroRig(siro.net, siro.tokens, transport, tmp_path, cloud, siro, clock, token)


@pytest.fixture
def granted(rig: SiroRig) -> SiroRig:
    """A cloud that gets its tokens with client credentials."""
    config = CloudConfig(
        api="siro",
        base_url=rig.siro.base_url,
        end_user_id="u-1",
        oauth_url=rig.siro.oauth_url,
    )
    rig.siro.tokens.clear()
    rig.token[0] = CLIENT
    return replace(rig, cloud=Siro(config, rig.transport, rig.clock, lambda: rig.token[0]))


@pytest.mark.asyncio
async def test_what_is_no_token_endpoint_names_the_key_of_its_address(granted: SiroRig) -> None:
    """A person who corrects base_url instead would look for hours."""
    granted.siro.net.faults["token"].append(Fault(status=404))
    with pytest.raises(NotTheCloud) as told:
        await granted.cloud.target(MANIFEST, MANIFEST.media[0], {})

    assert "oauth_url" in (told.value.hint or "")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.asyncio
async def test_conformance(rig: SiroRig, check: Callable[[Rig], Awaitable[None]]) -> None:
    """Siro does what every cloud must do."""
    await check(rig)


@pytest.mark.asyncio
async def test_what_siro_is_told(rig: SiroRig) -> None:
    """A recording is made of its file, with its type, its user, and our name for it."""
    manifest = replace(MANIFEST, times_trusted=True)
    await rig.announced(await rig.sent(manifest), manifest)
    (told,) = rig.siro.recordings.values()

    assert "wav" == told["fileType"]
    assert "u-1" == told["userId"]
    assert f"fp-{MANIFEST.key.entry_id()}-0" == told["title"]
    assert "2026-03-01T09:00:00.000Z" == told["dateCreated"]
    assert b"audio" == told["content"]


@pytest.mark.parametrize(
    ("user", "field"),
    [("kim@example.org", "userEmail"), ("+4412345", "userPhone"), ("u-1", "userId")],
)
@pytest.mark.asyncio
async def test_whose_recording_it_is(rig: SiroRig, user: str, field: str) -> None:
    """A user may be named by id, by e-mail address or by telephone number."""
    config = CloudConfig(api="siro", base_url=rig.siro.base_url, end_user_id=user)
    rig.cloud = Siro(config, rig.transport, rig.clock, lambda: TOKEN)
    await rig.announced(await rig.sent())
    (told,) = rig.siro.recordings.values()

    assert user == told[field]


@pytest.mark.asyncio
async def test_a_file_whose_url_died_is_sent_again(rig: SiroRig) -> None:
    """After a day offline Siro can no longer fetch the file: the medium is named as missing."""
    target = await rig.sent()
    rig.siro.net.pass_time(86_400)

    with pytest.raises(MediaMissing) as caught:
        await rig.announced(target)
    assert ("0",) == caught.value.refs


@pytest.mark.asyncio
async def test_another_refusal_is_not_sent_again(rig: SiroRig) -> None:
    """While its URL lives, a file that Siro refuses is no missing one: a person must look."""
    target = await rig.cloud.target(MANIFEST, MANIFEST.media[0], {})

    with pytest.raises(CloudRejected, match="there is no file"):
        await rig.announced(target)


@pytest.mark.asyncio
async def test_a_target_of_another_cloud(rig: SiroRig) -> None:
    """A medium that went elsewhere before the configuration changed is sent again."""
    with pytest.raises(MediaMissing):
        await rig.announced(Target(url="https://elsewhere.example/"))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        *BAD_ANSWERS,
        (Fault(status=200, body=b'{"data": {}}'), NotTheCloud),
    ],
)
@pytest.mark.parametrize("operation", ["signed-urls", "register"])
@pytest.mark.asyncio
async def test_bad_answers_are_named(
    rig: SiroRig, operation: str, fault: Fault, error: type[CloudError]
) -> None:
    """A portal, a redirect, an empty object, a cut: each call names it, none calls it success."""
    rig.siro.net.faults[operation].extend([fault, fault])
    target = Target(url="https://gcs.example/", ref={"media_id": "0", "file_url": "x"})

    with pytest.raises(error):
        await (rig.sent() if operation == "signed-urls" else rig.announced(target))


@pytest.mark.asyncio
async def test_client_credentials_are_kept(granted: SiroRig) -> None:
    """One token serves until shortly before it expires, by the monotonic clock."""
    await granted.sent()
    granted.clock.step(-7_200)
    granted.clock.advance(3_500)
    await granted.sent()
    kept = granted.siro.net.count("token")
    granted.clock.advance(41)
    await granted.sent()

    assert 1 == kept
    assert 2 == granted.siro.net.count("token")


@pytest.mark.asyncio
async def test_a_refused_token_is_replaced_once(granted: SiroRig) -> None:
    """A token that Siro has revoked early is replaced, and the call goes through."""
    await granted.sent()
    granted.siro.tokens.clear()
    await granted.sent()

    assert 2 == granted.siro.net.count("token")


@pytest.mark.asyncio
async def test_a_new_token_that_is_refused_too(granted: SiroRig) -> None:
    """When a fresh token is no good either the operator must look; nothing goes round."""
    granted.siro.net.faults["signed-urls"].extend([Fault(status=401)] * 2)

    with pytest.raises(TokenRefused):
        await granted.sent()
    assert 2 == granted.siro.net.count("token")


@pytest.mark.asyncio
async def test_replaced_credentials_work_at_once(granted: SiroRig) -> None:
    """Other credentials in the file are not served from the token of the earlier ones."""
    await granted.sent()
    granted.token[0] = CLIENT.replace("secret/1", "wrong")

    with pytest.raises(TokenRefused, match="invalid_client: who"):
        await granted.sent()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (HTML, NotTheCloud),
        (Fault(status=200, body=b'{"access_token": 1}'), NotTheCloud),
        (Fault(status=200, body=b'{"access_token": "two words"}'), TokenRefused),
        (Fault(status=401), TokenRefused),
        (Fault(status=503), CloudUnwell),
        (CUT, CloudUnreachable),
    ],
)
@pytest.mark.asyncio
async def test_a_token_endpoint_in_trouble(
    granted: SiroRig, fault: Fault, error: type[CloudError]
) -> None:
    """Whatever the token endpoint answers is named, and no call is made without a token."""
    granted.siro.net.faults["token"].append(fault)

    with pytest.raises(error):
        await granted.sent()
    assert 0 == granted.siro.net.count("signed-urls")


@pytest.mark.parametrize("text", ["", "a token", '{"client_id": "x"}', "[1, 2]", '{"a": 1}'])
@pytest.mark.asyncio
async def test_no_client_credentials(granted: SiroRig, text: str) -> None:
    """A token file that holds no client is said to be so, and nothing is asked."""
    granted.token[0] = text

    with pytest.raises(TokenRefused, match="client_id"):
        await granted.sent()
    assert [] == granted.siro.net.requests


@pytest.mark.parametrize("life", [b"", b', "expires_in": "1h"', b', "expires_in": 1' + b"0" * 400])
@pytest.mark.asyncio
async def test_a_token_without_an_end(granted: SiroRig, life: bytes) -> None:
    """Where the endpoint names no life that can be, a token serves until it is refused."""
    body = b'{"access_token": "granted-x", "token_type": "Bearer"%s}' % life
    granted.siro.net.faults["token"].append(Fault(status=200, body=body))
    granted.siro.tokens.add("granted-x")
    await granted.sent()
    granted.clock.advance(1e9)
    await granted.sent()

    assert 1 == granted.siro.net.count("token")


@pytest.mark.asyncio
async def test_two_uploads_at_once_share_a_token(granted: SiroRig) -> None:
    """Recordings that go up at the same time ask for one token between them."""
    medium = MANIFEST.media[0]
    await asyncio.gather(*(granted.cloud.target(MANIFEST, medium, {}) for _ in range(3)))

    assert 1 == granted.siro.net.count("token")
    assert 3 == granted.siro.net.count("signed-urls")


@pytest.mark.asyncio
async def test_a_refusal_that_two_meet_is_answered_once(granted: SiroRig) -> None:
    """Of two calls that meet the same revoked token only one asks for its successor."""
    medium = MANIFEST.media[0]
    await granted.sent()
    granted.siro.tokens.clear()
    await asyncio.gather(*(granted.cloud.target(MANIFEST, medium, {}) for _ in range(2)))

    assert 2 == granted.siro.net.count("token")
