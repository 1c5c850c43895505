"""The Bota cloud API, and our own gateway, which speaks it too.

The credential is a device's own token, or an API key that relays on behalf of a device.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from device.clock import Clock
from device.cloud import CloudRef, MediaPath
from device.config import CloudConfig
from device.core import bota_api
from device.core.anew import AGAIN, times
from device.core.api_words import document_of, usable_token
from device.core.http_answer import ApiAnswer
from device.core.uploads.order import digest_medium
from device.errors import CloudConflict
from device.model import Evidence, Manifest, Receipt, SealedMedium, Target
from device.token import DEVICE_TOKEN, Slotted
from device.transport import Transport

_RECORDING = "recording_id"
_AT_ONCE = "targets_at_once"
_CREATED = frozenset({200, 201})
_UNKNOWN = frozenset({404, 405})
_UNAUTHORIZED, _TOO_EARLY = 401, 425
_ANSWER_BYTES, _MEDIUM_BYTES = 65_536, 2048
"""What an answer may need, and what more for each medium that it lists."""
_VERIFYING_WAITS_S = (2.0, 4.0, 8.0, *(10.0,) * 28)
"""Waits while the cloud verifies what it stored: about five minutes, then it counts as unwell."""


class Bota:
    """See `Cloud`. Every call is made once; only 425 is repeated here, as the API asks."""

    name = "bota"

    def __init__(
        self,
        config: CloudConfig,
        transport: Transport,
        clock: Clock,
        token_source: Callable[[], str],
    ) -> None:
        self._base_url = config.base_url.rstrip("/")
        self._allow_http = config.allow_http
        self._on_behalf_of = {"device_id": config.device_id, "end_user_id": config.end_user_id}
        self._transport = transport
        self._clock = clock
        self._token_source = token_source
        self._slots = token_source if isinstance(token_source, Slotted) else None
        parts = urlsplit(self._base_url)
        self.origin = f"{parts.scheme}://{parts.netloc}"

    async def open(self, manifest: Manifest, ref: CloudRef) -> CloudRef:
        """See `Cloud.open`: the Idempotency-Key comes from the recording's key, so it persists.

        What a person had sent anew has another one: the first may lead to a deleted recording.
        """
        if ref.get(_RECORDING):
            return ref
        token = await self._token()
        # A device token names its own device, and Bota wants to hear of no other.
        on_behalf_of = {} if token.startswith(DEVICE_TOKEN) else self._on_behalf_of
        answer = await self._post(
            "/recordings",
            bota_api.recording_body(manifest, **on_behalf_of),
            {"Idempotency-Key": _key(manifest, ref)},
            media=len(manifest.media),
        )
        if answer.status not in _CREATED:
            bota_api.refuse(answer, doing="create the recording")
        again = {AGAIN: ref[AGAIN]} if AGAIN in ref else {}
        at_once = bota_api.parse_at_once(answer)
        many = {_AT_ONCE: str(at_once)} if at_once > 1 else {}
        return {_RECORDING: bota_api.parse_created(answer), **many, **again}

    async def target(self, manifest: Manifest, medium: SealedMedium, ref: CloudRef) -> Target:
        """See `Cloud.target`: our gateway gives the same medium a fresh URL for the same key."""
        answer = await self._post(
            f"{self._recording_path(ref)}/upload-url",
            bota_api.medium_body(medium),
            {
                "Idempotency-Key": f"{_key(manifest, ref)}-{medium.index}",
                "X-Content-SHA256": medium.sha256,
            },
        )
        if answer.status not in _CREATED:
            bota_api.refuse(answer, doing="get an upload URL")
        return bota_api.parse_target(
            answer, medium, base_url=f"{self._base_url}/", allow_http=self._allow_http
        )

    def targets_at_once(self, ref: CloudRef) -> int:
        """See `Cloud.targets_at_once`: our gateway says so where it creates a recording."""
        return int(ref.get(_AT_ONCE, "1"))

    async def targets(
        self, manifest: Manifest, media: Sequence[SealedMedium], ref: CloudRef
    ) -> list[Target]:
        """See `Cloud.targets`."""
        answer = await self._post(
            f"{self._recording_path(ref)}/upload-urls",
            bota_api.media_body((m, f"{_key(manifest, ref)}-{m.index}") for m in media),
            {},
            media=2 * len(media),  # a signed URL is longer than what is told of a medium
        )
        if answer.status in _UNKNOWN:
            # A gateway that was put back to an earlier release knows the recording, not the call.
            return [await self.target(manifest, medium, ref) for medium in media]
        if answer.status not in _CREATED:
            bota_api.refuse(answer, doing="get upload URLs")
        return bota_api.parse_targets(
            answer, media, base_url=f"{self._base_url}/", allow_http=self._allow_http
        )

    async def stored(
        self,
        manifest: Manifest,
        medium: SealedMedium,
        target: Target,
        evidence: Evidence,
        ref: CloudRef,
    ) -> CloudRef:
        """See `Cloud.stored`: Bota asks the store itself."""
        del manifest, medium, target, evidence
        return ref

    async def complete(self, manifest: Manifest, ref: CloudRef) -> Receipt:
        """See `Cloud.complete`: repeated word for word, in case an earlier answer was lost."""
        path = f"{self._recording_path(ref)}/upload-complete"
        body = bota_api.completion_body(manifest)
        media = len(manifest.media)
        answer = await self._post(path, body, {}, media=media)
        for wait_s in _VERIFYING_WAITS_S:
            if answer.status != _TOO_EARLY:
                break
            await self._clock.sleep(wait_s)
            answer = await self._post(path, body, {}, media=media)
        if answer.status not in _CREATED:
            bota_api.refuse(answer, doing="complete the upload")
        sha256 = bota_api.parse_receipt(
            answer, recording=ref[_RECORDING], sha256=digest_medium(manifest).sha256
        )
        return Receipt(
            cloud=self.name,
            cloud_recording=ref[_RECORDING],
            acknowledged_at=self._clock.now(),
            sha256=sha256,
            media=media,
        )

    async def heartbeat(self, report: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """See `Cloud.heartbeat`."""
        me = await self._me()
        if me is None:
            return None
        answer = await self._post(f"{me}/heartbeat", report, {})
        if answer.status not in _CREATED:
            bota_api.refuse(answer, doing="send the heartbeat")
        return document_of(answer)

    async def answer_order(self, order: str, outcome: Mapping[str, Any]) -> None:
        """See `Cloud.answer_order`: Bota itself has no such call."""
        me = await self._me()
        if me is None:
            return
        path = f"{me}/commands/{quote(order, safe='')}/result"
        answer = await self._post(path, outcome, {})
        if answer.status not in _CREATED | _UNKNOWN:
            bota_api.refuse(answer, doing="tell how an order ended")

    async def next_token(self) -> str | None:
        """See `Cloud.next_token`: an API key has none."""
        if not (await self._token()).startswith(DEVICE_TOKEN):
            return None
        answer = await self._post("/devices/me/token/refresh", {}, {})
        if answer.status not in _CREATED:
            bota_api.refuse(answer, doing="get the next device token")
        return bota_api.parse_token(answer)

    async def aclose(self) -> None:
        """See `Cloud.aclose`: the transport belongs to the agent, which closes it."""

    def _recording_path(self, ref: CloudRef) -> str:
        if not (recording := ref.get(_RECORDING)):
            raise CloudConflict("the recording was never created in the cloud")
        return f"/recordings/{quote(recording, safe='')}"

    async def _me(self) -> str | None:
        """Return the path of the device that we are; None for an API key that names none."""
        if (await self._token()).startswith(DEVICE_TOKEN):
            return "/devices/me"
        device = self._on_behalf_of["device_id"]
        return f"/devices/{quote(device, safe='')}" if device else None

    async def _token(self) -> str:
        return usable_token(await asyncio.to_thread(self._token_source))

    async def _post(
        self, path: str, body: object, headers: dict[str, str], *, media: int = 0
    ) -> ApiAnswer:
        """Make one call; its answer may list so many media.

        A refused token is tried once more by another, where there are two for a while.
        """
        token = await self._token()
        answer = await self._call(token, path, body, headers, media)
        if self._slots is None:
            return answer
        if answer.status == _UNAUTHORIZED and await asyncio.to_thread(self._slots.refused, token):
            token = await self._token()
            answer = await self._call(token, path, body, headers, media)
            if answer.status == _UNAUTHORIZED:
                await asyncio.to_thread(self._slots.refused, token)
        if answer.status in _CREATED:
            await asyncio.to_thread(self._slots.worked, token)
        return answer

    async def _call(
        self, token: str, path: str, body: object, headers: dict[str, str], media: int
    ) -> ApiAnswer:
        return await self._transport.call(
            "POST",
            f"{self._base_url}{path}",
            {"Authorization": f"Bearer {token}", **headers},
            body,
            most_bytes=_ANSWER_BYTES + _MEDIUM_BYTES * media,
        )


def open_bota(
    config: CloudConfig,
    transport: Transport,
    clock: Clock,
    token_source: Callable[[], str],
    media_path: MediaPath,
) -> Bota:
    """Open the API; nothing is sent yet. It needs no look at the media."""
    del media_path
    return Bota(config, transport, clock, token_source)


def _key(manifest: Manifest, ref: CloudRef) -> str:
    again = times(ref)
    return f"fp-{manifest.key.entry_id()}" + (f"-again{again}" if again else "")
